"""The queue panel, the buttons and the App itself, as a person meets them: a real App in headless Chromium."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from dqkit.fiftyone_bridge import open_app, pull, push
from dqkit.fiftyone_bridge.panel_queue import PanelQueue
from dqkit.records import Dataset, Predictions
from dqkit.relabel import Answer
from tests.browser.lab import CHROMIUM, CHROMIUM_FLAGS

pytestmark = pytest.mark.browser
CLASSES = ("cat", "dog", "eel")
N = 160
NAME = f"panel-{os.getpid()}"
ROOT = ".dqkit-labeler"


class App:
    """The App on one pushed dataset of 160 queued samples, and a browser for its pages."""

    def __init__(self, browser: Any, port: int) -> None:
        self.browser, self.port = browser, port
        self.session = self.open()
        self.hosts: set[str] = set()

    def open(self) -> Any:
        return open_app(NAME, port=self.port, auto=False, annotator="ana")

    def page(self, *, annotator: str = "ana", tab: str = "first") -> Any:
        """A new tab of one browser with the panel on its first sample; tab: what tells it from its copies."""
        page = self.browser.new_page()
        memory = "window.IS_PLAYWRIGHT = true;"  # no advertisement over the page
        memory += f"localStorage.setItem('dqkit/annotator', {annotator!r});"
        memory += f"sessionStorage.setItem('dqkit/tab', {tab!r});"
        page.add_init_script(memory)
        page.set_default_timeout(30_000)
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        self.show(page)
        return page

    def show(self, page: Any) -> None:
        """Opens the App in the tab and waits for the first painted sample."""
        page.goto(f"http://127.0.0.1:{self.port}/")
        page.wait_for_selector(f"{ROOT}[data-sample-id]")
        page.locator(ROOT).focus()

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


@pytest.fixture(scope="module")
def app(fo: ModuleType, playwright: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("app")
    before = fo.config.plugins_dir
    fo.config.plugins_dir = os.environ["FIFTYONE_PLUGINS_DIR"] = str(folder / "plugins")
    rng = np.random.default_rng(0)
    ids = np.array([f"s{i:03d}" for i in range(N)], dtype=object)
    labels = np.arange(N) % 3
    images = rng.integers(0, 256, (N, 8, 8), dtype=np.uint8)
    split = np.full(N, "train", dtype=object)
    dataset = Dataset(ids, labels, CLASSES, "image", images, split, pd.DataFrame(index=ids), name="animals")
    current = pd.DataFrame({"label": [CLASSES[i] for i in labels], "source": "given", "annotator": None}, index=ids)
    features = rng.random((N, 4)).astype(np.float32)
    probs = rng.dirichlet(np.ones(3), N).astype(np.float32)
    queue = pd.DataFrame({"sample_id": ids, "action": "relabel", "score": 0.5, "suggested_label": "eel"})
    push(
        dataset,
        labels=current,
        predictions=Predictions.from_arrays(probs, ids=list(ids), classes=CLASSES, features=features),
        queue=queue.assign(reasons="looks like an <b>eel</b>"),
        name=NAME,
        media_dir=folder / "media",
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
    running = App(chromium.new_context(viewport={"width": 1500, "height": 900}), port)
    yield running
    chromium.close()
    running.session.close()
    fo.delete_dataset(NAME)
    fo.config.plugins_dir = before
    del os.environ["FIFTYONE_PLUGINS_DIR"]


@pytest.fixture(scope="module")
def page(app: App) -> Any:
    """One tab for all tests: FiftyOne's page takes seconds to load. Each test goes on where the last one stopped."""
    return app.page()


def test_every_key_of_the_panel_is_an_answer_about_the_painted_sample(app: App, page: Any) -> None:
    panel = page.locator(ROOT)
    assert panel.locator(".dq-fact-value").first.inner_text() == CLASSES[int(painted(page)[1:]) % 3]
    assert panel.locator(".dq-reasons").inner_text() == "looks like an <b>eel</b>"
    answered = {press(page, key): key for key in ("1", "Enter", "Space", "f")}
    withdrawn = press(page, "2")
    page.keyboard.press("Backspace")
    page.wait_for_selector(f'{ROOT}[data-sample-id="{withdrawn}"]')
    # The grid beside shows what is left, without a reload by hand.
    page.get_by_text(f"{N - 4} samples", exact=True).wait_for()
    said = {"1": ("label", "cat"), "Enter": ("label", "eel"), "Space": ("skip", None), "f": ("flag", None)}
    assert app.pulled() == {sample_id: (*said[key], "ana") for sample_id, key in answered.items()}
    assert app.hosts <= {f"127.0.0.1:{app.port}", "fonts.googleapis.com"}  # the App's own typeface, nothing of ours


def test_a_burst_of_twenty_keys_labels_the_twenty_painted_samples(app: App, page: Any) -> None:
    before = set(app.pulled())
    pressed = page.evaluate(
        """async (selector) => {
            const root = document.querySelector(selector);
            const frame = () => new Promise((done) => requestAnimationFrame(done));
            const pressed = [];
            while (pressed.length < 20) {
                pressed.push(root.dataset.sampleId);
                root.dispatchEvent(new KeyboardEvent('keydown', { key: '3', bubbles: true, cancelable: true }));
                while (root.dataset.sampleId === pressed.at(-1)) await frame();
            }
            return pressed;
        }""",
        ROOT,
    )
    now = app.settled(set(pressed))
    assert set(now) - before == set(pressed)
    assert {now[sample_id][1] for sample_id in pressed} == {"eel"}
    assert len(set(pressed)) == 20


def test_keys_faster_than_the_screen_label_nothing_that_was_not_painted(app: App, page: Any) -> None:
    before, shown = set(app.pulled()), painted(page)
    page.evaluate(
        """(selector) => {
            for (let i = 0; i < 20; i++) {
                const key = new KeyboardEvent('keydown', { key: '3', bubbles: true, cancelable: true });
                document.querySelector(selector).dispatchEvent(key);
            }
        }""",
        ROOT,
    )
    page.wait_for_selector(f'{ROOT}[data-sample-id]:not([data-sample-id="{shown}"])')
    then = press(page, "1")
    assert set(app.settled({shown, then})) - before == {shown, then}


def test_an_answer_of_another_program_is_respected_by_the_open_page(app: App, page: Any, fo: ModuleType) -> None:
    shown = painted(page)
    target = fo.load_dataset(NAME)
    elsewhere = PanelQueue(target._sample_collection, target.info["dqkit"], "elsewhere")
    elsewhere.record(Answer("event-elsewhere", shown, "label", "dog"), "eve")
    page.keyboard.press("3")
    page.wait_for_selector(".dq-notice.dq-error:not([hidden])")
    assert "eve answered this sample already" in page.locator(".dq-notice").inner_text()
    assert app.pulled()[shown] == ("label", "dog", "eve")


def test_of_two_copies_of_one_tab_one_answer_is_kept(app: App, page: Any) -> None:
    app.show(page)
    copy = app.page(annotator="cyd")
    assert painted(page) == painted(copy)
    contested = press(page, "1")
    app.settled({contested})
    copy.keyboard.press("3")
    copy.wait_for_selector(".dq-notice.dq-error:not([hidden])")
    assert "ana answered this sample already" in copy.locator(".dq-notice").inner_text()
    assert app.pulled()[contested] == ("label", "cat", "ana")
    copy.close()


def test_selected_tiles_are_confirmed_at_once(app: App, page: Any) -> None:
    before = set(app.pulled())
    # Not while the grid is being brought up to date.
    page.get_by_text(f"{N - len(before)} samples", exact=True).wait_for()
    tiles = page.locator("[data-cy=looker]")
    for index in (5, 7):
        tiles.nth(index).hover()
        tiles.nth(index).locator("input[type=checkbox]").first.evaluate("box => box.click()")
    page.keyboard.press("Escape")  # out of the panel, which keeps every key to itself
    page.keyboard.press("`")
    page.get_by_placeholder("Search operations by name...").fill("dqkit: Confirm")
    page.get_by_text("dqkit: Confirm the labels").first.click()
    page.get_by_text("2 selected samples").wait_for()
    page.get_by_role("button", name="Execute").first.click()
    page.get_by_text("2 of 2 samples answered").wait_for()
    now = app.pulled()
    confirmed = set(now) - before
    assert len(confirmed) == 2
    assert {now[one] for one in confirmed} == {("label", CLASSES[int(one[1:]) % 3], "ana") for one in confirmed}


def test_an_annotation_made_in_the_app_is_pulled_and_one_that_was_refused_is_not(app: App, fo: ModuleType) -> None:
    """What the App's own annotation sends; a refused one (412) still looks saved there, but no pull believes it."""
    target = fo.load_dataset(NAME)
    target.reload()
    by_id = dict(zip(*target.values(["dqkit_id", "id"]), strict=True))
    kept, refused = by_id["s150"], by_id["s151"]  # a cat and a dog, far back in the queue
    fresh = target[kept].last_modified_at.isoformat()

    def annotate(key: str, if_match: str) -> int:
        request = urllib.request.Request(
            f"http://127.0.0.1:{app.port}/dataset/{target._doc.id}/sample/{key}",
            data=json.dumps([{"op": "replace", "path": "/label/label", "value": "dog"}]).encode(),
            headers={"Content-Type": "application/json-patch+json", "If-Match": f'"{if_match}"'},
            method="PATCH",
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    assert annotate(kept, fresh) == 200
    assert annotate(refused, "2020-01-01T00:00:00") == 412
    found = app.pulled()
    assert found[target[kept].dqkit_id] == ("label", "dog", "fiftyone")
    assert target[refused].dqkit_id not in found


def test_answers_that_a_killed_app_did_not_save_arrive_when_it_is_opened_again(app: App, page: Any) -> None:
    page.locator(ROOT).focus()
    saved = press(page, "1")
    app.settled({saved})
    page.wait_for_timeout(500)
    page.route("**/operators/execute", lambda route: route.abort())  # what is sent now never arrives
    waiting = {press(page, "2"), press(page, "2")}
    server = next(
        process
        for process in psutil.Process().children(recursive=True)
        if any(c.laddr.port == app.port and c.status == "LISTEN" for c in process.net_connections())
    )
    assert {c.laddr.ip for c in server.net_connections() if c.status == "LISTEN"} == {"127.0.0.1"}
    server.send_signal(signal.SIGKILL)
    page.get_by_text("not connected to a session").wait_for()  # the App takes the panel away: nothing can be answered
    now = app.pulled()
    assert now[saved] == ("label", "cat", "ana")
    assert not waiting & set(now)
    page.unroute("**/operators/execute")
    app.session = app.open()
    app.show(page)
    now = app.settled(waiting)
    assert {now[sample_id] for sample_id in waiting} == {("label", "dog", "ana")}
