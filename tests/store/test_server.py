"""What PostgreSQL adds: several people at the same moment, and a server that goes away and comes back."""

from __future__ import annotations

import collections
import threading
import time

import pytest
import sqlalchemy as sa

from dqkit.records import LabelEvent, StoreError
from dqkit.store import Store, added_classes, transactions
from dqkit.store.rounds import Kept
from tests.postgres import PASSWORD
from tests.store.conftest import new_database


def event(event_id, sample_id="a", annotator="ana"):
    return LabelEvent(event_id, sample_id, "label", "x", "human", annotator, "t", 1)


@pytest.fixture
def address(postgres):
    return new_database(postgres)


def together(*works):
    """Run these at the same moment, each in a thread; returns what went wrong."""
    begin, failed = threading.Barrier(len(works)), []

    def run(work):
        begin.wait()
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


@pytest.mark.parametrize("people_wanted", [1, 2])
def test_no_sample_goes_to_more_people_than_are_wanted(address, people_wanted):
    """Five people lease and answer at the same moment until the queue is empty."""
    names = [f"s{i:03d}" for i in range(40)]
    got = collections.defaultdict(set)
    with Store(address) as first:
        first.enqueue(1, [(name, "relabel", False) for name in names])
        first.overlap(people_wanted)
        stores = [Store(address) for _ in range(5)]

        def person(k):
            while taken := stores[k].lease(3, f"p{k}"):
                for name in taken:
                    got[name].add(k)
                stores[k].record([event(f"{k}-{name}", name, f"p{k}") for name in taken])

        failed = together(*[lambda k=k: person(k) for k in range(5)])
        for store in stores:
            store.close()
        assert failed == []
        assert {len(people) for people in got.values()} == {people_wanted}
        assert set(got) == set(names)
        assert set(first.queue_states()["state"]) == {"done"}
        assert first.progress() == (40 * people_wanted, 40 * people_wanted)


def test_two_answers_at_the_same_moment_close_a_sample_that_wants_two(address):
    with Store(address) as a, Store(address) as b:
        for i in range(10):
            a.enqueue(i + 1, [("s", "label", False)])
            a.overlap(2)
            number = i + 1
            both = [LabelEvent(f"{i}-{who}", "s", "label", "x", "human", who, "t", number) for who in ("ana", "bob")]
            assert together(lambda: a.record(both[:1]), lambda: b.record(both[1:])) == []  # noqa: B023
            assert a.queue_states()["state"].tolist() == ["done"]


def test_the_same_event_sent_twice_at_the_same_moment_is_recorded_once(address):
    with Store(address) as a, Store(address) as b:
        counts = []
        for i in range(10):
            sent = [event(f"e{i}")]
            assert together(lambda: counts.append(a.record(sent)), lambda: counts.append(b.record(sent))) == []  # noqa: B023
        assert len(a.events()) == 10
        assert sum(counts) == 10


def test_a_class_added_by_two_at_the_same_moment_is_one_class(address):
    with Store(address) as a, Store(address) as b:
        for i in range(10):
            assert (
                together(
                    lambda: added_classes.add(a, f"Owl{i}", key=f"owl{i}", annotator="ana", at="t"),  # noqa: B023
                    lambda: added_classes.add(b, f"owl{i}", key=f"owl{i}", annotator="bob", at="t"),  # noqa: B023
                )
                == []
            )
        assert [key for _, key in added_classes.names_and_keys(a)] == [f"owl{i}" for i in range(10)]


def test_a_restarted_server_loses_no_label_and_is_waited_for(postgres, address):
    with Store(address) as store:
        store.record([event("before")])
        postgres.stop("immediate")
        back = threading.Timer(1.5, postgres.start)
        back.start()
        try:
            assert store.record([event("during")]) == 1
        finally:
            back.join()
        assert store.events()["event_id"].tolist() == ["before", "during"]
        postgres.stop("fast")
        postgres.start()
        assert store.find("during") == event("during")


def test_a_connection_lost_at_the_commit_records_once_and_says_so(postgres, address):
    """The line is cut when the server has the rows and before the client hears of it."""
    killer = sa.create_engine(postgres.url, isolation_level="AUTOCOMMIT")
    with Store(address) as store:
        cut = []

        def at_commit(connection):
            if not cut:
                cut.append(True)
                pid = connection.connection.driver_connection.info.backend_pid
                connection.connection.driver_connection.commit()
                with killer.connect() as other:
                    other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")

        sa.event.listen(store._engine, "commit", at_commit)
        first = event("e")
        store.record([first])
        assert store.events()["event_id"].tolist() == ["e"]
        cut.clear()
        undo = LabelEvent("u", "a", "undo", None, "human", "ana", "t", 1, undoes="e")
        assert store.undo_all([undo]) == [undo]
        cut.clear()
        store.start_round(1, budget=1, seed=0, started="t", settings={})
        assert [r["round"] for r in store.rounds()] == [1]
    killer.dispose()


def test_a_server_that_stays_away_is_said_without_the_password(postgres, address, monkeypatch):
    monkeypatch.setattr(transactions, "PAUSES", (0.05,))
    with Store(address) as store:
        monkeypatch.setattr(Store, "write", lambda self, work: self._transactions.write(work, patience=0.2))
        postgres.stop("immediate")
        try:
            with pytest.raises(StoreError, match="server runs") as refused:
                store.record([event("e")])
        finally:
            postgres.start()
        assert "ge%40heim" not in str(refused.value)
        assert PASSWORD not in str(refused.value)
        assert store.events().empty


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "wrong"}, "refused the name or the password"),
        ({"database": "nowhere"}, "no database of this name|no such database"),
        ({"username": "nobody-here"}, "refused the name or the password"),
    ],
)
def test_a_refused_connection_is_said_at_once_with_what_to_do(address, change, said):
    began = time.monotonic()
    with pytest.raises(StoreError, match=said) as refused:
        Store(sa.make_url(address).set(**change))
    assert "wrong" not in str(refused.value)
    assert time.monotonic() - began < 60  # the wait for a server that may come back is longer


def test_without_a_password_every_way_to_give_one_is_named(address, monkeypatch):
    for name in ("DQKIT_STORE_PASSWORD", "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGPASSFILE", "/nowhere")
    url = sa.make_url(address)
    bare = f"postgresql://{url.username}@{url.host}:{url.port}/{url.database}"
    with pytest.raises(StoreError, match=r"DQKIT_STORE_PASSWORD.*PGPASSWORD.*pgpass.*keyring"):
        Store(bare)
    for name in ("DQKIT_STORE_PASSWORD", "PGPASSWORD"):
        with monkeypatch.context() as set_here:
            set_here.setenv(name, PASSWORD)
            Store(bare).close()


def test_only_one_process_runs_rounds_of_a_workbench_whatever_its_folder(address, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with Store(address, "w") as a, Store(address, "w") as b, Store(address, "other") as c:
        with a.only_runner(tmp_path / "one"):
            with pytest.raises(StoreError, match="Another process"), b.only_runner(tmp_path / "two"):
                pass
            with c.only_runner(tmp_path / "two"):
                pass
        with b.only_runner(tmp_path / "two"):
            pass


def test_the_files_of_a_round_come_to_those_who_did_not_run_it(address, tmp_path):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    big = bytes(range(256)) * 40_000  # three pieces
    (mine / "queue.parquet").write_bytes(big)
    (mine / "empty").write_bytes(b"")
    with Store(address, "w") as a, Store(address, "w") as b:
        a.start_round(1, budget=1, seed=0, started="t", settings={})
        a.keep_files(1, Kept(mine, "first", {name: mine / name for name in ("queue.parquet", "empty")}))
        assert not a.fetch_files(1, mine)
        assert b.fetch_files(1, theirs)
        assert (theirs / "queue.parquet").read_bytes() == big
        assert (theirs / "empty").read_bytes() == b""
        assert sorted(file.name for file in theirs.iterdir()) == [".version", "empty", "queue.parquet"]
        assert not b.fetch_files(1, theirs)
        (mine / "queue.parquet").write_bytes(b"ranked again")
        a.keep_files(1, Kept(mine, "second", {"queue.parquet": mine / "queue.parquet"}))
        assert [row["version"] for row in b.rounds()] == ["second"]
        assert b.fetch_files(1, theirs)
        assert (theirs / "queue.parquet").read_bytes() == b"ranked again"


def test_a_dropped_round_cannot_be_finished(url):
    with Store(url) as store:
        store.start_round(1, budget=1, seed=0, started="t", settings={})
        store.drop_round(1)
        with pytest.raises(StoreError, match="dropped"):
            store.finish_round(1, finished="t", metrics={})
