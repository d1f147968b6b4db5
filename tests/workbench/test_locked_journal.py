"""Another program that keeps the journal locked: every method says so in dqkit's words, and goes on afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import dqkit as dq
from dqkit.store import engine
from dqkit.workbench.labelling import QueueCards
from tests.workbench.conftest import quick, small

SAID = r"cannot be (written|read|opened): database is locked\. Another program has kept it locked for 30 seconds\."
WRITES: dict[str, Callable[[dq.Workbench], Any]] = {
    "record": lambda bench: bench.record(bench.dataset.ids[0], "red", annotator="ana"),
    "undo": lambda bench: bench.undo(annotator="ana"),
    "add_class": lambda bench: bench.add_class("violet", annotator="ana"),
    "cards": lambda bench: QueueCards(bench.state).cards(3, "ana", ()),
    "labeler": lambda bench: bench.labeler("ana", overlap=2),
    "rerank": lambda bench: bench.rerank(budget=4),
    "run_round": lambda bench: bench.run_round(budget=4, estimators=quick(), progress=False),
}


@contextmanager
def locked(path: Path, mode: str) -> Iterator[None]:
    """Another program in the middle of a change. EXCLUSIVE locking keeps readers out too."""
    with closing(sqlite3.connect(path / "labels.sqlite", isolation_level=None)) as other:
        if mode == "exclusive":
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE about SET value = value")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def path(tmp_path, monkeypatch) -> Path:
    """A workbench with a round and an answer; nobody waits long for a lock."""
    with dq.Workbench.create(tmp_path / "wb", small(60)) as bench:
        bench.run_round(budget=8, estimators=quick(), progress=False)
        bench.record(bench.dataset.ids[1], "red", annotator="ana")
    monkeypatch.setattr(engine, "BUSY_MILLISECONDS", 50)
    return tmp_path / "wb"


@pytest.mark.parametrize("method", WRITES)
def test_a_write_while_another_program_writes_is_refused_with_what_to_do(path, method):
    with dq.Workbench.open(path) as bench:
        bench.open_queue()
        with locked(path, "shared"), pytest.raises(dq.StoreError, match=SAID):
            WRITES[method](bench)
        assert len(bench.labels()) == 60  # a reader is not kept out
        WRITES[method](bench)


def test_whoever_is_kept_out_altogether_is_told_when_the_workbench_is_opened(path):
    with locked(path, "exclusive"), pytest.raises(dq.StoreError, match=SAID):
        dq.Workbench.open(path)
    with dq.Workbench.open(path) as bench:
        assert len(bench.rounds) == 1


def test_a_page_keeps_an_answer_that_a_locked_journal_refused_and_sends_it_again(path, monkeypatch):
    with dq.Workbench.open(path) as bench:
        labeler, heard = bench.labeler("ana"), []
        monkeypatch.setattr(labeler, "send", lambda content, buffers=None: heard.append(content))
        sample_id = bench.open_queue()["sample_id"][0]
        answer = {"event_id": "e", "sample_id": sample_id, "kind": "label", "label": "red", "undoes": None}
        message = {"client": "p", "type": "answer", "answer": answer}
        with locked(path, "shared"), pytest.raises(dq.StoreError, match=SAID):
            labeler._receive(labeler, message, [])
        assert [reply["type"] for reply in heard] == ["failed"]
        labeler._receive(labeler, message, [])
        assert heard[-1]["type"] == "saved"
