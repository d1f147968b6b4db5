"""What a queue proposes: keep, change or label, under one posterior; copies and the audit sample in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dqkit.acquisition import build_queue
from dqkit.acquisition.queue.copies import in_conflict, with_copies
from dqkit.acquisition.queue.proposals import proposals
from dqkit.records import Predictions


def predictions(table, probs, classes=("cat", "dog", "owl")):
    return Predictions.from_arrays(np.array(probs, dtype=float), ids=list(table.index), classes=list(classes))


def test_the_label_that_stands_is_kept_until_one_other_class_is_more_probable():
    rows = pd.DataFrame({"wrong": [0.4, 0.7, 0.7, 0.5, 0.6], "expected": "dog"}, index=list("abcde"))
    given = pd.Series(["cat", "cat", "cat", "cat", None], index=list("abcde"), dtype=object)
    # Of what is left of "cat", dog has 2/3 in a, all in b, 1/2 in c, all in d; "e" has no label.
    probs = [[0.1, 0.6, 0.3], [0.2, 0.8, 0.0], [0.2, 0.4, 0.4], [0.2, 0.8, 0.0], [0.2, 0.2, 0.6]]
    found = proposals(rows, given, predictions(rows, probs))
    # a: 0.4 * 2/3 < 0.6. b: 0.7 > 0.3. c: 0.7 / 2 = 0.35 > 0.3. d: a tie keeps.
    assert found["proposal"].tolist() == ["keep", "change", "change", "keep", "label"]
    assert found["suggested_label"].tolist() == ["cat", "dog", "dog", "cat", "owl"]
    np.testing.assert_allclose(found["probability"], [0.6, 0.7, 0.35, 0.5, 0.6], atol=1e-6)
    assert found["other_label"].tolist() == ["dog", "cat", "cat", "dog", "cat"]


def test_labels_that_could_not_be_judged_are_kept_without_a_probability():
    rows = pd.DataFrame({"wrong": [np.nan], "expected": "dog"}, index=["a"])
    found = proposals(rows, pd.Series(["cat"], index=["a"]), None)
    assert found[["suggested_label", "proposal"]].to_numpy().tolist() == [["cat", "keep"]]
    assert found["probability"].isna().all()


def test_without_predictions_the_other_class_is_what_the_signals_suggest():
    rows = pd.DataFrame({"wrong": [0.9, 0.2], "expected": ["dog", "cat"]}, index=["a", "b"])
    found = proposals(rows, pd.Series(["cat", "cat"], index=["a", "b"]), None)
    assert found["suggested_label"].tolist() == ["dog", "cat"]
    assert found["other_label"].tolist() == ["cat", None]


def table(n=60, *, wrong=0.05):
    rng = np.random.default_rng(0)
    index = [f"s{i:03d}" for i in range(n)]
    score = rng.uniform(0, wrong, n)
    columns = {"label_score": score, "wrong_probability": score, "label_flag": False, "given_label": "cat"}
    out = pd.DataFrame({**columns, "suggested_label": "dog", "least_confidence": 0.1}, index=index)
    return out.assign(given_label=out["given_label"].astype(object), copy_of="")


def planted(n=60):
    """Six pairs of copies with differing labels, their scores .45 and .55, beside rows that look much worse."""
    out = table(n)
    for pair in range(6):
        first, second = out.index[2 * pair], out.index[2 * pair + 1]
        out.loc[[first, second], "copy_of"] = first
        out.loc[[first, second], ["label_score", "wrong_probability"]] = [[0.45, 0.45], [0.55, 0.55]]
        out.loc[second, "given_label"] = "dog"
    out.loc[out.index[20:30], ["label_score", "wrong_probability"]] = 0.99
    return out


def test_copies_whose_labels_differ_head_the_queue_one_question_for_each_group():
    signals = planted()
    for seed in range(5):
        queue = build_queue(signals, budget=20, seed=seed)
        heads = queue["sample_id"][:6].tolist()
        assert sorted(signals.loc[heads, "copy_of"]) == [f"s{2 * k:03d}" for k in range(6)]
        assert not queue["control"][:6].any()
        # the copy more probably wrong is asked about
        assert all(signals.loc[heads, "label_score"] == 0.55)
        assert not signals.loc[queue["sample_id"][6:], "copy_of"].isin(signals.loc[heads, "copy_of"]).any()


def test_the_scores_of_copies_whose_labels_differ_are_not_moved_by_the_noise_rate():
    queue = build_queue(planted(), budget=6, noise_rate=0.01, audit_share=0)
    assert queue["score"].tolist() == [0.55] * 6


def test_copies_that_agree_are_one_row_too():
    signals = planted()
    signals["given_label"] = pd.Series("cat", index=signals.index, dtype=object)
    queue = build_queue(signals, budget=60)
    assert not in_conflict(signals).any()
    assert len(queue) == 54
    assert queue["sample_id"].isin(signals.index[12:]).sum() == 48


def test_a_copy_of_what_a_person_decided_is_not_asked():
    signals = planted().iloc[:4]
    signals["given_label"] = pd.Series("cat", index=signals.index, dtype=object)
    status = pd.Series(["human", "given", "given", "given"], index=signals.index)
    queue = build_queue(signals, budget=4, status=status, audit_share=0)
    assert "s001" not in set(queue["sample_id"])
    assert len(queue[queue["sample_id"].isin(["s002", "s003"])]) == 1


def test_what_is_put_aside_takes_its_copies_along():
    assert sorted(with_copies(planted(), ["s002", "s040"])) == ["s002", "s003", "s040"]


@pytest.mark.parametrize("seed", range(20))
def test_a_queue_begins_with_its_best_row_and_not_with_the_audit_sample(seed):
    queue = build_queue(table(wrong=0.9), budget=10, audit_share=0.5, seed=seed)
    assert not queue["control"][0]
    assert queue["score"][0] == queue.loc[~queue["control"], "score"].max()
    assert queue["control"].sum() == 5


def test_the_audit_sample_alone_may_begin_a_queue():
    assert build_queue(table(), budget=4, audit_share=1.0)["control"].all()


def test_suggestion_and_reason_say_the_same():
    signals = table(4).assign(wrong_probability=[0.9, 0.2, 0.6, 0.1], label_score=[0.99, 0.99, 0.99, 0.99])
    probs = [[0.1, 0.8, 0.1]] * 4
    queue = build_queue(signals, budget=4, predictions=predictions(signals, probs), audit_share=0, noise_rate=0.9)
    rows = queue.set_index("sample_id")
    # dog has 0.8 / 0.9 of what is left of cat; 0.6 * 8/9 = 0.533 is above 0.4
    assert rows["proposal"].to_dict() == {"s000": "change", "s001": "keep", "s002": "change", "s003": "keep"}
    assert rows.loc["s000", "reasons"].startswith("label 'cat' is wrong with probability 90 %, 'dog' fits better")
    assert rows.loc["s001", "reasons"].startswith("label 'cat' is wrong with probability 20 %, 'dog' comes next")
    assert rows.loc["s001", "probability"] == pytest.approx(0.8)
