"""What the gate lets through: its own pages and whoever knows the key, under the server's own name."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dqkit.guard import ENTER, HEADER, Gate, new_key, new_ticket

from .asking import Answered, ask, echo

KEY = new_key()
HOST = {"host": "127.0.0.1:5151"}
OWN = {**HOST, "origin": "http://127.0.0.1:5151", "sec-fetch-site": "same-origin", HEADER: KEY}


def gate(**options: Any) -> Gate:
    public, plain = {"/", "/page.js"}, {"/picture"}
    return Gate(echo, KEY, is_public=public.__contains__, is_plain=plain.__contains__, **options)


def get(path: str = "/data", method: str = "GET", **headers: str) -> int:
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(gate(), method, path, found).status


def entered(body: str, guarded: Gate | None = None, **headers: str) -> Answered:
    return ask(guarded or gate(), "POST", ENTER, {**HOST, **headers}, body.encode())


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_needs_the_key(method: str) -> None:
    assert get(method=method, **HOST) == 401
    assert get(method=method, **HOST, **{HEADER: KEY[:-1]}) == 401
    assert get(method=method, **HOST, **{HEADER: ""}) == 401
    assert get(method=method, **HOST, **{HEADER: f"{KEY} "}) == 401
    assert get(method=method, **HOST, **{HEADER: "ü"}) == 401
    assert get(method=method, **HOST, **{HEADER: KEY}) == 200
    assert get(method=method, **OWN) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:5151",
        "127.0.0.1.evil.test",
        "localhost.evil.test:5151",
        "evil.test:127.0.0.1",
        "0.0.0.0:5151",
        "10.0.0.7:5151",
        "user@evil.test",
        "[::1",
        "evil.test@127.0.0.1",
        "127.0.0.1#.evil.test",
        "127.0.0.1/.evil.test",
        "127.0.0.1?evil.test",
        "localhost.",
        "127.1",
        "127.0.0.1:²",
        "",
    ],
)
def test_a_name_that_was_bound_to_this_machine_anew_is_refused_even_with_the_key(host: str) -> None:
    assert get(host=host, **{HEADER: KEY}) == 403
    assert get("/", host=host) == 403


@pytest.mark.parametrize("host", ["127.0.0.1:5151", "localhost:5151", "LOCALHOST:9", "[::1]:5151", "127.0.0.1"])
def test_the_names_of_this_machine_are_its_own(host: str) -> None:
    assert get(host=host, **{HEADER: KEY}) == 200


def test_no_host_and_two_hosts_are_refused() -> None:
    assert get(**{HEADER: KEY}) == 403
    scope_headers = [(b"host", b"127.0.0.1"), (b"host", b"evil.test"), (HEADER.encode(), KEY.encode())]
    assert raw(scope_headers).status == 403


def raw(headers: list[tuple[bytes, bytes]]) -> Answered:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await gate()({**scope, "headers": headers}, receive, send)

    return ask(app, "GET", "/data", {})


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.test",
        "null",
        "",
        "http://127.0.0.1:8888",  # another server on this machine, perhaps another user's
        "http://127.0.0.1",
        "http://localhost:5151",
        "file://127.0.0.1:5151",
        "http://127.0.0.1:5151.evil.test",
    ],
)
def test_a_page_of_another_origin_is_refused_even_with_the_key(origin: str) -> None:
    assert get(method="POST", **{**OWN, "origin": origin}) == 403
    assert get("/", **{**HOST, "origin": origin}) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something new"])
def test_what_a_browser_sends_for_another_site_is_refused(site: str) -> None:
    assert get(**{**OWN, "sec-fetch-site": site}) == 403
    assert get("/page.js", **HOST, sec_fetch_site=site, sec_fetch_mode="no-cors") == 403
    assert get("/picture", **HOST, sec_fetch_site=site, sec_fetch_mode="no-cors", cookie=cookie()) == 403
    # A link, or a frame of a notebook, may show the page, which tells nothing by itself.
    assert get("/", **HOST, sec_fetch_site=site, sec_fetch_mode="navigate") == 200
    assert get("/", method="POST", **HOST, sec_fetch_site=site, sec_fetch_mode="navigate") == 403
    assert get("/data", **HOST, sec_fetch_site=site, sec_fetch_mode="navigate") == 403


def test_public_files_are_for_reading_only() -> None:
    assert get("/", **HOST) == 200
    assert get("/page.js", method="HEAD", **HOST) == 200
    assert get("/", method="POST", **HOST) == 401
    assert get("/page.js/../data", **HOST) == 401


def cookie(number: int = 0) -> str:
    made = entered(new_ticket(KEY)).all("set-cookie")[number]
    return made.partition(";")[0]


def test_a_ticket_is_worth_the_key_and_cookies_once() -> None:
    guarded, ticket = gate(), new_ticket(KEY)
    first = entered(ticket, guarded)
    assert (first.status, json.loads(first.body)) == (200, {"key": KEY})
    assert first.all("cache-control") == ["no-store"]
    assert entered(ticket, guarded).status == 401
    strict, framed = first.all("set-cookie")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(strict.split("; "))
    assert {"HttpOnly", "SameSite=None", "Secure", "Partitioned"} <= set(framed.split("; "))
    assert KEY not in strict + framed


def test_who_has_the_key_gets_the_cookie_again_and_its_ticket_is_used_all_the_same() -> None:
    guarded, ticket = gate(), new_ticket(KEY)
    assert entered(ticket, guarded, **{HEADER: KEY}).status == 200
    assert entered(ticket, guarded).status == 401
    assert entered("", guarded, **{HEADER: KEY}).status == 200


def test_nobody_enters_from_another_site_or_without_a_ticket() -> None:
    assert entered(new_ticket(KEY), origin="http://evil.test").status == 403
    assert entered(new_ticket(KEY), origin="null").status == 403
    for wrong in ("", "x", new_ticket(new_key()), new_ticket(KEY)[:-1], "ü.1.2", "a.b.c", "x" * 10_000):
        assert entered(wrong).status == 401
    assert ask(gate(), "GET", ENTER, HOST, new_ticket(KEY).encode()).status == 401


@pytest.mark.parametrize("number", [0, 1])
def test_the_cookie_opens_pictures_for_reading_and_nothing_else(number: int) -> None:
    others = f"odd cookie; theirs=1; {cookie(number)}; _xsrf=2|a"  # a browser sends those of every port
    assert get("/picture", **HOST, cookie=others) == 200
    assert get("/picture", **HOST) == 401
    assert get("/picture", **HOST, cookie=cookie(number)[:-1]) == 401
    assert get("/picture", method="POST", **HOST, cookie=others) == 401
    assert get("/data", **HOST, cookie=others) == 401


def test_two_servers_of_one_machine_do_not_take_each_others_cookies_away() -> None:
    other = new_key()
    theirs = ask(Gate(echo, other), "POST", ENTER, HOST, new_ticket(other).encode()).all("set-cookie")
    ours = entered(new_ticket(KEY)).all("set-cookie")
    assert not {one.partition("=")[0] for one in theirs} & {one.partition("=")[0] for one in ours}


def test_a_proxy_that_was_named_is_a_name_of_the_server() -> None:
    behind = gate(hosts=["Hub.example:8000"])
    asked = {"host": "hub.example:8000", "origin": "https://hub.example:8000", HEADER: KEY}
    assert ask(behind, "POST", "/data", asked).status == 200
    assert ask(behind, "POST", "/data", {**asked, "host": "127.0.0.1:5151"}).status == 200  # it gave its own name
    assert ask(behind, "POST", "/data", {**asked, "origin": "https://other.example"}).status == 403
    assert ask(gate(), "POST", "/data", asked).status == 403


def test_a_websocket_needs_the_key_before_it_is_accepted() -> None:
    def opened(headers: dict[str, str]) -> list[str]:
        said: list[str] = []

        async def socket_app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})

        async def receive() -> dict[str, str]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            said.append(message["type"])

        found = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "websocket", "path": "/", "headers": found}
        with ThreadPoolExecutor(1) as pool:
            guarded = Gate(socket_app, KEY, is_public=lambda _: True, is_plain=lambda _: True)
            pool.submit(asyncio.run, guarded(scope, receive, send)).result()
        return said

    assert opened({**HOST, "origin": "http://evil.test", HEADER: KEY}) == ["websocket.close"]
    assert opened(HOST) == ["websocket.close"]
    assert opened(OWN) == ["websocket.accept"]


def test_answers_say_who_may_frame_them_and_that_no_address_is_passed_on() -> None:
    for found in (ask(gate(), "GET", "/data", OWN), ask(gate(), "GET", "/data", HOST)):
        assert found.all("referrer-policy") == ["no-referrer"]
        assert found.all("x-content-type-options") == ["nosniff"]
        assert found.all("content-security-policy")[0].startswith("frame-ancestors 'self' http://localhost:*")
