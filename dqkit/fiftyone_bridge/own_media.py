"""Which files the App's server hands out: those that a sample names, and no other file of the machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

Message = MutableMapping[str, Any]
MEDIA = "/media"


class OwnMedia:
    """An ASGI application around FiftyOne's, which would read any file that its user may read.

    is_named: whether a sample has this path, letter by letter. So nothing beside a picture is handed out, nothing
    through "..", through a link that was put there, or through the other case of a letter.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], is_named: Callable[[str], bool]) -> None:
        self._app = app
        self._is_named = is_named

    async def __call__(self, scope: Message, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        """Pass the request on, or answer that there is no such file."""
        if scope["type"] == "http" and scope["path"].rstrip("/") == MEDIA and scope["method"] != "OPTIONS":
            asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            paths = [value for name, value in asked if name == "filepath"]
            if len(paths) != 1 or not await asyncio.to_thread(self._is_named, paths[0]):
                body = json.dumps({"error": "No sample has this file."}).encode()
                head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
                await send({"type": "http.response.start", "status": 404, "headers": head})
                await send({"type": "http.response.body", "body": body})
                return
            await self._app(scope, receive, _as_data(send))
            return
        await self._app(scope, receive, send)


def _as_data(send: Callable[[Message], Awaitable[None]]) -> Callable[[Message], Awaitable[None]]:
    """A picture that is a page (SVG, HTML), opened by itself, runs no script: it could answer in the person's name."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"content-security-policy", b"sandbox")]}
        await send(message)

    return sent


def named_by_a_sample() -> Callable[[str], bool]:
    """Asks FiftyOne's database: a path is looked up by its index, in the dataset that had the last one first."""
    from fiftyone.core.odm import get_db_conn

    last: list[str] = []

    def is_named(path: str) -> bool:
        database = get_db_conn()
        shown = {"name": 1, "sample_collection_name": 1, "frame_collection_name": 1, "app_config.media_fields": 1}
        datasets = sorted(database.datasets.find({}, shown), key=lambda one: one.get("name") not in last)
        for dataset in datasets:
            fields = {"filepath", *((dataset.get("app_config") or {}).get("media_fields") or ())}
            where = {"$or": [{field: path} for field in sorted(fields)]}
            for kind in ("sample_collection_name", "frame_collection_name"):
                if dataset.get(kind) and database[dataset[kind]].find_one(where, {"_id": 1}) is not None:
                    last[:] = [dataset["name"]]
                    return True
        return False

    return is_named
