"""The queue panel, the buttons and the App itself, as a person meets them: a real App in headless Chromium."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from dqkit.fiftyone_bridge import admission, pull, push, refresh_apps
from dqkit.fiftyone_bridge.panel_queue import PanelQueue
from dqkit.guard import HEADER
from dqkit.records import Dataset, Predictions
from dqkit.relabel import Answer
from tests.browser.lab import CHROMIUM, CHROMIUM_FLAGS

from . import hostile
from .shown import CLASSES, NAME, PATIENCE, ROOT, App, N, painted, press

pytestmark = pytest.mark.browser


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
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*CHROMIUM_FLAGS, hostile.RESOLVE])
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
    assert app.hosts == {f"127.0.0.1:{app.port}"}


def test_a_page_asks_no_other_machine_for_anything_and_could_not(app: App) -> None:
    # A first visit, as a person makes it: FiftyOne reports nothing of a page that says it is driven by Playwright.
    visit = app.browser.browser.new_context(viewport={"width": 1500, "height": 900})
    page = visit.new_page()
    page.set_default_timeout(PATIENCE)
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(app.session.url)
    # By its role: an advertisement that FiftyOne opens over a first visit would hide it, and take the keys.
    page.get_by_role("heading", name="Who is labelling?").wait_for()
    assert page.get_by_text("Help us improve FiftyOne").count() == 0  # telemetry is off, so nobody is asked
    assert hosts == {f"127.0.0.1:{app.port}"}
    refused = page.evaluate(
        """() => new Promise((done) => {
            document.addEventListener('securitypolicyviolation', (event) => done(event.blockedURI));
            fetch('https://example.org/tell').catch(() => null);
        })"""
    )
    assert refused == "https://example.org/tell"
    visit.close()
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    assert set().union(*map(machines, family)) == {"127.0.0.1"}


def test_a_page_of_another_site_labels_nothing_and_sees_nothing(app: App, page: Any, fo: ModuleType) -> None:
    target = fo.load_dataset(NAME)
    before, own, outside = app.pulled(), target.last(), __file__
    at = f"http://127.0.0.1:{app.port}"
    pictures = {"own": f"{at}/media?filepath={own.filepath}", "other": f"{at}/media?filepath={outside}"}
    asked = {"app": at, "bodies": hostile.requests(NAME, own.dqkit_id, str(own.id)), "pictures": pictures}
    with hostile.site() as address:
        visit = app.browser.new_page()  # in the browser that has the App open, with its cookies
        visit.goto(address)
        learned = visit.evaluate(hostile.TRIES, asked)
        assert app.pulled() == before
        assert {learned[name] for name in learned if name.startswith("img") or name.startswith("script")} == {"refused"}
        assert {learned[name] for name in ("events", "websocket", "enter")} == {"refused"}
        assert "shown" in {learned[name] for name in learned if name.startswith("sandboxed")}  # they were sent
        assert not {200, 201, 500} & set(learned.values())
        assert not [frame for frame in visit.frames if frame.url.startswith(at)]  # nor is the App framed
        # The name is bound to this machine anew: for the browser, the App is now a part of that site.
        told = visit.goto(f"http://{hostile.NAME}:{app.port}/")
        assert (told.status, told.headers["content-type"]) == (403, "application/json")
        rebound = {"app": f"http://{hostile.NAME}:{app.port}", "bodies": asked["bodies"], "pictures": {}}
        learned = visit.evaluate(hostile.TRIES, rebound)
        assert {learned[f"cors {i}"] for i in range(3)} == {403}
        assert learned["enter"] == 403
        visit.close()
    assert app.pulled() == before
    assert page.evaluate("fetch('/fiftyone').then((answer) => answer.status)") == 200  # its own page goes on


def test_whoever_has_no_key_is_not_answered(app: App, page: Any, fo: ModuleType) -> None:
    own = fo.load_dataset(NAME).last()
    picture = f"/media?filepath={own.filepath}"
    paths = ["/fiftyone", "/events", "/graphql", "/operators", "/plugins", "/plugins/@dqkit/relabel/index.js", picture]
    for path in [*paths, "/media?filepath=/etc/passwd", f"/dataset/{own.id}/sample/{own.id}", "/aggregate", "/nothing"]:
        for method in ("GET", "POST", "PATCH", "OPTIONS"):
            assert app.status(method, path) == 401, path
    assert list(page.evaluate("__fou__.getFetchParameters().headers")) == [HEADER]  # what its workers send along
    # With the key, or as a picture of a page that has entered: what a sample names, and no other file.
    for path, status in ((picture, 200), (f"/media?filepath={__file__}", 404), ("/fiftyone", 200)):
        assert app.status("GET", path, key=True) == status
    shown = (
        "(url) => new Promise((d) => Object.assign(new Image(), {onload: () => d(1), onerror: () => d(0), src: url}))"
    )
    assert [page.evaluate(shown, url) for url in (picture, "/media?filepath=/usr/share/pixmaps/x.png")] == [1, 0]


def test_no_odd_value_makes_the_running_server_fail(app: App, fo: ModuleType) -> None:
    before, key = app.pulled(), str(fo.load_dataset(NAME).last().id)
    good = {
        "dataset_name": NAME,
        "selected": [key],
        "params": {"annotator": "ana", "label": "no class", "messages": []},
    }
    for name in ("queue_messages", "label_selected", "confirm_labels"):
        for odd in (7, "x", "x" * 1_000_000, [7], [], {"$gt": ""}, None, "\ud800"):
            wrong: list[dict[str, Any]] = [{"dataset_name": odd}, {"params": odd}, {"selected": odd}]
            wrong += [{"params": {**good["params"], one: odd}, "selected": []} for one in good["params"]]
            for change in wrong:
                status, text = app.execute({**good, **change, "operator_uri": f"@dqkit/relabel/{name}"})
                assert status in (200, 400), (name, change)
                assert "Traceback" not in text, (name, change)
    assert app.pulled() == before


def test_the_app_opens_in_a_frame_of_a_notebook_and_its_address_opens_no_second_browser(app: App) -> None:
    with hostile.site() as address:
        notebook = app.browser.browser.new_context().new_page()
        notebook.set_default_timeout(PATIENCE)
        notebook.goto(address.replace(hostile.NAME, "localhost"))
        url = app.session.url
        notebook.evaluate("(html) => document.write(html)", admission.frame(url, 800))
        framed = notebook.frame_locator("iframe")
        framed.get_by_role("heading", name="Who is labelling?").wait_for()
        framed.locator("[data-cy=looker]").first.wait_for()
        assert notebook.frames[-1].url.startswith(f"http://localhost:{app.port}/")
        assert "dqkit=" not in notebook.frames[-1].url
        notebook.context.close()
    other = app.browser.browser.new_context().new_page()
    other.set_default_timeout(PATIENCE)
    other.goto(url)
    other.get_by_role("alert").get_by_text("This page has no key to its server").wait_for()
    other.context.close()


def machines(process: psutil.Process) -> set[str]:
    """The machines that a process of ours talks to now; the browser's pages are looked at by their requests."""
    try:
        found = [] if "chrom" in process.name() else process.net_connections("inet")
    except psutil.Error:  # it ended meanwhile
        return set()
    return {connection.raddr.ip for connection in found if connection.raddr}


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
    elsewhere = PanelQueue(target, "elsewhere")
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


def test_what_python_changed_is_seen_without_a_reload_by_hand(app: App, page: Any, fo: ModuleType) -> None:
    open_now = N - len(app.pulled())
    page.get_by_text(f"{open_now} samples", exact=True).wait_for()
    sample = fo.load_dataset(NAME).match({"$expr": {"$eq": ["$dqkit_id", "s152"]}}).first()
    sample.tags.append("skip")
    sample.save()
    refresh_apps(NAME)
    page.get_by_text(f"{open_now - 1} samples", exact=True).wait_for()
    page.wait_for_selector(f"{ROOT}[data-sample-id]")


def test_the_embeddings_panel_draws_the_map(app: App, page: Any) -> None:
    page.get_by_text("Embeddings", exact=True).click()  # and with it on every other page of the session
    page.get_by_text("map", exact=True).click()
    page.locator(".emb-plot-title").get_by_text("map", exact=True).wait_for()
    page.get_by_text(" points").wait_for()
    assert app.hosts == {f"127.0.0.1:{app.port}"}


def test_when_the_app_is_killed_the_page_says_so_and_goes_on_by_itself(app: App, page: Any) -> None:
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
    assert {c.laddr.ip for c in server.net_connections() if c.status == "LISTEN"} <= {"127.0.0.1", "::1"}
    server.send_signal(signal.SIGKILL)
    bar = page.get_by_role("alert").filter(has_text="FiftyOne's App is not running any more")
    bar.get_by_text("2 answers are not saved yet: kept in this browser").wait_for()
    assert f"wb.open_fiftyone(port={app.port})" in bar.inner_text()
    now = app.pulled()
    assert now[saved] == ("label", "cat", "ana")
    assert not waiting & set(now)
    page.unroute("**/operators/execute")
    app.session = app.open()
    bar.wait_for(state="detached")  # nobody touched the page: until it has loaded again, the old sample stands there
    page.wait_for_selector(f"{ROOT}[data-sample-id]")
    now = app.settled(waiting)
    assert {now[sample_id] for sample_id in waiting} == {("label", "dog", "ana")}
    assert bar.count() == 0
    twice = [edit.sample_id for edit in pull(NAME) if edit.kind != "undo"]
    assert len(twice) == len(set(twice))
    press(page, "3")  # and the queue goes on


def test_fiftyones_own_editor_is_pulled_and_an_edit_that_it_refused_is_not_taken_for_saved(
    app: App, fo: ModuleType
) -> None:
    page = app.page(tab="editor")  # last of all: every other page opens the same sample
    target = fo.load_dataset(NAME)
    page.get_by_text(f"{N - len(app.pulled())} samples", exact=True).wait_for()
    tile = page.locator("[data-cy=looker]").nth(8)
    size = tile.bounding_box()
    tile.click(position={"x": size["width"] * 0.8, "y": size["height"] * 0.65})  # above, a click selects
    page.locator("[data-cy=annotate]").click()
    sample = target[page.url.partition("id=")[2]]
    given = str(sample.label.label)
    first, second = (name for name in CLASSES if name != given)

    def choose(label: str) -> int:
        with page.expect_response(lambda response: response.request.method == "PATCH") as answer:
            page.locator("[data-cy=root_label_container] input").click()
            page.get_by_role("option", name=label).click()
        return int(answer.value.status)

    page.locator("[data-cy=sidebar]").get_by_text(given, exact=True).click()
    assert choose(first) == 200
    assert app.pulled()[sample.dqkit_id] == ("label", first, "ana")  # it knows no users: the one it was opened for
    sample.reload()
    sample.tags.append("holiday")
    sample.save()
    assert choose(second) == 412
    page.get_by_role("alert").get_by_text("That change was not saved").wait_for()  # FiftyOne shows it as saved
    assert app.pulled()[sample.dqkit_id] == ("label", first, "ana")
    page.close()
