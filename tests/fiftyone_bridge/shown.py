"""The App on a pushed dataset, and a browser that shows it to a person."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import requests

from dqkit.fiftyone_bridge import admission, open_app, pull
from dqkit.guard import HEADER

CLASSES = ("cat", "dog", "eel")
N = 160
NAME = f"panel-{os.getpid()}"
ROOT = ".dqkit-labeler"
PATIENCE = 90_000  # milliseconds: FiftyOne's page takes half a minute where other work fills the machine


class App:
    """The App on one pushed dataset of 160 queued samples, and a browser for its pages."""

    def __init__(self, browser: Any, port: int) -> None:
        self.browser, self.port = browser, port
        self.session = self.open()
        self.hosts: set[str] = set()  # all that any page asked, whether or not it was let through

    def open(self) -> Any:
        return open_app(NAME, port=self.port, auto=False, annotator="ana")

    def page(self, *, annotator: str = "ana", tab: str = "first") -> Any:
        """A new tab of one browser with the panel on its first sample; tab: what tells it from its copies."""
        page = self.browser.new_page()
        memory = "window.IS_PLAYWRIGHT = true;"  # no advertisement over the page
        memory += f"localStorage.setItem('dqkit/annotator', {annotator!r});"
        memory += f"sessionStorage.setItem('dqkit/tab', {tab!r});"
        page.add_init_script(memory)
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        self.show(page)
        return page

    def show(self, page: Any) -> None:
        """Opens the App in the tab and waits for the first painted sample."""
        page.goto(self.session.url)
        page.wait_for_selector(f"{ROOT}[data-sample-id]")
        page.locator(ROOT).focus()

    def status(self, method: str, path: str, *, key: bool = False) -> int:
        """What a program on this machine is answered, with or without the key."""
        headers = {HEADER: admission.key_of(self.port)} if key else {}
        return requests.request(method, f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=30).status_code

    def execute(self, asked: dict[str, Any]) -> tuple[int, str]:
        """What the server answers a program that has the key and asks for an operator."""
        headers = {HEADER: admission.key_of(self.port)}
        at = f"http://127.0.0.1:{self.port}/operators/execute"
        answer = requests.post(at, data=json.dumps(asked), headers=headers, timeout=30)
        return answer.status_code, answer.text

    def pulled(self) -> dict[str, tuple[str, str | None, str]]:
        """What a pull gives now: sample id -> (kind, label, annotator)."""
        return {e.sample_id: (e.kind, e.label, e.annotator) for e in pull(NAME) if e.kind != "undo"}

    def settled(self, sample_ids: set[str]) -> dict[str, tuple[str, str | None, str]]:
        """What a pull gives once all these samples are in it, within ten seconds."""
        for _ in range(50):
            found = self.pulled()
            if sample_ids <= set(found):
                break
            time.sleep(0.2)
        return found


def painted(page: Any) -> str:
    return str(page.get_attribute(ROOT, "data-sample-id"))


def press(page: Any, key: str) -> str:
    """Presses a key on the painted sample, waits until another one is painted, and says which it was."""
    before = painted(page)
    page.keyboard.press(key)
    page.wait_for_function(
        f"(was) => {{ const now = document.querySelector('{ROOT}').dataset.sampleId; return now && now !== was; }}",
        arg=before,
    )
    return before
