"""A site that a person visits while the App is open, and everything that a page of it can try."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAME = "evil.test"  # the browser of the tests is told that this is 127.0.0.1, as a rebound name would be
RESOLVE = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"


@contextmanager
def site() -> Iterator[str]:
    """The address of a site of an empty page, under a name that has nothing to do with this machine."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>A page of another site</title>")

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{NAME}:{server.server_address[1]}/"
        server.shutdown()


def requests(dataset: str, sample_id: str, key: str) -> list[str]:
    """Bodies for /operators/execute that would label: an answer of the panel, and two buttons."""
    answer = {"event_id": "hostile", "sample_id": sample_id, "kind": "label", "label": "dog"}
    messages = [{"type": "answer", "client": "c", "answer": answer}]
    name = {"annotator": "mallory"}
    asked = [
        {"operator_uri": "@dqkit/relabel/queue_messages", "params": {"tab": "t", "messages": messages, **name}},
        {"operator_uri": "@dqkit/relabel/label_selected", "selected": [key], "params": {"label": "dog", **name}},
        {"operator_uri": "@dqkit/relabel/confirm_labels", "selected": [key], "params": name},
    ]
    return [json.dumps({"dataset_name": dataset, **one}) for one in asked]


TRIES = (Path(__file__).parent / "hostile.js").read_text(encoding="utf-8")
