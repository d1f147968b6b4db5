from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from tests.workbench.conftest import quick, small


def run(bench, **options):
    return bench.run_round(estimators=quick(), progress=False, **{"budget": 20, **options})


def test_what_is_created_can_be_opened_again_with_the_same_dataset(tmp_path, bench):
    ds = small()
    with dq.Workbench.open(tmp_path / "wb") as again:
        assert again.dataset.ids.tolist() == ds.ids.tolist()
        assert again.dataset.classes == ds.classes
        assert np.array_equal(again.dataset.labels, ds.labels)
        assert np.array_equal(again.dataset.true_labels, ds.true_labels)
        assert again.dataset.split.tolist() == ds.split.tolist()
        pd.testing.assert_frame_equal(again.dataset.content, ds.content)


@pytest.mark.parametrize(
    "dataset",
    [
        dq.from_arrays(np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4), ["a", "b"]),
        dq.from_arrays(["one <b>", "two"], ["a", "b"], metadata=pd.DataFrame({"note": ["x", 5]})),
        dq.from_arrays(pd.DataFrame({"age": [1.0, None], "city": ["x", None]}), ["a", "b"]),
    ],
    ids=["image", "text", "table"],
)
def test_every_modality_survives_the_round_trip(tmp_path, dataset):
    dq.Workbench.create(tmp_path / "wb", dataset).close()
    with dq.Workbench.open(tmp_path / "wb") as again:
        assert again.dataset.modality == dataset.modality
        if dataset.modality == "table":
            pd.testing.assert_frame_equal(again.dataset.content, dataset.content, check_dtype=False)
        else:
            assert np.array_equal(again.dataset.content, dataset.content)


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path):
    (tmp_path / "wb").mkdir()
    (tmp_path / "wb" / "thesis.txt").write_text("mine")
    with pytest.raises(dq.StoreError, match="not an empty folder"):
        dq.Workbench.create(tmp_path / "wb", small())
    assert [p.name for p in (tmp_path / "wb").iterdir()] == ["thesis.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["wb"]


def test_opening_what_is_no_workbench_or_a_newer_one_is_refused(tmp_path, bench):
    with pytest.raises(dq.StoreError, match="no workbench"):
        dq.Workbench.open(tmp_path)
    file = bench.path / "project.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 99}))
    with pytest.raises(dq.StoreError, match="newer dqkit"):
        dq.Workbench.open(bench.path)


def test_given_labels_come_first_and_unlabelled_samples_have_none(bench):
    table = bench.labels()
    ds = bench.dataset
    assert table.index.tolist() == ds.ids.tolist()
    assert table.columns.tolist() == ["label", "source", "annotator", "at", "round"]
    given = table["source"] == "given"
    assert given.to_numpy().tolist() == ds.is_labeled.tolist()
    assert all(v is None for v in table.loc[~given, "label"])


def test_a_recorded_label_is_the_current_one_until_it_is_undone(bench):
    sample = str(bench.dataset.ids[0])
    before = bench.labels().loc[sample, "label"]
    bench.record(sample, "green", annotator="ana")
    bench.record(sample, "blue", annotator="bob")
    row = bench.labels().loc[sample]
    assert (row["label"], row["source"], row["annotator"]) == ("blue", "human", "bob")
    bench.undo(annotator="bob")
    assert bench.labels().loc[sample, "label"] == "green"
    bench.undo(annotator="ana")
    assert bench.labels().loc[sample, "label"] == before
    assert bench.history(sample)["kind"].tolist() == ["label", "label", "undo", "undo"]
    with pytest.raises(dq.InputError, match="no decision to undo"):
        bench.undo(annotator="ana")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sample_id": "nobody", "label": "red", "annotator": "ana"}, "'nobody'"),
        ({"sample_id": "0000000", "label": "reed", "annotator": "ana"}, "Did you mean 'red'"),
        ({"sample_id": "0000000", "label": None, "annotator": "ana"}, "None"),
        ({"sample_id": "0000000", "label": "red", "annotator": " "}, "annotator"),
        ({"sample_id": "0000000", "label": "red", "annotator": "ana", "kind": "burn"}, "'burn'"),
    ],
)
def test_a_bad_label_is_refused_and_nothing_is_written(bench, arguments, words):
    with pytest.raises(dq.InputError, match=words):
        bench.record(arguments.pop("sample_id"), arguments.pop("label"), **arguments)
    assert bench.store.events().empty


def test_a_round_fills_predictions_signals_and_a_queue_within_the_budget(bench):
    rnd = run(bench, budget=25)
    ds = bench.dataset
    assert rnd.signals.index.tolist() == ds.ids.tolist()
    assert rnd.predictions.pred_probs.shape == (len(ds), 3)
    assert len(rnd.queue) == 25
    assert not rnd.queue["sample_id"].duplicated().any()
    assert rnd.queue["score"].between(0, 1).all()
    assert (rnd.queue["reasons"].str.len() > 0).all()
    assert not set(rnd.queue["sample_id"]) & set(ds.ids[ds.is_test])
    assert bench.store.queue_states()["sample_id"].tolist() == rnd.queue["sample_id"].tolist()


def test_the_same_seed_gives_the_same_round_bit_for_bit(tmp_path):
    found = []
    for name in "ab":
        with dq.Workbench.create(tmp_path / name, small()) as bench:
            found.append(run(bench, seed=4))
    assert np.array_equal(found[0].predictions.member_probs, found[1].predictions.member_probs)
    pd.testing.assert_frame_equal(found[0].signals, found[1].signals)
    pd.testing.assert_frame_equal(found[0].queue, found[1].queue)


def test_a_round_read_again_later_is_the_round_that_was_run(bench):
    first = run(bench)
    with dq.Workbench.open(bench.path) as again:
        later = again.rounds[-1]
        pd.testing.assert_frame_equal(later.queue, first.queue)
        assert np.array_equal(later.predictions.pred_probs, first.predictions.pred_probs)
        assert later.metrics == first.metrics


def test_the_next_round_does_not_ask_again_what_was_answered_undisputed(bench):
    first = run(bench, audit_share=0.0)
    truth = dict(zip(bench.dataset.ids, bench.dataset.true_labels, strict=True))
    for sample in first.queue["sample_id"]:
        bench.record(sample, bench.dataset.classes[truth[sample]], annotator="ana")
    second = run(bench)
    again = second.queue[second.queue["sample_id"].isin(first.queue["sample_id"])]
    assert set(again["action"]) <= {"second_opinion"}
    assert second.metrics["n_human"] == 20


def test_the_loop_finds_planted_errors_far_better_than_chance(bench):
    ds = bench.dataset
    planted = set(ds.ids[ds.is_labeled & (ds.labels != ds.true_labels)])
    queued = run(bench, budget=2 * len(planted), audit_share=0.0).queue
    relabel = queued.loc[queued["action"] == "relabel", "sample_id"]
    pool = int((ds.is_labeled & ~ds.is_test).sum())
    by_chance = len(relabel) * len(planted) / pool
    assert len(planted & set(relabel)) > 3 * by_chance


def test_a_bad_budget_is_refused_before_anything_is_written(bench):
    with pytest.raises(dq.InputError, match="budget"):
        bench.run_round(budget=0)
    assert bench.store.rounds() == []


def test_four_rows_that_say_nothing_and_one_label_still_give_a_queue(tmp_path):
    blank = dq.from_arrays(np.zeros((4, 2)), [-1, -1, -1, 0], classes=["a", "b"])
    with dq.Workbench.create(tmp_path / "blank", blank) as empty:
        queue = empty.run_round(budget=2, progress=False).queue
        assert len(queue) == 2
        assert set(queue["sample_id"]) < set(blank.ids)


@pytest.mark.parametrize(
    "options",
    [
        {"seed": -1},
        {"seed": "a"},
        {"seed": None},
        {"folds": 2.5},
        {"strategy": "nope"},
        {"audit_share": 2},
        {"budget": True},
    ],
)
def test_a_bad_setting_is_refused_before_anything_is_trained_or_written(bench, options):
    with pytest.raises(dq.InputError, match=next(iter(options))):
        run(bench, **options)
    assert bench.store.rounds() == []


def test_an_id_that_is_no_text_is_refused_and_the_journal_stays_readable(bench):
    with pytest.raises(dq.InputError, match="sample_id must be text"):
        bench.record(("0000000", "0000001"), "red", annotator="ana")
    assert bench.store.events().empty


@pytest.mark.parametrize("options", [{"source": "x"}, {"why": None}, {"why": "\ud800"}, {"event_id": 5}])
def test_what_cannot_be_written_down_is_refused(bench, options):
    with pytest.raises(dq.InputError, match=next(iter(options))):
        bench.record("0000000", "red", annotator="ana", **options)
    assert bench.store.events().empty


def test_an_event_id_stands_for_one_decision(bench):
    first = bench.record("0000000", "red", annotator="ana", event_id="E1")
    assert bench.record("0000000", "red", annotator="ana", event_id="E1") == first
    with pytest.raises(dq.InputError, match="another decision"):
        bench.record("0000001", "blue", annotator="ana", event_id="E1")
    with pytest.raises(dq.InputError, match="E1"):
        bench.undo(annotator="ana", event_id="E1")
    assert len(bench.store.events()) == 1


def test_a_missing_journal_is_said_and_not_replaced_by_an_empty_one(bench):
    bench.close()
    for file in bench.path.glob("labels.sqlite*"):
        file.unlink()
    with pytest.raises(dq.StoreError, match="is missing"):
        dq.Workbench.open(bench.path)
    assert not (bench.path / "labels.sqlite").exists()


def test_a_missing_dataset_file_is_named(bench):
    (bench.path / "dataset" / "samples.parquet").unlink()
    with dq.Workbench.open(bench.path) as again, pytest.raises(dq.StoreError, match=r"samples\.parquet"):
        again.labels()


def test_a_bad_store_url_leaves_no_folder_behind(tmp_path):
    with pytest.raises(dq.StoreError, match="store_url"):
        dq.Workbench.create(tmp_path / "wb", small(), store_url="garbage")
    assert not (tmp_path / "wb").exists()


def test_a_workbench_opened_by_a_relative_path_survives_a_change_of_folder(tmp_path, bench, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with dq.Workbench.open("wb") as again:
        monkeypatch.chdir("/")
        assert len(again.labels()) == 240


def test_an_empty_queue_has_no_widget_and_says_what_to_do(bench):
    with pytest.raises(dq.InputError, match="run_round"):
        bench.labeler(annotator="ana")


def test_a_history_has_none_where_an_event_has_no_label(bench):
    sample = str(bench.dataset.ids[0])
    bench.record(sample, "red", annotator="ana")
    bench.undo(annotator="ana")
    assert bench.history(sample)["label"].tolist() == ["red", None]


def test_the_report_is_written_in_both_forms(tmp_path, bench):
    run(bench)
    page = bench.report(tmp_path / "out" / "health.html")
    facts = json.loads((tmp_path / "out" / "health.json").read_text())
    assert page.read_text().lstrip().lower().startswith("<!doctype html")
    assert facts["failed_sections"] == []


KILLED = """
import os, sys, signal
import numpy as np
from sklearn.linear_model import LogisticRegression
import dqkit as dq

class Counting(LogisticRegression):
    def fit(self, x, y, **options):
        with open(sys.argv[2], "a") as log:
            log.write("fit\\n")
        if len(open(sys.argv[2]).readlines()) == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(x, y, **options)

wb = dq.Workbench.open(sys.argv[1])
members = {"one": Counting(C=1.0), "two": Counting(C=0.1)}
rnd = wb.run_round(budget=20, seed=2, folds=5, progress=False, estimators=members)
print(rnd.number)
"""


@pytest.mark.slow
def test_a_round_killed_half_way_goes_on_where_it_was(tmp_path, bench):
    log = tmp_path / "fits"
    command = [sys.executable, "-c", KILLED, str(bench.path), str(log)]
    killed = subprocess.run([*command, "7"], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert bench.rounds == []
    finished = subprocess.run([*command, "-1"], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "1"
    # Ten fits make the round; six were finished before the kill and only the killed one is begun twice.
    assert len(log.read_text().splitlines()) == 11
    assert len(bench.rounds) == 1


def test_a_second_process_does_not_run_a_round_at_the_same_time(tmp_path, bench):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\n"
            "from filelock import FileLock\n"
            "lock = FileLock(sys.argv[1]); lock.acquire()\n"
            "print('held', flush=True); time.sleep(60)",
            str(bench.path / "rounds" / ".lock"),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(dq.StoreError, match="Another process"):
            run(bench)
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    deadline = time.monotonic() + 5
    while True:
        try:
            assert run(bench).number == 1
            break
        except dq.StoreError:
            assert time.monotonic() < deadline


@pytest.mark.parametrize("path", [None, 5, b"x", "", "a\0b"])
def test_what_is_no_path_is_refused_by_name(path):
    with pytest.raises(dq.InputError, match="path must be"):
        dq.Workbench.open(path)
    with pytest.raises(dq.InputError, match="path must be"):
        dq.Workbench.create(path, small())


def test_a_folder_name_that_the_disk_cannot_hold_is_a_store_error(tmp_path):
    with pytest.raises(dq.StoreError, match="cannot be used"):
        dq.Workbench.create(tmp_path / ("a" * 300), small())


def test_a_sparse_column_is_kept_with_its_values(tmp_path):
    table = pd.DataFrame({"a": pd.arrays.SparseArray([0, 1, 0, 2]), "y": list("xyxy")})
    with dq.Workbench.create(tmp_path / "wb", dq.from_table(table, label="y", features=["a"])):
        pass
    with dq.Workbench.open(tmp_path / "wb") as again:
        assert again.dataset.content["a"].tolist() == [0, 1, 0, 2]
