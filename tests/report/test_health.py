from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dqkit as dq
import dqkit.report.assemble as assemble
from dqkit.records import Dataset, Predictions
from dqkit.report import METRICS, SCHEMA, SECTIONS, health, render
from tests.report.pets import make_dataset, make_inputs


def test_the_figures_of_a_small_dataset_are_those_worked_out_by_hand(dataset: Dataset, inputs: dict[str, Any]) -> None:
    found = health(dataset, **inputs)
    expected = {
        "n_samples": 12,
        "n_classes": 3,
        "n_labeled": 12,  # ten given, one by a person, one weak
        "n_unlabeled": 0,
        "n_human": 3,
        "n_weak": 1,
        "n_test": 2,
        "labeled_rate": 1.0,
        "unreadable_rate": 1 / 12,
        "problems": 2,
        "imbalance_ratio": 7 / 2,  # cat 6 + s05; dog 3 - s05 + s10; owl 1 + s11
        "min_class_count": 2,
        "empty_classes": 0,
        "rare_classes": 0,
        "small_classes": 2,  # dog and owl have fewer than 5
        "label_error_rate": 1 / 8,  # a fifth of the eight outside the test split, to the nearest label
        "label_errors_flagged": 2,
        "label_errors_open": 1,  # s06 was skipped, which decides nothing
        "label_errors_open_rate": 1 / 10,
        "confirmed_errors": 1,
        "outlier_rate": 1 / 12,
        "low_confidence_rate": 1 / 12,
        "duplicate_rate": 2 / 12,
        "exact_duplicate_rate": 2 / 12,
        "duplicate_groups": 2,
        "duplicate_conflicts": 1,
        "exact_duplicate_conflicts": 1,
        "leakage_groups": 1,
        "underperforming_groups": 1,
        "worst_group_error_rate": 0.5,
        "order_p_value": 0.01,
        "property_flags_rate": 1 / 11,  # s04 of eleven that can be read
        "spurious_properties": 1,
        "misleading_label_rate": 3 / 10,
        "leakage_rate": 1 / 2,
        "exact_leakage_rate": 1 / 2,
        "test_accuracy": 0.75,
        "rounds": 2,
        "events": 7,
        "queue_open": 1,  # s07; the skip of s06 is an answer
        "failed_sections": 0,
    }
    assert {name: found["metrics"][name] for name in expected} == pytest.approx(expected)
    assert found["failed_sections"] == []


def test_calibration_is_measured_on_usable_training_labels_that_are_not_weak(
    dataset: Dataset, inputs: dict[str, Any]
) -> None:
    section = health(dataset, **inputs)["sections"]["calibration"]
    # s03 is unreadable, s08 and s09 are test, s11 is weak; of the other eight only s06 is predicted otherwise, and s10
    # is right with 0.4.
    assert section["n"] == 8
    assert section["accuracy"] == pytest.approx(7 / 8)
    assert section["ece"] == pytest.approx((7 * abs(0.8 - 6 / 7) + 1 * abs(0.4 - 1)) / 8)
    assert section["log_loss"] == pytest.approx(-(6 * math.log(0.8) + math.log(0.4) + math.log(0.1)) / 8)


def test_the_decisions_are_counted_by_person_kind_and_outcome(dataset: Dataset, inputs: dict[str, Any]) -> None:
    section = health(dataset, **inputs)["sections"]["activity"]
    assert section["kinds"] == {"label": 5, "undo": 1, "skip": 1}
    assert section["annotators"][0] == {
        "annotator": "ana",
        "source": "human",
        "total": 5,
        "kinds": {"label": 3, "skip": 1, "undo": 1},
    }
    assert (section["decided"], section["changed"], section["kept"], section["new"]) == (2, 1, 1, 1)
    assert section["actions"] == [
        {"action": "label", "queued": 1, "answered": 1},
        {"action": "relabel", "queued": 2, "answered": 2},
        {"action": "second_opinion", "queued": 1, "answered": 0},
    ]


def test_an_undone_answer_leaves_its_sample_open(dataset: Dataset, inputs: dict[str, Any]) -> None:
    undo = {"event_id": "e7", "sample_id": "s06", "kind": "undo", "source": "human", "undoes": "e4", "round": 2}
    inputs["events"] = pd.concat([inputs["events"], pd.DataFrame([undo])], ignore_index=True)
    assert health(dataset, **inputs)["metrics"]["queue_open"] == 2


def test_an_answer_of_an_earlier_round_does_not_answer_this_queue(dataset: Dataset, inputs: dict[str, Any]) -> None:
    inputs["events"].loc[inputs["events"]["event_id"] == "e3", "round"] = 1
    assert health(dataset, **inputs)["metrics"]["queue_open"] == 2


def test_deltas_compare_the_last_two_rounds_and_say_which_way_is_better(
    dataset: Dataset, inputs: dict[str, Any]
) -> None:
    deltas = {d["metric"]: d for d in health(dataset, **inputs)["sections"]["changes"]["deltas"]}
    assert deltas["test_accuracy"]["difference"] == pytest.approx(0.25)
    assert deltas["test_accuracy"]["verdict"] == "better"
    assert deltas["label_error_rate"]["difference"] == pytest.approx(-0.1)
    assert deltas["label_error_rate"]["verdict"] == "better"
    assert deltas["n_human"]["verdict"] == "same"
    worse = [{"round": 1, "metrics": {"log_loss": 0.2}}, {"round": 2, "metrics": {"log_loss": 0.5}}]
    inputs["rounds"] = worse
    assert health(dataset, **inputs)["sections"]["changes"]["deltas"][0]["verdict"] == "worse"


def test_open_suspects_come_before_reviewed_ones_and_carry_their_reasons(
    dataset: Dataset, inputs: dict[str, Any]
) -> None:
    samples = health(dataset, **inputs)["sections"]["label_errors"]["samples"]
    assert [s["sample_id"] for s in samples] == ["s06", "s05"]
    assert samples[0]["reasons"] == ["5 of 5 members disagree", "9 of 10 neighbours carry another label"]
    assert (samples[0]["given"], samples[0]["suggested"]) == ("dog", "owl")
    assert samples[0]["suggested_prob"] == pytest.approx(0.8)
    assert samples[1]["reviewed"]
    assert samples[1]["current"] == "cat"


def test_without_an_estimated_matrix_the_suspects_are_counted(dataset: Dataset, inputs: dict[str, Any]) -> None:
    matrix = health(dataset, **inputs)["sections"]["label_errors"]["noise_matrix"]
    assert not matrix["estimated"]
    # Six cats stay, s05 is truly a cat given as dog; s06 is truly an owl given as dog, and s08 stays.
    np.testing.assert_allclose(matrix["values"], [[6 / 7, 1 / 7, 0], [0, 1, 0], [0, 1 / 2, 1 / 2]])


def test_alike_samples_are_not_called_identical_when_their_content_differs(
    dataset: Dataset, inputs: dict[str, Any]
) -> None:
    dataset.content[9, 0, 0] ^= 1
    metrics = health(dataset, **inputs)["metrics"]
    assert (metrics["leakage_rate"], metrics["exact_leakage_rate"]) == (0.5, 0.0)
    assert metrics["duplicate_groups"] == 2
    assert metrics["exact_duplicate_rate"] == pytest.approx(1 / 12)


def test_the_verdict_says_in_plain_words_how_many_labels_look_wrong(dataset: Dataset, inputs: dict[str, Any]) -> None:
    found = health(dataset, **inputs)
    verdict = found["verdict"]
    assert verdict["level"] == "poor"
    assert verdict["headline"].replace("\u202f", " ") == "1 label looks wrong, 10 % of 10."
    said = verdict["sentences"][0].replace("\u202f", " ")
    low, high = found["metrics"]["label_error_rate_low"], found["metrics"]["label_error_rate_high"]
    assert low <= 0.1
    assert high >= 0.3
    assert said.startswith(f"An estimated 12.5 % of the labels are wrong (95 % interval {100 * low:.0f}")


def test_a_reviewed_dataset_without_other_trouble_looks_sound(dataset: Dataset, inputs: dict[str, Any]) -> None:
    calm = dict(inputs, signals=inputs["signals"].assign(duplicate_group=-1), labels=inputs["labels"].copy())
    calm["labels"].loc["s06", "source"] = "human"
    healthy = Dataset(**{**vars(dataset), "problems": dataset.problems.iloc[:0]})
    verdict = health(healthy, **calm)["verdict"]
    assert (verdict["level"], verdict["word"]) == ("good", "Looks sound")
    assert verdict["headline"] == "Every label that looks wrong has been reviewed; 1 was changed."


def test_the_next_steps_start_with_what_is_most_pressing(dataset: Dataset, inputs: dict[str, Any]) -> None:
    steps = [step["section"] for step in health(dataset, **inputs)["sections"]["next_steps"]["steps"]]
    assert steps[:5] == ["overview", "duplicates", "duplicates", "label_errors", "activity"]


def test_the_record_is_strict_json_and_its_metrics_are_named_finite_numbers(
    dataset: Dataset, inputs: dict[str, Any]
) -> None:
    inputs["signals"].loc["s00", ["label_score", "entropy", "outlier_score"]] = np.nan
    inputs["rounds"][-1]["metrics"]["oos_accuracy"] = float("nan")
    found = health(dataset, **inputs)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["schema"] == SCHEMA == 1
    assert set(found["metrics"]) <= set(METRICS)
    assert all(type(v) in (int, float) and math.isfinite(v) for v in found["metrics"].values())
    sections = [name for name in SECTIONS if name not in ("column_power", "column_values")]  # pictures have no columns
    assert list(found["sections"]) == [*sections, "next_steps"]
    assert [finding["name"] for finding in found["findings"]] == sections


@pytest.mark.parametrize(
    "missing", ["labels", "signals", "summary", "predictions", "queue", "events", "rounds", "everything"]
)
def test_a_missing_input_makes_its_sections_absent_and_leaves_the_others(
    dataset: Dataset, inputs: dict[str, Any], missing: str
) -> None:
    kept = {} if missing == "everything" else {k: v for k, v in inputs.items() if k != missing}
    found = health(dataset, **kept)
    assert found["failed_sections"] == []
    absent = {name for name, section in found["sections"].items() if section["status"] == "absent"}
    by_summary = {"underperforming_groups", "order", "properties"}
    by_signals = {"label_errors", "uncertain", "outliers", "duplicates", "valuation"}
    assert (
        absent
        == {
            "labels": {"baselines"},
            "signals": {"baselines", "properties"} | by_signals,
            "summary": {"baselines"} | by_summary,
            "predictions": {"baselines", "calibration"},
            "queue": {"baselines"},
            "events": {"baselines", "activity"},
            "rounds": {"baselines", "changes"},
            "everything": {"baselines", "calibration", "activity", "changes"} | by_signals | by_summary,
        }[missing]
    )
    assert all(found["sections"][name]["note"] for name in absent)


@pytest.mark.parametrize("frame", ["labels", "signals", "queue", "events"])
def test_one_missing_column_never_fails_a_section(dataset: Dataset, inputs: dict[str, Any], frame: str) -> None:
    for column in inputs[frame].columns:
        found = health(dataset, **{**inputs, frame: inputs[frame].drop(columns=column)})
        assert found["failed_sections"] == [], column


def test_a_section_that_raises_is_listed_and_the_others_stand(
    dataset: Dataset, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> dict[str, Any]:
        raise KeyError("no such thing")

    monkeypatch.setitem(assemble.SECTIONS, "balance", broken)
    found = health(dataset, **inputs)
    assert found["failed_sections"] == [{"section": "balance", "error": "KeyError", "message": "'no such thing'"}]
    assert found["sections"]["balance"] == {"status": "failed", "error": "KeyError: 'no such thing'"}
    assert found["metrics"]["failed_sections"] == 1
    assert all(s["status"] == "ok" for n, s in found["sections"].items() if n not in ("balance", "baselines"))


def test_a_malformed_summary_fails_its_section_alone(dataset: Dataset, inputs: dict[str, Any]) -> None:
    inputs["summary"] = {"label_errors": {"estimated_rate": "high"}}
    found = health(dataset, **inputs)
    assert [f["section"] for f in found["failed_sections"]] == ["label_errors"]
    assert found["verdict"]["level"] == "unknown"


def test_a_class_that_an_annotator_added_is_counted(dataset: Dataset, inputs: dict[str, Any]) -> None:
    inputs["labels"].loc["s01", ["label", "source"]] = ["fox", "human"]
    found = health(dataset, **inputs)
    assert found["sections"]["overview"]["classes"] == ["cat", "dog", "owl", "fox"]
    assert found["metrics"]["min_class_count"] == 1
    assert found["failed_sections"] == []


def test_an_unlabelled_dataset_is_described_and_not_judged() -> None:
    ds = Dataset(
        ids=np.array(["a", "b"], dtype=object),
        labels=np.array([-1, -1]),
        classes=("x", "y"),
        modality="text",
        content=np.array(["one", ""], dtype=object),
        split=np.array(["train", "train"], dtype=object),
        metadata=pd.DataFrame(index=["a", "b"]),
    )
    found = health(ds)
    assert found["failed_sections"] == []
    assert found["sections"]["balance"] == {"status": "absent", "note": "No sample has a label yet."}
    assert found["verdict"]["level"] == "unknown"
    assert found["sections"]["overview"]["content"]["characters"]["empty"] == 1


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(12)))
def test_the_figures_do_not_depend_on_the_order_of_the_samples(order: list[int]) -> None:
    dataset, inputs = make_dataset(), make_inputs()
    p = inputs["predictions"]
    shuffled = dict(
        inputs,
        labels=inputs["labels"].iloc[order],
        signals=inputs["signals"].iloc[order],
        predictions=Predictions.from_arrays(p.pred_probs[order], ids=list(p.ids[order]), classes=p.classes),
        queue=inputs["queue"].iloc[::-1],
    )
    assert health(dataset.take(order), **shuffled)["metrics"] == pytest.approx(health(dataset, **inputs)["metrics"])


def test_the_report_says_which_evidence_the_scores_rest_on(dataset: Dataset, inputs: dict[str, Any]) -> None:
    tests = [
        {"name": "neighbours", "used": True, "ap_without": 0.5, "ap_with": 0.75},
        {"name": "dynamics", "used": False, "ap_without": None, "ap_with": None},
    ]
    inputs["summary"]["label_errors"] |= {"scorers": ["2 members", "noise matrix", "neighbours"], "families": tests}
    section = health(dataset, **inputs)["sections"]["label_errors"]
    assert section["scorers"] == ["2 members", "noise matrix", "neighbours"]
    assert section["families"] == [
        "neighbours: used; planted errors are found with average precision 0.750 with it, 0.500 without",
        "dynamics: not used; too few errors or rows to test it",
    ]


def test_class_names_that_differ_in_case_or_spaces_alone_are_a_next_step() -> None:
    labels = ["cat", "Cat ", "dog", "cat", "dog"]
    with pytest.warns(UserWarning, match="differ in case or spaces"):
        ds = dq.from_arrays(["a", "b", "c", "d", "e"], labels)
    found = health(ds)
    assert found["sections"]["balance"]["alike"] == [["Cat ", "cat"]]
    steps = [step["do"] for step in found["sections"]["next_steps"]["steps"]]
    assert "Make one class of 'Cat ' and 'cat', if they are one." in steps
    assert "Alike but for case or spaces" in render(found, ds)
