"""A journal that cannot write or read says so in dqkit's own words, and nothing is half written."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import threading

import pytest
import sqlalchemy as sa

from dqkit.records import InputError, LabelEvent, StoreError
from dqkit.store import Store, added_classes, engine, gold, settings


def event(event_id, sample_id="a", why=""):
    return LabelEvent(event_id, sample_id, "label", "x", "human", "ana", "t", 1, why=why)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "labels.sqlite"


@pytest.fixture
def store(file):
    with Store(f"sqlite:///{file}") as opened:
        opened.record([event("first")])
        yield opened


USES = {
    "record": lambda s: s.record([event("e")]),
    "undo": lambda s: s.undo(LabelEvent("u", "a", "undo", None, "human", "ana", "t", 1, undoes="first")),
    "undo_all": lambda s: s.undo_all([LabelEvent("u", "a", "undo", None, "human", "ana", "t", 1, undoes="first")]),
    "enqueue": lambda s: s.enqueue(1, [("a", "label", False)]),
    "requeue": lambda s: s.requeue(1, [("a", "label", False)]),
    "lease": lambda s: s.lease(1, "ana"),
    "release": lambda s: s.release("ana"),
    "overlap": lambda s: s.overlap(2),
    "start_round": lambda s: s.start_round(1, budget=1, seed=0, started="t", settings={}),
    "drop_round": lambda s: s.drop_round(1),
    "add_class": lambda s: added_classes.add(s, "n", key="n", annotator="ana", at="t"),
    "gold": lambda s: gold.record(s, gold.GoldAnswer("g", "a", "ana", "x", "skip", None, "t")),
    "settings": lambda s: settings.keep(s, "n", 1),
}
READS = {
    "events": lambda s: s.events(),
    "labels": lambda s: s.current_labels(weak=False),
    "find": lambda s: s.find("first"),
    "rounds": lambda s: s.rounds(),
    "progress": lambda s: s.progress(),
    "states": lambda s: s.queue_states(),
    "classes": added_classes.names_and_keys,
    "gold": gold.rows,
    "settings": lambda s: settings.find(s, "n"),
}


@pytest.mark.parametrize("use", [*USES.values(), *READS.values()], ids=[*USES, *(f"read {name}" for name in READS)])
def test_a_closed_store_refuses_everything(file, store, use):
    store.close()
    with pytest.raises(StoreError, match="was closed"):
        use(store)
    with Store(f"sqlite:///{file}") as again:
        assert again.events()["event_id"].tolist() == ["first"]
        assert again.rounds() == []


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_file_that_may_only_be_read_is_said(store, use):
    sa.event.listen(store._engine, "begin", lambda c: c.exec_driver_sql("PRAGMA query_only = ON"))
    try:
        use(store)
    except StoreError as error:
        assert "only be read" in str(error)  # noqa: PT017
    else:
        # What had nothing to write needs no right to.
        assert use in (USES["requeue"], USES["lease"], USES["release"], USES["overlap"], USES["drop_round"])
    assert store.events()["event_id"].tolist() == ["first"]


def test_a_full_disk_is_said_and_the_batch_is_written_whole_or_not_at_all(store):
    sa.event.listen(store._engine, "begin", lambda c: c.exec_driver_sql("PRAGMA max_page_count = 60"))
    with pytest.raises(StoreError, match="disk is full") as refused:
        store.record([event(f"e{i}", why="x" * 4000) for i in range(100)])
    assert "INSERT" not in str(refused.value)
    assert store.events()["event_id"].tolist() == ["first"]
    store.record([event("second")])
    assert len(store.events()) == 2


def test_a_lock_that_another_program_keeps_is_said_and_passes(file, monkeypatch):
    monkeypatch.setattr(engine, "BUSY_MILLISECONDS", 100)
    with Store(f"sqlite:///{file}") as store, contextlib.closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            store.record([event("e")])
        assert store.events().empty  # reading waits for nobody
        other.rollback()
        assert store.record([event("e")]) == 1


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_drive_that_fails_is_said(store, monkeypatch, code):
    def fail(*_):
        raise OSError(code, "it failed")

    monkeypatch.setattr(engine.os, "stat", fail)
    with pytest.raises(StoreError):
        store.record([event("e")])


def test_a_file_that_was_replaced_takes_no_more_labels(file, store):
    other = file.with_name("other.sqlite")
    Store(f"sqlite:///{other}").close()
    other.replace(file)
    with pytest.raises(StoreError, match="deleted or moved"):
        store.record([event("e")])


def test_a_damaged_file_is_said(file):
    with Store(f"sqlite:///{file}") as store:
        store.record([event(f"e{i}", why="x" * 500) for i in range(200)])
    raw = bytearray(file.read_bytes())
    raw[4096:] = b"\xff" * (len(raw) - 4096)
    file.write_bytes(raw)
    with pytest.raises(StoreError, match=r"damaged|malformed|no dqkit database"), Store(f"sqlite:///{file}") as store:
        store.events()


@pytest.mark.parametrize("why", ["\ud800", "half \udce9"])
def test_text_that_no_database_holds_is_refused_by_both(url, why):
    with Store(url) as store:
        with pytest.raises(InputError, match="cannot hold"):
            store.record([event("good"), event("bad", why=why)])
        assert store.events().empty


def test_readings_inside_one_moment_see_no_later_commit(url):
    with Store(url) as store:
        store.record([event("one")])
        with store.reading():
            assert len(store.events()) == 1
            other = threading.Thread(target=lambda: store.record([event("two")]))
            other.start()
            other.join()
            assert len(store.events()) == 1
            assert store.find("two") is None
        assert len(store.events()) == 2
