from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid

import pytest

from dqkit.records import InputError, LabelEvent, StoreError
from dqkit.store import Store


def file_url(folder):
    return f"sqlite:///{folder}/labels.sqlite"


def event(
    sample_id, label="seven", *, kind="label", annotator="ana", source="human", round=1, undoes=None, event_id=None
):
    return LabelEvent(
        event_id=event_id or uuid.uuid4().hex,
        sample_id=sample_id,
        kind=kind,
        label=label if kind == "label" else None,
        source=source,
        annotator=annotator,
        at="2026-01-01T00:00:00+00:00",
        round=round,
        undoes=undoes,
    )


def test_the_newest_label_of_a_person_is_the_current_one(store):
    store.record([event("a", "one"), event("a", "two"), event("b", "three")])
    labels = store.current_labels(weak=False).set_index("sample_id")["label"]
    assert labels.to_dict() == {"a": "two", "b": "three"}


def test_weak_labels_are_kept_apart_from_human_ones(store):
    store.record([event("a", "one"), event("a", "nine", source="weak", annotator="lfs")])
    assert store.current_labels(weak=False)["label"].tolist() == ["one"]
    assert store.current_labels(weak=True)["label"].tolist() == ["nine"]


def test_an_undo_is_another_event_and_brings_the_previous_label_back(store):
    first, second = event("a", "one"), event("a", "two")
    store.record([first, second])
    store.undo(event("a", kind="undo", undoes=second.event_id))
    assert store.current_labels(weak=False)["label"].tolist() == ["one"]
    assert store.events(sample_id="a")["kind"].tolist() == ["label", "label", "undo"]


def test_undoing_the_same_event_twice_is_one_undo(store):
    first = event("a")
    store.record([first])
    for _ in range(2):
        store.undo(event("a", kind="undo", undoes=first.event_id))
    assert store.events()["kind"].tolist() == ["label", "undo"]


def test_undoing_what_was_never_recorded_is_refused(store):
    with pytest.raises(InputError, match="nope"):
        store.undo(event("a", kind="undo", undoes="nope"))
    assert store.events().empty


def test_an_event_sent_twice_is_recorded_once(store):
    one = event("a")
    assert store.record([one]) == 1
    assert store.record([one, one]) == 0
    assert len(store.events()) == 1


def test_a_batch_is_recorded_whole_or_not_at_all(store):
    bad = event("b")
    object.__setattr__(bad, "annotator", None)
    with pytest.raises(Exception, match=r"(?i)not.null"):
        store.record([event("a"), bad])
    assert store.events().empty


def test_leases_hand_out_the_queue_in_order_and_never_to_two_people(store):
    store.enqueue(1, [(s, "label", False) for s in "abcdef"])
    assert store.lease(2, "ana") == ["a", "b"]
    assert store.lease(3, "bob") == ["c", "d", "e"]
    assert store.lease(9, "ana") == ["a", "b", "f"]
    assert store.lease(9, "ana", exclude={"a"}) == ["b", "f"]


def test_a_lease_that_ran_out_or_was_released_is_free_again(store):
    store.enqueue(1, [("a", "label", False), ("b", "label", False)])
    store.lease(1, "ana", seconds=-1)
    assert store.lease(1, "bob") == ["a"]
    store.release("bob")
    assert store.lease(1, "cy") == ["a"]


def test_a_decision_closes_its_sample_and_its_undo_opens_it_again(store):
    store.enqueue(1, [("a", "label", False), ("b", "label", False), ("c", "relabel", True)])
    one = event("a")
    store.record([one, event("b", kind="skip"), event("c", kind="flag")])
    assert store.queue_states()["state"].tolist() == ["done", "skipped", "flagged"]
    assert store.lease(5, "ana") == []
    store.undo(event("a", kind="undo", undoes=one.event_id))
    assert store.lease(5, "ana") == ["a"]


def test_weak_labels_do_not_answer_the_queue(store):
    store.enqueue(1, [("a", "label", False)])
    store.record([event("a", source="weak")])
    assert store.queue_states()["state"].tolist() == ["open"]


def test_only_the_newest_round_is_handed_out(store):
    store.enqueue(1, [("a", "label", False)])
    store.enqueue(2, [("b", "label", False)])
    assert store.lease(5, "ana") == ["b"]
    assert store.queue_states(1)["sample_id"].tolist() == ["a"]


def test_each_person_has_one_newest_vote_per_sample(store):
    store.record([event("a", "one"), event("a", "two"), event("a", "three", annotator="bob")])
    assert store.human_votes().to_numpy().tolist() == [["a", "ana", "two"], ["a", "bob", "three"]]


def test_a_round_that_exists_is_not_started_again_and_a_finished_one_is_not_dropped(store):
    store.start_round(1, budget=5, seed=0, started="t", settings={"folds": 5})
    with pytest.raises(StoreError, match="Round 1"):
        store.start_round(1, budget=5, seed=0, started="t", settings={})
    store.finish_round(1, finished="t", metrics={"accuracy": 0.5})
    store.drop_round(1)
    assert store.rounds()[0]["metrics"] == {"accuracy": 0.5}


def test_threads_can_record_at_the_same_time(store):
    def work(name):
        for i in range(20):
            store.record([event(f"{name}-{i}", annotator=name)])

    threads = [threading.Thread(target=work, args=(f"p{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.events()["sample_id"].nunique() == 80


def test_sqlite_is_told_to_survive_power_loss(tmp_path):
    with Store(file_url(tmp_path)) as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


WRITER = """
import sys, uuid
from dqkit.records import LabelEvent
from dqkit.store import Store
store = Store(sys.argv[1])
for i in range(10_000):
    store.record([LabelEvent(uuid.uuid4().hex, f"{sys.argv[2]}-{i}", "label", "x", "human", sys.argv[2], "t", 1)])
    print(f"{sys.argv[2]}-{i}", flush=True)  # said only after it is durable
"""


def start_writer(folder, name, out):
    return subprocess.Popen([sys.executable, "-c", WRITER, file_url(folder), name], stdout=out)


@pytest.mark.slow
def test_no_recorded_label_is_lost_or_doubled_when_writers_are_killed(tmp_path):
    """Three times, two processes write at once and are killed with SIGKILL at an arbitrary moment."""
    said = []
    for turn, pause in enumerate((0.03, 0.2, 0.41)):
        outs = [tmp_path / f"said-{turn}-{i}" for i in range(2)]
        files = [out.open("wb") for out in outs]
        writers = [start_writer(tmp_path, f"w{turn}{i}", file) for i, file in enumerate(files)]
        deadline = time.monotonic() + 60
        while not all(out.stat().st_size for out in outs) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(pause)
        for writer, file in zip(writers, files, strict=True):
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
            file.close()
        # A last line without its newline was cut by the kill and proves nothing.
        said += [line for out in outs for line in out.read_text().split("\n")[:-1]]
    with Store(file_url(tmp_path)) as store:
        found = store.events()["sample_id"]
    assert len(said) > 6
    assert set(said) <= set(found)
    assert not found.duplicated().any()
    # A writer has at most one event on disk that it had not come to say.
    assert len(found) <= len(said) + 6


def test_a_newer_schema_is_refused_and_left_alone(tmp_path):
    Store(file_url(tmp_path)).close()
    with sqlite3.connect(tmp_path / "labels.sqlite") as raw:
        raw.execute("UPDATE about SET value = '99' WHERE key = 'schema'")
    raw.close()
    before = (tmp_path / "labels.sqlite").read_bytes()
    with pytest.raises(StoreError, match="newer dqkit"):
        Store(file_url(tmp_path))
    assert (tmp_path / "labels.sqlite").read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "labels.sqlite").write_text("not a database, " * 100)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(file_url(tmp_path))


def test_a_deleted_file_takes_no_more_labels(tmp_path):
    file = tmp_path / "labels.sqlite"
    with Store(f"sqlite:///{file}") as store:
        store.record([event("e1")])
        for name in tmp_path.iterdir():
            name.unlink()
        with pytest.raises(StoreError, match="deleted or moved"):
            store.record([event("e2")])
        with pytest.raises(StoreError, match="deleted or moved"):
            store.start_round(1, budget=1, seed=0, started="2026-01-01T00:00:00+00:00", settings={})


def test_confirmations_count_the_answers_that_say_what_the_newest_one_says(store):
    first = event("a", "one", round=1)
    store.record([first, event("a", "two", round=1), event("a", "two", round=2), event("a", "two", annotator="bob")])
    store.record([event("b", "one"), event("b", "two", round=2), event("c", "one", source="weak")])
    store.record([event("d", "one"), event("d", "one"), event("d", kind="skip")])
    # a: ana in two rounds (her first answer of round 1 was replaced), and bob; b: the newest alone; d: once a round
    assert store.confirmations().to_dict() == {"a": 3, "b": 1, "d": 1}
    second = event("e", "one", round=1)
    store.record([second, event("e", "one", round=2)])
    store.record([event("e", kind="undo", undoes=second.event_id)])
    assert store.confirmations()["e"] == 1
