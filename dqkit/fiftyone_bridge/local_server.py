"""FiftyOne's own App server, held to this machine: no page of it may ask another one for anything.

`python -m dqkit.fiftyone_bridge.local_server PORT ADDRESS` runs it; `open_app` does so instead of FiftyOne's `main.py`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

# What the browser enforces, whatever a script of the App or of a plugin tries.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
REWRITTEN = ("text/html", "text/css")
# FiftyOne's page and styles ask Google for two typefaces; without them the browser takes its own.
FOREIGN = re.compile(
    rb"""<link\b[^>]*\bhref\s*=\s*["']https?:[^>]*>"""
    rb"""|@import\s*(?:url\(\s*)?(?:"https?:[^"]*"|'https?:[^']*'|https?:[^\s;)]*)[^;}]*;?""",
    re.IGNORECASE,
)
# An advertisement that opens over a page's first visit and holds the keyboard until it is dismissed.
DISMISSED = b"<script>try{localStorage.setItem('fiftyone-enterprise-tooltip-seen','true')}catch(e){}</script>"


def without_foreign_links(text: bytes) -> bytes:
    """A page or stylesheet without what it would load from another machine.

    >>> without_foreign_links(b'@import "https://fonts.example/css2?family=A&display=swap";:root{color:red}')
    b':root{color:red}'
    """
    return FOREIGN.sub(b"", text)


class LocalOnly:
    """An ASGI application around another one, whose every answer forbids the browser to go to other machines."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        """Pass the request on; pages and styles of the App come back without their links to other machines."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held: Message | None = None  # a page's head, until its rewritten body is known
        body = b""

        async def forward(message: Message) -> None:
            nonlocal held, body
            if message["type"] == "http.response.start":
                headers = [*message["headers"], (b"content-security-policy", POLICY.encode())]
                message = {**message, "headers": headers}
                if scope["method"] == "GET" and message["status"] == 200 and _kind(headers) in REWRITTEN:
                    held = message
                    return
            elif held is not None and message["type"] == "http.response.body":
                body += message.get("body", b"")
                if message.get("more_body", False):
                    return
                body = without_foreign_links(body).replace(b"<head>", b"<head>" + DISMISSED, 1)
                # Not under the names by which the browser knows the file as FiftyOne has it.
                changed = (b"content-length", b"etag", b"last-modified", b"cache-control")
                kept = [(name, value) for name, value in held["headers"] if name.lower() not in changed]
                kept += [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
                await send({**held, "headers": kept})
                message = {**message, "body": body}
                held = None
            await send(message)

        await self._app(scope, receive, forward)


def _kind(headers: list[tuple[bytes, bytes]]) -> str:
    found = next((value for name, value in headers if name.lower() == b"content-type"), b"")
    return found.decode("latin-1").partition(";")[0].strip().lower()


def main() -> None:
    """Serve the App on the port and address that the command line names, until the process is ended."""
    port, address = int(sys.argv[1]), sys.argv[2]
    # Imported before FiftyOne is, for it prepares the environment in which FiftyOne has to wake.
    from fiftyone.server import main as server

    server.app.add_middleware(LocalOnly)
    server.start_server(port=port, address=address)


if __name__ == "__main__":
    main()
