"""What asks FiftyOne to run an operator, checked before FiftyOne reads it: it would answer with a traceback.

This is the envelope, which is the same for all operators. What dqkit's own take is checked in `operators`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from dqkit.checks import bounded_text, instance, plain_list
from dqkit.errors import InputError

Message = MutableMapping[str, Any]
PATH = "/operators"
MOST_BYTES = 64_000_000
MOST_SELECTED = 1_000_000
LONGEST = 2_000
WRONG_VALUE = re.compile(r"\n[\w.]*(?:ExecutionError|DatasetNotFoundError): ([^\n]+)\s*$")


class OperatorRequests:
    """An ASGI application around FiftyOne's; it answers a request that breaks a rule with 400 and the rule."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
        """Pass the request on with the body it came with."""
        concerned = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith(PATH)
        if not concerned:
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
            if len(body) > MOST_BYTES:
                await _answer(send, 413, f"a request must have at most {MOST_BYTES:,} bytes.")
                return
        try:
            check_request(body)
        except InputError as error:
            await _answer(send, 400, str(error))
            return
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, again, _in_words(send))


def check_request(body: bytes) -> None:
    """Raise `InputError` unless the body is an object whose parts are what every operator takes them for."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("a request must be JSON.") from error
    instance("a request", asked, Mapping, "an object")
    for name in ("operator_uri", "dataset_name"):
        if asked.get(name) is not None:
            bounded_text(name, asked[name], most=LONGEST)
    instance("params", asked.get("params", {}), Mapping, "an object")
    for entry in plain_list("selected", asked.get("selected"), most=MOST_SELECTED):
        bounded_text("an entry of selected", entry, most=LONGEST)
    for entry in plain_list("selected_samples", asked.get("selected_samples"), most=MOST_SELECTED):
        one = entry.get("id") if isinstance(entry, Mapping) else entry
        bounded_text("an id of selected_samples", one, most=LONGEST)


def _in_words(send: Callable[[Message], Awaitable[None]]) -> Callable[[Message], Awaitable[None]]:
    """FiftyOne checks what an operator asks for, and answers a wrong value as if its server had failed."""
    held: list[Message] = []
    body = b""

    async def sent(message: Message) -> None:
        nonlocal body
        if message["type"] == "http.response.start" and message["status"] == 500:
            held.append(message)
            return
        if held:
            body += message.get("body", b"")
            if message.get("more_body", False):
                return
            problem = _problem_in(body)
            if problem is not None:
                await _answer(send, 400, problem)
                return
            await send(held.pop())
            message = {**message, "body": body}
        await send(message)

    return sent


def _problem_in(body: bytes) -> str | None:
    """The sentence at the end of the traceback, where it says what was wrong with the request."""
    try:
        stack = json.loads(body)["stack"]
    except (ValueError, KeyError, TypeError):
        return None
    found = WRONG_VALUE.search(stack) if isinstance(stack, str) else None
    return None if found is None else found[1][:LONGEST]


async def _answer(send: Any, status: int, problem: str) -> None:
    body = json.dumps({"error": {"message": problem}}).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
