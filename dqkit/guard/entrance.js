// Runs before every other script of a protected page. It enters with the ticket in the address, which it then takes out,
// and sends the key along with every request to this server. The key stays in this browser, for this address and port.
(() => {
  const KEY = "dqkit/key";
  const HEADER = "x-dqkit-key";
  const HELP = "This page has no key to its server, or the server was started anew. Open it again from Python: wb.open_fiftyone() or the address that session.url prints. ";
  const plain = window.fetch.bind(window);
  let memory = null; // where the browser keeps nothing for this page
  let bar = null;

  const remembered = () => {
    try {
      return window.localStorage.getItem(KEY) ?? memory;
    } catch {
      return memory;
    }
  };
  const remember = (key) => {
    memory = key;
    try {
      window.localStorage.setItem(KEY, key);
    } catch {
      // for this page only, then
    }
  };

  const show = () => {
    if (bar) return;
    if (!document.body) {
      document.addEventListener("DOMContentLoaded", show, { once: true });
      return;
    }
    const style = "position:fixed;top:0;left:0;right:0;z-index:2147483647;padding:12px 16px;font:600 14px/1.4 sans-serif;text-align:center;color:#fff;background:#b3261e";
    bar = Object.assign(document.createElement("div"), { className: "dqkit-keyless", style, textContent: HELP });
    bar.setAttribute("role", "alert");
    document.body.append(bar);
  };

  // Behind a proxy the address says under which path this server stands. Whatever it says, the key goes nowhere else.
  const place = () => {
    const prefix = new URLSearchParams(location.search).get("proxy") ?? "/";
    try {
      const found = new URL(`${prefix}dqkit/enter`, location.origin);
      if (found.origin === location.origin) return found;
    } catch {
      // no path at all
    }
    return new URL("/dqkit/enter", location.origin);
  };
  const enter = async (ticket) => {
    const key = remembered();
    if (!ticket && !key) return show();
    const headers = key ? { [HEADER]: key } : {};
    try {
      const answer = await plain(place(), { method: "POST", body: ticket ?? "", headers });
      if (answer.ok) remember((await answer.json()).key);
      else show();
    } catch (error) {
      console.warn("dqkit: the server does not answer", error);
    }
  };

  const ticket = new URLSearchParams(location.hash.slice(1)).get("dqkit");
  if (ticket) history.replaceState(history.state, "", location.pathname + location.search);
  const entered = enter(ticket);

  window.fetch = async (input, init) => {
    await entered;
    const request = new Request(input, init);
    if (new URL(request.url).origin !== location.origin) return plain(request);
    request.headers.set(HEADER, remembered() ?? "");
    const answer = await plain(request);
    if (answer.status === 401) show();
    return answer;
  };

  // Another tab has entered a server that was started anew: this one goes on with it.
  window.addEventListener("storage", (event) => {
    if (event.key === KEY && event.newValue && bar) location.reload();
  });
})();
