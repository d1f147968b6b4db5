"""The labelling widget in marimo, a notebook without ipywidgets' page: the same keys, the same durable answers."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import REPOSITORY

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(importlib.util.find_spec("marimo") is None, reason="marimo is not installed"),
]

APP = """
import marimo
app = marimo.App()

@app.cell
def _():
    from memory_queue import MemoryQueue, digit_cards
    from dqkit.relabel import Labeler
    classes = ["zero", "one", "two"]
    queue = MemoryQueue(digit_cards(30, classes=classes), classes, path={path!r})
    Labeler(queue, key="marimo")
    return

if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def marimo_page(tmp_path: Path, browser_page) -> Iterator[tuple[object, Path]]:
    """A page of a running marimo app that shows the widget, and the file its answers go to."""
    path = tmp_path / "events.jsonl"
    (tmp_path / ".marimo.toml").write_text('[display]\ntheme = "system"\n')
    (tmp_path / "app.py").write_text(APP.format(path=str(path)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    paths = [str(REPOSITORY), str(REPOSITORY / "tests" / "relabel"), os.environ.get("PYTHONPATH", "")]
    own = {name: str(tmp_path / name.lower()) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    environment = {
        **os.environ,
        **own,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "MARIMO_SKIP_UPDATE_CHECK": "1",
    }
    command = [
        sys.executable, "-m", "marimo", "run", str(tmp_path / "app.py"), "--headless", "--no-token",
        "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path)
        try:
            wait_for(f"http://127.0.0.1:{port}/health", server, tmp_path / "log")
            browser_page.goto(f"http://127.0.0.1:{port}")
            yield browser_page, path
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"marimo did not start:\n{log.read_text()[-3000:]}")


def events(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [(event["sample_id"], event["label"] or event["kind"]) for event in map(json.loads, lines)]


def painted(page, sample_id: str) -> None:
    page.wait_for_selector(f'.dqkit-labeler[data-sample-id="{sample_id}"]', timeout=30_000)


def test_in_marimo_a_name_is_asked_for_once_and_every_key_is_a_durable_answer(marimo_page):
    page, path = marimo_page
    page.locator(".dq-your-name").fill("ana")
    page.keyboard.press("Enter")
    for i, key in enumerate(["1", "Enter", " ", "f", "3"]):
        painted(page, f"s{i:03d}")
        page.keyboard.press(key)
    painted(page, "s005")
    page.keyboard.press("Backspace")
    painted(page, "s004")
    page.wait_for_selector('.dqkit-labeler[data-pending="0"]')
    done = [("s000", "zero"), ("s001", "one"), ("s002", "skip"), ("s003", "flag"), ("s004", "two"), ("s004", "undo")]
    assert events(path) == done
    assert page.locator(".dq-stage canvas.dq-picture").count() == 1
    page.keyboard.press("n")
    page.keyboard.type("a note")
    page.keyboard.press("Enter")
    page.keyboard.press("g")
    page.wait_for_selector(".dq-cell")
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    page.wait_for_selector('.dqkit-labeler[data-pending="0"]')
    # The largest group that is left: the suggestions "one", its first sample taken out.
    assert events(path)[6:] == [("s004", "note"), *((f"s{i:03d}", "one") for i in range(7, 30, 3))]
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("() => document.body.classList.contains('dark')")
    assert (
        page.locator(".dqkit-labeler").evaluate("(root) => getComputedStyle(root).backgroundColor") == "rgb(28, 30, 33)"
    )
    page.reload()
    page.wait_for_selector(".dqkit-labeler[data-sample-id]", timeout=30_000)
    assert page.locator(".dq-your-name").count() == 0
    assert page.locator(".dq-who").inner_text() == "ana"
