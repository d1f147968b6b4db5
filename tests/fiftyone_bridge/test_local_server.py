"""The App's server keeps its pages on this machine: what they would load from elsewhere is gone, and forbidden."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dqkit.fiftyone_bridge.local_server import POLICY, LocalOnly, without_foreign_links
from dqkit.fiftyone_bridge.mongod import mongod_path


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (b'<link rel="preload" href="https://fonts.example/a?b&c" as="font" crossorigin>', b""),
        (b"<link rel='icon' href='./favicon.ico'>", b"<link rel='icon' href='./favicon.ico'>"),
        (b'<a href="https://docs.example">Help</a>', b'<a href="https://docs.example">Help</a>'),
        (b'a{}@import "https://x.example/css?d=swap";@import "http://y.example";b{}', b"a{}b{}"),
        (b"@import url(https://x.example/a.css) screen;b{}", b"b{}"),
        (b"@import url('https://x.example/a;b');b{}", b"b{}"),
        (b'@import "./own.css";b{}', b'@import "./own.css";b{}'),
        (b".a{background:url(./b.png)}", b".a{background:url(./b.png)}"),
    ],
)
def test_what_a_page_would_load_from_elsewhere_is_taken_out_and_nothing_else(text: bytes, left: bytes) -> None:
    assert without_foreign_links(text) == left


def test_no_page_or_style_of_the_installed_fiftyone_loads_anything_from_elsewhere_any_more() -> None:
    path = mongod_path()
    if path is None:
        pytest.skip("FiftyOne is not installed")
    folder: Path = path.parents[2] / "server" / "static"
    files = [folder / "index.html", *folder.glob("assets/*.css")]
    asking = [file.name for file in files if b"googleapis" in file.read_bytes()]
    assert "index.html" in asking  # FiftyOne's page does ask; a version that does not needs none of this
    for file in files:
        assert b"googleapis" not in without_foreign_links(file.read_bytes())


def finish(work: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread of its own: this one may hold the loop of a browser that other tests drive."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


def answer(chunks: list[bytes], kind: bytes, *, method: str = "GET", status: int = 200) -> list[dict[str, Any]]:
    """What a browser gets of an application that answers with these chunks."""

    async def application(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        size = str(sum(map(len, chunks))).encode()
        headers = [(b"content-type", kind), (b"content-length", size), (b"etag", b'"as FiftyOne has it"')]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for at, chunk in enumerate(chunks):
            await send({"type": "http.response.body", "body": chunk, "more_body": at + 1 < len(chunks)})

    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    finish(LocalOnly(application)({"type": "http", "method": method}, receive, send))
    return sent


def test_a_page_comes_without_foreign_links_and_with_the_length_it_has_now() -> None:
    head, body = answer([b'<html><link href="https://fo', b'nts.example">', b"</html>"], b"text/html; charset=utf-8")
    assert body["body"] == b"<html></html>"
    headers = dict(head["headers"])
    assert headers[b"content-length"] == b"13"
    assert headers[b"content-security-policy"] == POLICY.encode()
    assert b"etag" not in headers  # the browser may hold the page as FiftyOne has it
    assert headers[b"cache-control"] == b"no-store"


@pytest.mark.parametrize(
    ("kind", "method", "status"),
    [(b"text/event-stream", "GET", 200), (b"text/css", "HEAD", 200), (b"text/html", "GET", 304)],
)
def test_everything_else_passes_unchanged_and_piece_by_piece_under_the_same_policy(
    kind: bytes, method: str, status: int
) -> None:
    head, *bodies = answer([b'@import "https://x.example";', b"two"], kind, method=method, status=status)
    assert [body["body"] for body in bodies] == [b'@import "https://x.example";', b"two"]
    headers = dict(head["headers"])
    assert headers[b"content-length"] == b"31"
    assert headers[b"content-security-policy"] == POLICY.encode()


def test_what_is_no_request_of_a_page_is_passed_on() -> None:
    seen: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nobody asks")

    finish(LocalOnly(application)({"type": "lifespan"}, nothing, nothing))
    assert seen == ["lifespan"]
