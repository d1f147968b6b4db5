"""A JupyterLab of its own (settings, runtime, kernels) and a notebook in it, driven through Playwright."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

CHROMIUM = os.environ.get("DQKIT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
REPOSITORY = Path(__file__).resolve().parents[2]
LABELER = ".dqkit-labeler"


class Lab:
    """JupyterLab on 127.0.0.1 without a token, for as long as the `with` block lasts."""

    def __init__(self, folder: Path, *, extra: tuple[str, ...] = ()) -> None:
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        self._folder = folder
        self._extra = extra
        self.shared_kernel: str | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Lab:
        settings = self._folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
        own = {
            name: str(self._folder / name.lower())
            for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        }
        own["JUPYTERLAB_SETTINGS_DIR"] = str(self._folder / "settings")
        own["JUPYTERLAB_WORKSPACES_DIR"] = str(self._folder / "workspaces")
        paths = [str(REPOSITORY), str(REPOSITORY / "tests" / "relabel"), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, **own, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self._log = (self._folder / "lab.log").open("w")
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=",
            "--LabApp.expose_app_in_browser=True", f"--ServerApp.root_dir={self.root}", *self._extra,
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, env=environment, stdout=self._log, stderr=subprocess.STDOUT, cwd=self.root
        )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()  # the server ends its kernels
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _wait(self) -> None:
        end = time.monotonic() + 90
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(self.url + "/api", timeout=10):
                    return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"JupyterLab did not start:\n{(self._folder / 'lab.log').read_text()[-3000:]}")

    def put(self, what: Path | list[str], *, name: str) -> str:
        """Copies a notebook, or writes one of these code cells, into the lab; its name there."""
        target = self.root / (what.name if isinstance(what, Path) else name)
        if isinstance(what, Path):
            shutil.copy(what, target)
            return target.name
        blank = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        cells = [{**blank, "id": uuid.uuid4().hex[:8], "source": source} for source in what]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        target.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
        return target.name


class Notebook:
    """One notebook open in a page of the lab."""

    def __init__(self, lab: Lab, page: Any, name: str) -> None:
        self.lab, self.page, self.name = lab, page, name
        self._own_kernel = True

    def open(self, *, own_kernel: bool = True) -> None:
        """Opens it in the lab that the page shows (or in a new one) and waits for an idle kernel.

        Without `own_kernel` it takes the lab's shared kernel, starting it the first time.
        """
        self._own_kernel = own_kernel
        shared = None if own_kernel else self.lab.shared_kernel
        if not self.page.url.startswith(self.lab.url):
            self.page.goto(f"{self.lab.url}/lab/workspaces/{uuid.uuid4().hex[:8]}")
        self.page.wait_for_function("() => window.jupyterapp?.restored !== undefined")
        kernel = self.page.evaluate(
            """async ([path, shared]) => {
                const app = window.jupyterapp;
                await app.restored;
                const kernel = shared ? { id: shared } : { name: 'python3' };
                const panel = await app.commands.execute('docmanager:open', { path, factory: 'Notebook', kernel });
                await panel.sessionContext.ready;
                return panel.sessionContext.session.kernel.id;
            }""",
            [self.name, shared],
        )
        if not own_kernel:
            self.lab.shared_kernel = kernel
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        self.page.wait_for_function(
            """() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'""",
            timeout=60_000,
        )
        self.page.wait_for_selector(".jp-Notebook .jp-Cell:visible")

    def command(self, name: str, **arguments: Any) -> None:
        """Runs a JupyterLab command; does not wait for what it started."""
        self.page.evaluate("([name, args]) => { window.jupyterapp.commands.execute(name, args); }", [name, arguments])

    def run_all(self, *, timeout: float = 120) -> None:
        """Runs every cell and waits until none is running; raises where a cell shows an error."""
        done = "async () => await window.jupyterapp.commands.execute('notebook:run-all-cells')"
        self.page.set_default_timeout(timeout * 1000)
        self.page.evaluate(done)
        self.page.set_default_timeout(30_000)
        errors = self.page.locator('.jp-RenderedText[data-mime-type="application/vnd.jupyter.error"]')
        if errors.count():
            raise AssertionError(f"a cell of {self.name} failed:\n{errors.first.inner_text()}")

    def run_cells(self, *indices: int) -> None:
        """Runs these cells in turn and waits for each."""
        for index in indices:
            self.page.evaluate(
                """async (index) => {
                    window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
                    await window.jupyterapp.commands.execute('notebook:run-cell');
                }""",
                index,
            )

    def run_cell(self, index: int) -> None:
        """Starts one cell without waiting for it."""
        self.page.evaluate(
            """(index) => {
                const panel = window.jupyterapp.shell.currentWidget;
                panel.content.activeCellIndex = index;
                window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            index,
        )

    def save(self) -> None:
        """Saves it with its outputs."""
        self.page.evaluate("async () => await window.jupyterapp.shell.currentWidget.context.save()")

    def reload(self) -> None:
        """Reloads the page and opens the notebook again, with the kernel it had."""
        self.page.reload()
        self.page.wait_for_function("() => window.jupyterapp?.restored !== undefined")
        self.page.evaluate(
            """async (path) => {
                const app = window.jupyterapp;
                await app.restored;
                const panel = await app.commands.execute('docmanager:open', { path, factory: 'Notebook' });
                await panel.sessionContext.ready;
            }""",
            self.name,
        )

    def restart_kernel(self) -> None:
        """Restarts the kernel and waits until it is idle."""
        self.page.evaluate(
            "async () => await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )
        self.wait_for_kernel()

    def comms_over_subshells(self, on: bool) -> None:
        """Whether widget messages may overtake a running cell; holds for widgets made from here on."""
        self.page.evaluate(
            """(how) => {
                window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.commsOverSubshells = how;
            }""",
            "perCommTarget" if on else "disabled",
        )

    def evaluate(self, source: str, *, timeout: float = 30) -> Any:
        """What the expression gives in the kernel, through JSON; it waits its turn behind a running cell."""
        code = f"import json as _json; print(_json.dumps({source}))"
        text = self.page.evaluate(
            """async (code) => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false });
                let text = '';
                future.onIOPub = (message) => {
                    if (message.header.msg_type === 'stream') text += message.content.text;
                    if (message.header.msg_type === 'error') text += message.content.traceback.join('\\n');
                };
                await future.done;
                return text;
            }""",
            code,
        )
        return json.loads(text)

    def labeler(self) -> Any:
        """The widget's root element, once a sample is painted."""
        self.page.wait_for_selector(f"{LABELER}[data-sample-id]")
        return self.page.locator(LABELER).first

    def painted(self, sample_id: str, *, timeout: float = 10) -> None:
        """Waits until this sample is the painted one; says what the outputs show when it never is."""
        try:
            self.page.wait_for_selector(f'{LABELER}[data-sample-id="{sample_id}"]', timeout=timeout * 1000)
        except Exception as error:
            shown = self.page.locator(".jp-OutputArea-output:visible").all_inner_texts()
            raise AssertionError(f"{sample_id} was not painted; the outputs show {shown}") from error

    def saved(self, *, timeout: float = 30) -> None:
        """Waits until every answer of the page is durable."""
        self.page.wait_for_selector(f'{LABELER}[data-pending="0"]', timeout=timeout * 1000)

    def close(self) -> None:
        """Closes it without saving, and ends its kernel if it is its own."""
        self.page.evaluate(
            """async (own) => {
                const panel = window.jupyterapp.shell.currentWidget;
                if (!panel) return;
                if (own) await panel.sessionContext.shutdown();
                await panel.context.save();
                panel.dispose();
            }""",
            self._own_kernel,
        )
