"""An ASGI application around another one that lets in its own pages and whoever knows the key.

A page of another site can make a browser send requests here, but cannot read this server's storage or set a header of
its own without being asked about it first. Another person on the machine can connect, but has no key. So everything
needs the key in a header, which only a page that once entered with a ticket has. What a browser fetches without a
script (a picture) comes with a cookie instead, which opens nothing else.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from functools import partial
from typing import Any

from dqkit.checks import bounded_text, takes
from dqkit.checks.kinds import each, function
from dqkit.guard.tickets import LONGEST, Tickets, derived

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

HEADER = "x-dqkit-key"
ENTER = "/dqkit/enter"
FRAMED = "-framed"
LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
# Whose pages may show this server's pages in a frame: those of this machine (Jupyter), and VS Code's notebooks.
FRAMES = (
    "frame-ancestors 'self' http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:* "
    "vscode-webview: vscode-file:"
)


class Gate:
    """Lets through what may come in, and answers the rest with 403 (from elsewhere) or 401 (without the key).

    Parameters
    ----------
    app : ASGI application
        What is protected.
    key : str
        See `new_key`. Every request carries it in the header `x-dqkit-key`.
    is_public : callable
        Of a path: whether it may be read without the key. Say so of files that tell nothing, such as a page's scripts.
    is_plain : callable
        Of a path: whether a browser fetches it without a script, so that the cookie opens it for reading.
    hosts : collection of str
        Further names by which this server is reached, such as that of a proxy in front of it ("hub.example:8000").

    Raises
    ------
    InputError
        Where the application or a rule cannot be called, or the key is no text of 1 to 400 characters.

    Notes
    -----
    A page enters by posting a ticket to `/dqkit/enter`; it gets the key and the cookie. The checks of `Host`, `Origin`
    and `Sec-Fetch-Site` come first and hold for everything, also for what is public and for who knows the key.

    Examples
    --------
    >>> async def app(scope, receive, send):
    ...     ...
    >>> protected = Gate(app, "a key")
    """

    @takes(
        app=function,
        key=partial(bounded_text, most=LONGEST),
        is_public=function,
        is_plain=function,
        hosts=each(partial(bounded_text, most=LONGEST), "names"),
    )
    def __init__(
        self,
        app: App,
        key: str,
        *,
        is_public: Callable[[str], bool] = lambda path: False,
        is_plain: Callable[[str], bool] = lambda path: False,
        hosts: Collection[str] = (),
    ) -> None:
        self._app = app
        self._key = key
        self._cookie = derived(key, "cookie")
        # A browser sends the cookies of every port: each server has a name of its own for its cookie.
        self._cookie_name = f"dqkit-{derived(key, 'name')[:12]}"
        self._tickets = Tickets(key)
        self._is_public = is_public
        self._is_plain = is_plain
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope)
        problem = self._foreign(scope, headers)
        if problem is not None:
            await _refuse(scope, receive, send, 403, problem)
        elif scope["type"] == "http" and scope["path"] == ENTER:
            await self._enter(scope, headers, receive, send)
        elif self._has_key(headers) or (scope["type"] == "http" and self._may_read(scope, headers)):
            await self._app(scope, receive, _in_own_frames(send))
        else:
            await _refuse(scope, receive, send, 401, "This server answers only who knows its key.")

    def _foreign(self, scope: MutableMapping[str, Any], headers: Headers) -> str | None:
        """What says that the request was not made for this server, or not by a page of it."""
        hosts = headers.every("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return "This server is not known under that name."
        for origin in headers.every("origin"):
            if not _is_of(origin, hosts[0], self._hosts):
                return "Pages of other sites may not ask this server for anything."
        for site in headers.every("sec-fetch-site"):
            # Somebody follows a link, or a notebook shows the page: that is no request of a script, and told nothing.
            shown = headers.first("sec-fetch-mode") == "navigate" and scope.get("method") in ("GET", "HEAD")
            if site not in ("same-origin", "none") and not (shown and self._is_public(scope["path"])):
                return "Pages of other sites may not ask this server for anything."
        return None

    def _is_ours(self, host: str) -> bool:
        return host.lower() in self._hosts or LOOPBACK.fullmatch(host) is not None

    def _has_key(self, headers: Headers) -> bool:
        return hmac.compare_digest(headers.first(HEADER).encode("latin-1"), self._key.encode())

    def _may_read(self, scope: MutableMapping[str, Any], headers: Headers) -> bool:
        if scope["method"] not in ("GET", "HEAD"):
            return False
        if self._is_public(scope["path"]):
            return True
        return self._is_plain(scope["path"]) and any(
            hmac.compare_digest(value.encode("latin-1", "replace"), self._cookie.encode())
            for value in headers.cookies(self._cookie_name)
        )

    async def _enter(self, scope: MutableMapping[str, Any], headers: Headers, receive: Receive, send: Send) -> None:
        """The key and the cookie, for a ticket or for who has the key and wants the cookie again."""
        ticket = await _body(receive, LONGEST)
        spent = scope["method"] == "POST" and self._tickets.redeem(ticket.decode("latin-1"))  # also by who has the key
        if scope["method"] != "POST" or not (spent or self._has_key(headers)):
            await _refuse(scope, receive, send, 401, "That ticket was used before, or its time is over.")
            return
        # In a frame of a page under another name ("localhost" here, "127.0.0.1" there) a browser sends only a cookie
        # that says so and that is kept apart for that page.
        cookies = [
            f"{self._cookie_name}={self._cookie}; Path=/; HttpOnly; SameSite=Strict",
            f"{self._cookie_name}{FRAMED}={self._cookie}; Path=/; HttpOnly; SameSite=None; Secure; Partitioned",
        ]
        more = [(b"set-cookie", cookie.encode()) for cookie in cookies]
        await _answer(send, 200, json.dumps({"key": self._key}).encode(), b"application/json", more)


class Headers:
    """The headers of a request, all of them, under names in small letters."""

    def __init__(self, scope: MutableMapping[str, Any]) -> None:
        self._all = [(name.lower().decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]

    def every(self, name: str) -> list[str]:
        """The values under this name."""
        return [value for known, value in self._all if known == name]

    def first(self, name: str) -> str:
        """The first value under this name, or ""."""
        return next(iter(self.every(name)), "")

    def cookies(self, name: str) -> list[str]:
        """The values of the cookies of this name, whichever way they were kept apart."""
        pairs = [pair.strip().partition("=") for header in self.every("cookie") for pair in header.split(";")]
        return [value for known, _, value in pairs if known in (name, f"{name}{FRAMED}")]


def _is_of(origin: str, host: str, hosts: Collection[str]) -> bool:
    scheme, _, place = origin.lower().partition("://")
    return scheme in ("http", "https") and (place == host.lower() or place in hosts)


def _in_own_frames(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_MANNERS]}
        await send(message)

    return sent


# A browser guesses no other kind of file, and tells no other site the address.
_MANNERS = (
    (b"content-security-policy", FRAMES.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


async def _body(receive: Receive, most: int) -> bytes:
    """What a request brings, or nothing where it is longer than that."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > most or message["type"] != "http.request":
            return b""
        if not message.get("more_body", False):
            return body


async def _refuse(scope: MutableMapping[str, Any], receive: Receive, send: Send, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        await receive()  # "websocket.connect"; closed before it was accepted, it becomes a 403
        await send({"type": "websocket.close", "code": 1008, "reason": text})
        return
    await _answer(send, status, json.dumps({"error": text}).encode(), b"application/json", [])


async def _answer(send: Send, status: int, body: bytes, kind: bytes, more: list[tuple[bytes, bytes]]) -> None:
    size = str(len(body)).encode()
    head = [(b"content-type", kind), (b"content-length", size), (b"cache-control", b"no-store"), *_MANNERS, *more]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
