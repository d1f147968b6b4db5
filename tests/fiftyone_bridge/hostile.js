// Everything that a script of a foreign page can send to the App. What it learns of each try: the status of an answer
// that it may read, "opaque" for one that it may not, "refused" where the browser or the server refused it.
async ({ app, bodies, pictures }) => {
  const learned = {};
  const noted = async (name, work) => {
    try {
      learned[name] = await Promise.race([work(), new Promise((done) => setTimeout(done, 4000, "nothing"))]);
    } catch (error) {
      learned[name] = "refused";
    }
  };
  const plain = (body, more) => fetch(`${app}/operators/execute`, { method: "POST", body, ...more })
    .then((answer) => answer.type === "opaque" ? "opaque" : answer.status);
  const frameOf = (make) => new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.onload = () => setTimeout(done, 1500, "shown");
    make(frame);
    document.body.append(frame);
  });
  const element = (tag, url) => new Promise((done) => {
    const made = document.createElement(tag);
    made.onload = () => done("shown");
    made.onerror = () => done("refused");
    made.src = url;
    document.body.append(made);
  });
  for (const [at, body] of bodies.entries()) {
    await noted(`no-cors ${at}`, () => plain(body, { mode: "no-cors", headers: { "content-type": "text/plain" } }));
    await noted(`credentials ${at}`, () => plain(body, { mode: "no-cors", credentials: "include" }));
    await noted(`cors ${at}`, () => plain(body, { headers: { "content-type": "application/json", "x-dqkit-key": "guess" } }));
    await noted(`beacon ${at}`, async () => { navigator.sendBeacon(`${app}/operators/execute`, body); return "sent"; });
    await noted(`form ${at}`, () => frameOf((frame) => {
      frame.name = `form${at}`;
      const form = Object.assign(document.createElement("form"), { method: "post", action: `${app}/operators/execute`, enctype: "text/plain", target: frame.name });
      // name=value with the "=" inside a string of the JSON
      const [head, tail] = [body.slice(0, -1) + ', "x": "', '"}'];
      form.append(Object.assign(document.createElement("input"), { name: head, value: tail }));
      document.body.append(form);
      setTimeout(() => form.submit(), 100);
    }));
    await noted(`sandboxed ${at}`, () => frameOf((frame) => {
      frame.setAttribute("sandbox", "allow-scripts allow-forms");
      const call = JSON.stringify([`${app}/operators/execute`, body]).replaceAll("<", "\u003c");
      frame.srcdoc = `<script>const [at, body] = ${call}; fetch(at, { method: "POST", mode: "no-cors", body });</` + "script>";
    }));
  }
  for (const [name, url] of Object.entries(pictures)) {
    await noted(`img ${name}`, () => element("img", url));
    await noted(`script ${name}`, () => element("script", url));
    await noted(`fetch ${name}`, () => fetch(url, { mode: "no-cors", credentials: "include" }).then((answer) => answer.type));
  }
  await noted("events", () => new Promise((done) => {
    const source = new EventSource(`${app}/events`, { withCredentials: true });
    source.onopen = () => done("open");
    source.onerror = () => done("refused");
  }));
  await noted("websocket", () => new Promise((done) => {
    const socket = new WebSocket(`${app.replace("http", "ws")}/graphql`);
    socket.onopen = () => done("open");
    socket.onerror = () => done("refused");
  }));
  await noted("enter", () => fetch(`${app}/dqkit/enter`, { method: "POST", body: "", credentials: "include" }).then((answer) => answer.status));
  await noted("frame", () => frameOf((frame) => { frame.src = `${app}/`; }));
  return learned;
}
