"""The script that a protected page runs first, in a real browser: the key goes to its own server and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from dqkit.guard import HEADER, entrance
from tests.browser.lab import CHROMIUM, CHROMIUM_FLAGS

pytestmark = pytest.mark.browser
OWN = "http://127.0.0.1:9"  # nobody listens there: the browser's requests are answered here
KEY = "the key"
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser(playwright: Any) -> Iterator[Any]:
    launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
    yield launched
    launched.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Open]:
    """visit(address, key=...) gives a page of the protected server; `page.asked`: (url, key, body) of its requests.

    key: what the browser remembers of an earlier visit. refuse: the server knows neither tickets nor keys.
    """
    contexts = []

    def opened(address: str, *, key: str | None = None, refuse: bool = False) -> Any:
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.asked = []

        def answer(route: Any) -> None:
            request = route.request
            cors = {"access-control-allow-origin": "*", "access-control-allow-headers": "*"}
            if request.resource_type == "document":
                html = f"<head><script>{entrance()}</script></head><body>A page</body>"
                route.fulfill(content_type="text/html", body=html)
                return
            page.asked.append((request.url, request.headers.get(HEADER), request.post_data))
            route.fulfill(status=401 if refuse else 200, json={"key": KEY}, headers=cors)

        page.route("**/*", answer)
        if key is not None:
            page.add_init_script(f"localStorage.setItem('dqkit/key', '{key}')")
        page.goto(OWN + address)
        page.evaluate("fetch('/data').catch(() => null)")
        return page

    yield opened
    for context in contexts:
        context.close()


def test_a_ticket_is_exchanged_and_leaves_the_address(visit: Open) -> None:
    page = visit("/datasets/a?view=queue#dqkit=ticket")
    assert page.url == f"{OWN}/datasets/a?view=queue"
    assert page.asked == [(f"{OWN}/dqkit/enter", None, "ticket"), (f"{OWN}/data", KEY, None)]
    assert page.get_by_role("alert").count() == 0


def test_a_page_that_was_there_before_enters_with_its_key(visit: Open) -> None:
    page = visit("/", key="kept")
    assert page.asked[0][:2] == (f"{OWN}/dqkit/enter", "kept")
    assert page.asked[1] == (f"{OWN}/data", KEY, None)


@pytest.mark.parametrize(
    "proxy", ["http://evil.test/", "//evil.test/", "/\\evil.test/", "http://127.0.0.1:10/", "http:"]
)
def test_no_address_makes_the_page_tell_its_key_to_another_server(visit: Open, proxy: str) -> None:
    page = visit(f"/?proxy={proxy}", key="kept")
    page.evaluate("fetch('http://evil.test/').catch(() => null)")
    page.evaluate("fetch(new Request('http://127.0.0.1:10/', {method: 'POST', body: 'x'})).catch(() => null)")
    told = {urlsplit(url).netloc for url, key, _ in page.asked if key is not None}
    assert told == {"127.0.0.1:9"}
    assert {urlsplit(url).netloc for url, *_ in page.asked} == {"127.0.0.1:9", "evil.test", "127.0.0.1:10"}


def test_behind_a_proxy_the_page_enters_under_its_path(visit: Open) -> None:
    assert visit("/?proxy=/hub/5151/", key="kept").asked[0][0] == f"{OWN}/hub/5151/dqkit/enter"


@pytest.mark.parametrize("address", ["/", "/#dqkit=used"])
def test_a_page_without_a_key_says_what_to_do(visit: Open, address: str) -> None:
    page = visit(address, refuse=True)
    page.get_by_role("alert").get_by_text("wb.open_fiftyone()").wait_for()
    assert page.get_by_role("alert").count() == 1
