"""FiftyOne's own App server, held to this machine and its user: no page of it may ask another machine for anything, and
nobody without the key is answered.

`python -m dqkit.fiftyone_bridge.local_server PORT ADDRESS` runs it; `open_app` does so instead of FiftyOne's `main.py`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from dqkit.fiftyone_bridge.admission import HOSTS_VARIABLE, KEY_VARIABLE
from dqkit.fiftyone_bridge.operator_requests import OperatorRequests
from dqkit.fiftyone_bridge.own_media import MEDIA, OwnMedia, named_by_a_sample
from dqkit.fiftyone_bridge.ports import LOOPBACK_6, can_bind
from dqkit.guard import Gate, entrance

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
PLUGIN_FILES = "/plugins/"


def without_foreign_links(text: bytes) -> bytes:
    """A page or stylesheet without what it would load from another machine.

    >>> without_foreign_links(b'@import "https://fonts.example/css2?family=A&display=swap";:root{color:red}')
    b':root{color:red}'
    """
    return FOREIGN.sub(b"", text)


class LocalOnly:
    """An ASGI application around another one, whose every answer forbids the browser to go to other machines.

    first: what its pages hold before everything else.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], first: bytes = DISMISSED) -> None:
        self._app = app
        self._first = first

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
                body = without_foreign_links(body).replace(b"<head>", b"<head>" + self._first, 1)
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


def public_paths(static: Path) -> Callable[[str], bool]:
    """Which paths are FiftyOne's own page and the files it is made of, the same for everybody who installs FiftyOne.

    static: the folder of these files. The page is also shown at /datasets/NAME, and asks there for the same files.
    """
    files = {file.relative_to(static).as_posix() for file in static.rglob("*") if file.is_file()}

    def is_public(path: str) -> bool:
        kind, _, rest = path.removeprefix("/").partition("/")
        if kind == "datasets" and rest:
            return "/" not in rest or rest in files
        return path == "/" or path.removeprefix("/") in files

    return is_public


def is_plain(path: str) -> bool:
    """Whether the browser itself fetches this: pictures, and the scripts of plugins."""
    return path == MEDIA or path.startswith(PLUGIN_FILES)


def serve(server: Any, port: int, address: str) -> None:
    """What FiftyOne's `start_server` does, under both addresses of "localhost": else somebody could take the other."""
    import asyncio

    from hypercorn.asyncio import serve as run
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"{address}:{port}"]
    if can_bind(LOOPBACK_6, port):
        config.bind.append(f"[{LOOPBACK_6}]:{port}")
    server.set_port(port)
    asyncio.run(run(server.app, config))


def main() -> None:
    """Serve the App on the port and address that the command line names, until the process is ended."""
    port, address = int(sys.argv[1]), sys.argv[2]
    key, hosts = os.environ.pop(KEY_VARIABLE, ""), os.environ.pop(HOSTS_VARIABLE, "")
    # Imported before FiftyOne is, for it prepares the environment in which FiftyOne has to wake.
    from fiftyone.server import main as server

    first = DISMISSED + (f"<script>{entrance()}</script>".encode() if key else b"")
    server.app.debug = False  # a traceback is for the log, not for a page
    server.app.add_middleware(OperatorRequests)
    server.app.add_middleware(OwnMedia, is_named=named_by_a_sample())
    server.app.add_middleware(LocalOnly, first=first)
    if key:
        public = public_paths(Path(server.__file__).parent / "static")
        known = [host for host in hosts.split(",") if host]
        server.app.add_middleware(Gate, key=key, is_public=public, is_plain=is_plain, hosts=known)
    serve(server, port, address)


if __name__ == "__main__":
    main()
