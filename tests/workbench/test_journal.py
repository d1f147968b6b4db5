"""Where a workbench keeps its labels: never in another journal than its own."""

from __future__ import annotations

import shutil
import uuid

import numpy as np
import pytest
import sqlalchemy as sa

import dqkit as dq
from tests.postgres import PASSWORD
from tests.workbench.conftest import quick, small


def tiny():
    return dq.from_arrays([f"text {i}" for i in range(6)], ["a", "b"] * 3)


def record_one(path, **options):
    with dq.Workbench.create(path, tiny(), **options) as bench:
        bench.record("0000000", "b", annotator="ana")


def recorded(path, **options):
    with dq.Workbench.open(path, **options) as bench:
        return len(bench.store.events())


@pytest.mark.parametrize("name", ["was?", "a#b", "100%", "50%20", "x;y", "gr\u00fc\u00df e", "\u6f22", "a'b"])
def test_a_folder_with_any_name_holds_its_own_labels(tmp_path, name):
    record_one(tmp_path / name)
    assert recorded(tmp_path / name) == 1
    assert (tmp_path / name / "labels.sqlite").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_relative_address_means_the_same_file_from_every_folder(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "one")
    record_one(tmp_path / "wb", store_url="sqlite:///labels.sqlite")
    monkeypatch.chdir(tmp_path / "two")
    assert recorded(tmp_path / "wb") == 1
    assert list((tmp_path / "two").iterdir()) == []


def test_a_deleted_journal_is_said_and_one_that_moved_is_named(tmp_path):
    record_one(tmp_path / "wb", store_url=f"sqlite:///{tmp_path}/own.sqlite")
    (tmp_path / "own.sqlite").rename(tmp_path / "moved.sqlite")
    with pytest.raises(dq.StoreError, match=r"own\.sqlite.* is missing"):
        dq.Workbench.open(tmp_path / "wb")
    assert not (tmp_path / "own.sqlite").exists()
    assert recorded(tmp_path / "wb", store_url=f"sqlite:///{tmp_path}/moved.sqlite") == 1


def test_the_journal_of_another_workbench_is_refused(tmp_path):
    record_one(tmp_path / "one")
    record_one(tmp_path / "two")
    other = f"sqlite:///{tmp_path}/two/labels.sqlite"
    with pytest.raises(dq.StoreError, match="no rows of this workbench"):
        dq.Workbench.open(tmp_path / "one", store_url=other)
    shutil.copy(tmp_path / "two" / "labels.sqlite", tmp_path / "one" / "labels.sqlite")
    with pytest.raises(dq.StoreError, match="no rows of this workbench"):
        dq.Workbench.open(tmp_path / "one")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_journal_in_memory_is_refused_and_leaves_no_folder(tmp_path, url):
    with pytest.raises(dq.StoreError, match="in memory"):
        dq.Workbench.create(tmp_path / "wb", tiny(), store_url=url)
    assert not (tmp_path / "wb").exists()


def test_a_closed_workbench_refuses_in_dqkits_own_words(tmp_path):
    bench = dq.Workbench.create(tmp_path / "wb", tiny())
    bench.close()
    with pytest.raises(dq.StoreError, match="was closed"):
        bench.record("0000000", "b", annotator="ana")
    with pytest.raises(dq.StoreError, match="was closed"):
        bench.labels()
    assert recorded(tmp_path / "wb") == 0


@pytest.fixture
def server_url(postgres):
    """(with the password, without it) of an empty database."""
    name = f"d{uuid.uuid4().hex}"
    engine = sa.create_engine(postgres.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    address = f"127.0.0.1:{postgres.port}/{name}"
    return f"postgresql://ana:ge%40heim%2F1@{address}", f"postgresql://ana@{address}"


def test_a_password_is_not_stored_and_comes_from_elsewhere_later(tmp_path, server_url, monkeypatch):
    full, bare = server_url
    for name in ("DQKIT_STORE_PASSWORD", "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    record_one(tmp_path / "wb", store_url=full)
    for file in (tmp_path / "wb").rglob("*"):
        assert file.is_dir() or not any(word in file.read_bytes() for word in (b"heim", PASSWORD.encode()))
    with pytest.raises(dq.StoreError, match="DQKIT_STORE_PASSWORD"):
        dq.Workbench.open(tmp_path / "wb")
    assert recorded(tmp_path / "wb", store_url=full) == 1
    monkeypatch.setenv("DQKIT_STORE_PASSWORD", PASSWORD)
    assert recorded(tmp_path / "wb") == 1
    assert recorded(tmp_path / "wb", store_url=bare) == 1


def test_an_emptied_database_is_no_journal(tmp_path, server_url):
    full, _ = server_url
    record_one(tmp_path / "wb", store_url=full)
    engine = sa.create_engine(full.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    with pytest.raises(dq.StoreError, match="is empty"):
        dq.Workbench.open(tmp_path / "wb", store_url=full)


def test_a_round_is_read_and_answered_on_a_machine_that_did_not_run_it(tmp_path, server_url):
    full, _ = server_url
    with dq.Workbench.create(tmp_path / "here", small(), store_url=full) as here:
        shutil.copytree(tmp_path / "here", tmp_path / "there")
        mine = here.run_round(budget=12, seed=0, folds=3, estimators=quick(), progress=False)
        with dq.Workbench.open(tmp_path / "there", store_url=full) as there:
            theirs = there.rounds[-1]
            assert theirs.queue.equals(mine.queue)
            assert theirs.signals.equals(mine.signals)
            np.testing.assert_array_equal(theirs.predictions.pred_probs, mine.predictions.pred_probs)
            sample = there.store.lease(1, "bob")[0]
            there.record(sample, "red", annotator="bob")
            assert here.labels().loc[sample, "annotator"] == "bob"
            again = here.rerank(budget=6)
            assert there.rounds[-1].queue.equals(again.queue)
            second = there.run_round(budget=5, seed=1, folds=3, estimators=quick(), progress=False)
            assert second.number == 2
        assert here.rounds[-1].queue.equals(second.queue)


def test_gold_questions_are_known_on_every_machine(tmp_path, server_url):
    from dqkit.workbench import gold

    full, _ = server_url
    with dq.Workbench.create(tmp_path / "here", tiny(), store_url=full) as here:
        shutil.copytree(tmp_path / "here", tmp_path / "there")
        gold.keep(here, {"0000001": "a"})
        with dq.Workbench.open(tmp_path / "there", store_url=full) as there:
            assert gold.answers(there) == {"0000001": "a"}
