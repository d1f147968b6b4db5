"""A journal is made only where a new one is wanted, and one of an older dqkit is taken over whole."""

from __future__ import annotations

import contextlib
import sqlite3
import threading

import pytest
import sqlalchemy as sa

from dqkit.records import LabelEvent, StoreError
from dqkit.store import Store, added_classes, gold, settings
from tests.store.conftest import new_database

EVENTS = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE,
    sample_id TEXT NOT NULL, kind TEXT NOT NULL, label TEXT, source TEXT NOT NULL, annotator TEXT NOT NULL,
    at TEXT NOT NULL, round INTEGER NOT NULL, why TEXT NOT NULL, undoes TEXT UNIQUE);
CREATE INDEX ix_events_sample_id ON events (sample_id);
CREATE TABLE rounds (round INTEGER PRIMARY KEY, status TEXT NOT NULL, budget INTEGER NOT NULL,
    seed INTEGER NOT NULL, started TEXT NOT NULL, finished TEXT, settings TEXT NOT NULL, metrics TEXT NOT NULL);
"""
ROWS = """
INSERT INTO events VALUES (3, 'e1', 'a', 'label', 'seven', 'human', 'ana', 't', 1, '', NULL);
INSERT INTO events VALUES (7, 'e2', 'a', 'label', 'one', 'human', 'bob', 't', 1, 'why', NULL);
INSERT INTO events VALUES (8, 'e3', 'a', 'undo', NULL, 'human', 'bob', 't', 1, '', 'e2');
INSERT INTO rounds VALUES (1, 'done', 5, 4294967295, 't', 't', '{"folds": 5}', '{"accuracy": 0.5}');
"""
SCHEMA_1 = """
INSERT INTO about VALUES ('schema', '1');
CREATE TABLE queue (round INTEGER, sample_id TEXT, position INTEGER NOT NULL, action TEXT NOT NULL,
    state TEXT NOT NULL, PRIMARY KEY (round, sample_id));
INSERT INTO queue VALUES (1, 'a', 0, 'label', 'done');
INSERT INTO queue VALUES (1, 'b', 1, 'label', 'open');
INSERT INTO queue VALUES (1, 'c', 2, 'relabel', 'open');
"""
SCHEMA_2 = """
INSERT INTO about VALUES ('schema', '2');
CREATE TABLE queue (round INTEGER, sample_id TEXT, position INTEGER NOT NULL, action TEXT NOT NULL,
    control BOOLEAN NOT NULL, state TEXT NOT NULL, leased_by TEXT, leased_until FLOAT, PRIMARY KEY (round, sample_id));
INSERT INTO queue VALUES (1, 'a', 0, 'label', 1 = 0, 'done', NULL, NULL);
INSERT INTO queue VALUES (1, 'b', 1, 'label', 1 = 0, 'open', 'ana', 9e12);
INSERT INTO queue VALUES (1, 'c', 2, 'relabel', 1 = 1, 'open', NULL, NULL);
"""
SCHEMA_3 = """
INSERT INTO about VALUES ('schema', '3');
CREATE TABLE queue (round INTEGER, sample_id TEXT, position INTEGER NOT NULL, action TEXT NOT NULL,
    control BOOLEAN NOT NULL, state TEXT NOT NULL, wanted INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (round, sample_id));
CREATE INDEX queue_open ON queue (round, position) WHERE state = 'open';
CREATE TABLE seats (round INTEGER, sample_id TEXT, annotator TEXT, answered BOOLEAN NOT NULL, held_until FLOAT,
    PRIMARY KEY (round, sample_id, annotator));
CREATE TABLE classes (position INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    annotator TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE checks (seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, sample_id TEXT NOT NULL,
    annotator TEXT NOT NULL, expected TEXT NOT NULL, kind TEXT NOT NULL, answer TEXT, at TEXT NOT NULL,
    withdrawn BOOLEAN NOT NULL);
INSERT INTO queue VALUES (1, 'a', 0, 'label', 1 = 0, 'done', 1);
INSERT INTO queue VALUES (1, 'b', 1, 'label', 1 = 0, 'open', 2);
INSERT INTO queue VALUES (1, 'c', 2, 'relabel', 1 = 1, 'open', 1);
INSERT INTO seats VALUES (1, 'b', 'ana', 1 = 0, 9e12);
INSERT INTO seats VALUES (1, 'b', 'bob', 1 = 1, NULL);
INSERT INTO classes VALUES (4, 'owl', 'Owl', 'ana', 't');
INSERT INTO checks VALUES (2, 'g1', 'z', 'ana', 'one', 'label', 'two', 't', 1 = 0);
"""
OLDER = {"1": SCHEMA_1, "2": SCHEMA_2, "3": SCHEMA_3}


def event(event_id, sample_id="a"):
    return LabelEvent(event_id, sample_id, "label", "two", "human", "cy", "t", 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request, tmp_path):
    """Writes a database of an older schema; returns its address."""

    def write(version):
        script = EVENTS + ROWS + OLDER[version]
        if request.param == "sqlite":
            with contextlib.closing(sqlite3.connect(tmp_path / "labels.sqlite")) as raw:
                raw.executescript(script)
            return f"sqlite:///{tmp_path}/labels.sqlite"
        address = new_database(request.getfixturevalue("postgres"))
        engine = sa.create_engine(address)
        with engine.begin() as connection:
            for old, new in (
                ("INTEGER PRIMARY KEY AUTOINCREMENT", "SERIAL PRIMARY KEY"),
                ("seed INTEGER", "seed BIGINT"),
            ):
                script = script.replace(old, new)
            connection.exec_driver_sql(script)
        engine.dispose()
        return address

    return write


@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_nothing_of_an_older_journal_is_lost(older, tmp_path, version):
    address = older(version)
    for _ in range(2):
        with Store(address, "w", may_create=False) as store:
            rows = store.events()
            assert rows["event_id"].tolist() == ["e1", "e2", "e3"]
            assert rows["why"].tolist() == ["", "why", ""]
            assert rows["undoes"].tolist()[2] == "e2"
            assert store.current_labels(weak=False)["label"].tolist() == ["seven"]
            assert store.rounds()[0]["seed"] == 4294967295
            assert store.rounds()[0]["metrics"] == {"accuracy": 0.5}
            assert store.queue_states()["sample_id"].tolist() == ["a", "b", "c"]
            assert store.queue_states()["state"].tolist() == ["done", "open", "open"]
            assert store.queue_states()["control"].tolist() == [False, False, version != "1"]
            assert store.queue_states()["leased_by"].tolist()[1] == (None if version == "1" else "ana")
            if version == "3":
                assert store.queue_states()["wanted"].tolist() == [1, 2, 1]
                assert store.answered_by_others(["a", "b", "c"], "ana") == ["b"]
                assert added_classes.names_and_keys(store) == [("Owl", "owl")]
                assert gold.rows(store)["event_id"].tolist() == ["g1"]
    with Store(address, "w", may_create=False) as store:
        store.record([event("e4")])
        assert store.events()["event_id"].tolist() == ["e1", "e2", "e3", "e4"]
        added_classes.add(store, "bat", key="bat", annotator="ana", at="t")
        assert [name for name, _ in added_classes.names_and_keys(store)][-1] == "bat"


def test_an_older_file_is_copied_before_it_is_changed(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "labels.sqlite")) as raw:
        raw.executescript(EVENTS + ROWS + SCHEMA_3)
    Store(f"sqlite:///{tmp_path}/labels.sqlite", "w").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "labels.sqlite.schema-3.backup")) as copy:
        assert copy.execute("SELECT value FROM about").fetchall() == [("3",)]
        assert copy.execute("SELECT count(*) FROM events").fetchone() == (3,)
        assert copy.execute("SELECT count(*) FROM seats").fetchone() == (2,)


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path):
    file = tmp_path / "labels.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as raw:
        # A value that the new table refuses.
        raw.executescript((EVENTS + ROWS + SCHEMA_3).replace("why TEXT NOT NULL", "why TEXT"))
        raw.execute("UPDATE events SET why = NULL WHERE event_id = 'e1'")
        raw.commit()
    with pytest.raises(Exception, match=r"(?i)not.null"):
        Store(f"sqlite:///{file}", "w")
    with contextlib.closing(sqlite3.connect(file)) as raw:
        assert raw.execute("SELECT value FROM about").fetchall() == [("3",)]
        assert raw.execute("SELECT count(*) FROM events").fetchone() == (3,)
        assert raw.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'old%'").fetchone() == (0,)


def test_two_workbenches_share_a_database_and_see_nothing_of_each_other(url):
    with Store(url, "one") as one, Store(url, "two") as two:
        for store, label in ((one, "1"), (two, "2")):
            store.start_round(1, budget=1, seed=0, started="t", settings={})
            store.enqueue(1, [("a" if store is one else "b", "label", False)])
            store.record([LabelEvent("e", "a", "label", label, "human", "ana", "t", 1)])
            store.finish_round(1, finished=label, metrics={})
            added_classes.add(store, label, key="k", annotator="ana", at="t")
            gold.record(store, gold.GoldAnswer("g", "a", "ana", label, "skip", None, "t"))
            settings.keep(store, "gold", {"a": label})
        two.undo(LabelEvent("u", "a", "undo", None, "human", "ana", "t", 1, undoes="e"))
        assert one.current_labels(weak=False)["label"].tolist() == ["1"]
        assert two.current_labels(weak=False).empty
        assert (one.lease(9, "cy"), two.lease(9, "cy")) == ([], ["b"])  # one's was answered
        assert [store.rounds()[0]["finished"] for store in (one, two)] == ["1", "2"]
        assert added_classes.names_and_keys(one) == [("1", "k")]
        assert gold.find(two, "g").expected == "2"
        assert settings.find(one, "gold") == {"a": "1"}
        one.requeue(1, [])
        assert two.queue_states()["sample_id"].tolist() == ["b"]


def test_a_workbench_that_a_database_does_not_know_is_not_begun_anew(url):
    with pytest.raises(StoreError, match=r"is missing|is empty"):
        Store(url, "one", may_create=False)
    Store(url, "one").close()
    with pytest.raises(StoreError, match="no rows of this workbench"):
        Store(url, "two", may_create=False)
    Store(url, "one", may_create=False).close()


def test_no_file_is_made_where_one_is_missing(tmp_path):
    with pytest.raises(StoreError, match=r"labels\.sqlite"):
        Store(f"sqlite:///{tmp_path}/labels.sqlite", "w", may_create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_gone_is_not_made_again_by_an_open_store(tmp_path):
    with Store(f"sqlite:///{tmp_path}/labels.sqlite", "w") as store:
        store._engine.dispose()  # so that the next one connects anew
        for file in tmp_path.iterdir():
            file.unlink()
        with pytest.raises(StoreError, match="is missing"):
            store.events()
        with pytest.raises(StoreError, match="is missing"):
            store.record([event("e1")])
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_program_is_left_alone(url):
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE events (id INTEGER)")
    engine.dispose()
    with pytest.raises(StoreError, match="'events' that dqkit did not make"):
        Store(url, "w")


def test_several_that_open_a_new_database_at_once_all_come_in(url):
    failed = []

    def work(name):
        try:
            Store(url, name).close()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "aabb"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with Store(url, "a", may_create=False) as a, Store(url, "b", may_create=False) as b:
        assert a.number != b.number
