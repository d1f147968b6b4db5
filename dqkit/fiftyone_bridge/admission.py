"""The key of each server of ours, and how FiftyOne's own Python side and the person's browser come by it.

FiftyOne's session talks to its server with `requests`, and hands the server's address to a browser. Both are told here
what they need for a server that answers only who knows its key. Other servers are asked as ever.
"""

from __future__ import annotations

import atexit
import html
import json
import os
import secrets
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dqkit.guard import HEADER, new_key, new_ticket

KEY_VARIABLE = "DQKIT_APP_KEY"
HOSTS_VARIABLE = "DQKIT_APP_HOSTS"
_keys: dict[int, str] = {}


def key_of(port: int) -> str:
    """The key of the server on this port: one for as long as this process lives, so that an open page goes on."""
    return _keys.setdefault(port, new_key())


def admit(fo: Any) -> None:
    """Make FiftyOne's session, notebook cells and browser tabs enter servers of ours. Called again, it does nothing."""
    from fiftyone.core import context
    from fiftyone.core.session import client, notebooks, session

    if isinstance(client.requests, _KeyedRequests):
        return
    client.requests = _KeyedRequests(client.requests)
    session.webbrowser = _PrivateBrowser(session.webbrowser, Path(fo.config.default_dataset_dir))
    plain_url = context.get_url

    def get_url(address: str, port: int, proxy_url: str | None = None, **more: Any) -> str:
        url = str(plain_url(address, port, proxy_url=proxy_url, **more))
        # Behind the "#", where no server and no log sees it; good once, for ten minutes.
        return f"{url}#dqkit={new_ticket(_keys[port])}" if port in _keys else url

    def display_ipython(client: Any, cell: Any, proxy_url: str | None = None, reactivate: bool = False) -> None:
        from IPython.display import HTML

        url = get_url(cell.address, cell.port, proxy_url, notebook=True, subscription=cell.subscription)
        shown: Any = HTML  # IPython gives it no types
        (cell.handle.update if reactivate else cell.handle.display)(shown(frame(url, cell.height)))

    def capture(cell: Any, data: Any, proxy_url: str | None = None) -> None:
        from IPython.display import HTML

        shown: Any = HTML
        cell.handle.update(shown(picture(data.src, data.width)))

    context.get_url = get_url
    notebooks.capture = capture
    notebooks.display_ipython = display_ipython


def picture(source: str, width: int) -> str:
    """What stands below a cell once the App is shown below another one.

    FiftyOne's own comes with a script that asks its server, which other pages may not, and a typeface from Google.
    """
    shown = source if source.startswith("data:image/") else ""
    return f'<img src="{html.escape(shown)}" alt="The App as it was" style="width: 100%; max-width: {int(width)}px">'


def frame(url: str, height: int) -> str:
    """The App below a cell, under the name by which the notebook itself was opened.

    For a browser, "localhost" and "127.0.0.1" are two sites, and many let no site keep anything in a frame of another.
    """
    name = f"dqkit-app-{secrets.token_hex(8)}"
    quoted = json.dumps(url).replace("<", "\\u003c")  # nothing in it ends the script
    return (
        f'<iframe id="{name}" width="100%" height="{int(height)}" frameborder="0" allowfullscreen></iframe>'
        f"<script>(() => {{ const url = new URL({quoted}); "
        'if (url.hostname === "127.0.0.1" && location.hostname === "localhost") url.hostname = "localhost"; '
        f'document.getElementById("{name}").src = url; }})();</script>'
    )


class _KeyedRequests:
    """The module `requests`, which sends the key along to servers of ours."""

    def __init__(self, requests: Any) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._requests, name)

    def get(self, url: str, **options: Any) -> Any:
        return self._requests.get(url, **_keyed(url, options))

    def post(self, url: str, **options: Any) -> Any:
        return self._requests.post(url, **_keyed(url, options))


def _keyed(url: str, options: dict[str, Any]) -> dict[str, Any]:
    place = urlsplit(url)
    key = _keys.get(place.port or 0) if place.hostname == "127.0.0.1" else None
    return options if key is None else {**options, "headers": {**(options.get("headers") or {}), HEADER: key}}


class _PrivateBrowser:
    """The module `webbrowser`, or a browser of it, that is told no ticket where others read it.

    A program's arguments are seen by everybody on the machine. So the browser is given a file that only its user can
    read and that leads on, as Jupyter does.
    """

    def __init__(self, browser: Any, folder: Path) -> None:
        self._browser = browser
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._browser, name)

    def get(self, using: str | None = None) -> _PrivateBrowser:
        return _PrivateBrowser(self._browser.get(using), self._folder)

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> Any:
        if "#dqkit=" in url:
            url = private_page(url, self._folder).as_uri()
        return self._browser.open(url, new=new, autoraise=autoraise)


def private_page(url: str, folder: Path) -> Path:
    """A page that leads to the address, in a file that nobody else can read; it goes with this process."""
    file = _private_folder(folder) / "app.html"
    file.unlink(missing_ok=True)
    address = html.escape(url, quote=True)
    # Unreadable for others before it has any content.
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(
            f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={address}">'
            f'<title>FiftyOne</title><a href="{address}">Open the App</a>\n'
        )
    return file


@cache
def _private_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = tempfile.mkdtemp(prefix="dqkit-open-", dir=folder)  # a browser in a sandbox may not read /tmp
    except OSError:
        made = tempfile.mkdtemp(prefix="dqkit-open-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)
