"""`wb.advice()` says what is known after each round, and what the answers yield steers the next queue."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import dqkit as dq
from dqkit.acquisition import build_queue
from tests.workbench.conftest import quick, small

CRITERIA = ["gain of the next 100 labels", "prediction stability", "label errors left", "overall uncertainty", "budget"]


def run(bench, **options):
    return bench.run_round(estimators=quick(), progress=False, **{"budget": 20, **options})


def answer(bench, rows=None):
    """Answer queue rows with the truth."""
    truth = dict(zip(bench.dataset.ids, bench.dataset.true_labels, strict=True))
    for sample in bench.rounds[-1].queue["sample_id"] if rows is None else rows:
        bench.record(sample, bench.dataset.classes[truth[sample]], annotator="ana")


def test_before_a_round_there_is_nothing_to_advise_on(bench):
    assert str(bench.advice()) == "Nothing is known yet: finish a round first."


def test_after_one_round_it_says_what_it_cannot_know_yet(bench):
    run(bench)
    got = bench.advice()
    assert [c.name for c in got.criteria] == CRITERIA
    assert [c.stop for c in got.criteria] == [None, None, None, False, None]
    assert str(got) == got.text
    assert "\n" not in got.text
    assert "is unknown until three rounds" in got.text
    assert "is unknown until a second round" in got.text
    assert "wrong labels are left among those that nobody has checked" in got.text
    assert "Of the 20 rows queued in this round, 0 are answered" in got.text
    for criterion in got.criteria:
        assert criterion.verdict in repr(got)
        assert criterion.name in repr(got)


@pytest.mark.slow
def test_after_three_answered_rounds_every_criterion_has_a_number(bench):
    for _ in range(3):
        run(bench, audit_share=0.3)
        answer(bench)
    got = bench.advice(budget_left=40)
    assert not any(np.isnan(c.value) for c in got.criteria)
    assert got.criteria[-1].value == 40
    control = got.control
    truth = dict(zip(bench.dataset.ids, np.array(bench.dataset.classes)[bench.dataset.true_labels], strict=True))
    drawn = pd.concat([rnd.queue.assign(number=rnd.number) for rnd in bench.rounds])
    drawn = drawn[drawn["control"]]
    before = [
        bench.rounds[n - 1].labels_before["label"][s] for s, n in zip(drawn["sample_id"], drawn["number"], strict=True)
    ]
    wrong = [given is not None and given != truth[s] for s, given in zip(drawn["sample_id"], before, strict=True)]
    rate = control.label_error_rate
    assert (rate.hits, rate.of) == (sum(wrong), sum(given is not None for given in before))
    assert binom.cdf(rate.hits, rate.of, rate.high) == pytest.approx(0.025)
    guessed = [
        bench.rounds[n - 1].signals["predicted_label"][s]
        for s, n in zip(drawn["sample_id"], drawn["number"], strict=True)
    ]
    right = sum(guess == truth[s] for s, guess in zip(drawn["sample_id"], guessed, strict=True))
    assert (control.model_accuracy.hits, control.model_accuracy.of) == (right, len(drawn))


def test_the_yield_of_relabel_picks_is_what_was_confirmed_of_what_was_reviewed(bench):
    rnd = run(bench, budget=30)
    answer(bench)
    truth = dict(zip(bench.dataset.ids, np.array(bench.dataset.classes)[bench.dataset.true_labels], strict=True))
    picks = rnd.queue[(rnd.queue["action"] == "relabel") & ~rnd.queue["control"]]
    confirmed = sum(rnd.signals["given_label"][s] != truth[s] for s in picks["sample_id"])
    row = bench.advice().control.yields.loc["relabel"]
    assert (row["changed"], row["reviewed"]) == (confirmed, len(picks))
    by_kind = bench.advice().control.detectors
    kinds = rnd.signals.loc[picks["sample_id"], "label_kind"]
    assert by_kind["reviewed"].to_dict() == kinds[kinds != ""].value_counts().to_dict()


def test_the_html_is_escaped(tmp_path):
    ds = small()
    named = dq.from_arrays(
        ds.content, ds.labels, classes=["<b>red</b>", "green", "blue"], split=ds.split, true_labels=ds.true_labels
    )
    with dq.Workbench.create(tmp_path / "wb", named, title="<script>") as bench:
        run(bench)
        shown = bench.advice()._repr_html_()
        assert "<b>red</b>" not in shown
        assert "<script" not in shown
        assert shown.count("<tr>") >= 6
        assert "cannot tell" in shown
    page = dq.acquisition.advice([dq.acquisition.Criterion("<i>", True, 1.0, "<u>&")])._repr_html_()
    assert "&lt;i&gt;" in page
    assert "<u>" not in page


@pytest.mark.parametrize("budget_left", ["many", True])
def test_a_budget_that_is_no_number_is_named(bench, budget_left):
    run(bench)
    with pytest.raises(dq.InputError, match="budget_left"):
        bench.advice(budget_left=budget_left)


def test_the_methods_of_a_text_still_work_on_an_advice_and_say_that_they_go():
    got = dq.acquisition.advice([])
    with pytest.warns(DeprecationWarning, match=r"advice\.text\.startswith"):
        assert got.startswith("Nothing is known yet")
    assert "finish a round" in got
    with pytest.raises(AttributeError, match="nothing_here"):
        got.nothing_here  # noqa: B018


def test_a_spent_budget_says_stop(bench):
    run(bench)
    assert bench.advice(budget_left=0).text.startswith("Stop:")


def test_the_next_round_is_shared_out_by_what_the_answers_yielded(bench, monkeypatch):
    first = run(bench, audit_share=0.2)
    for sample, given in first.labels_before["label"].loc[first.queue["sample_id"]].items():
        # Nothing the detectors named is wrong, says this person; and every guess about an unlabelled row is.
        guess = first.signals.loc[sample, "predicted_label"]
        bench.record(sample, given or next(c for c in bench.dataset.classes if c != guess), annotator="ana")
    reviews = bench.reviews()
    assert sorted(reviews["sample_id"]) == sorted(first.queue["sample_id"])
    assert reviews.set_index("sample_id")["wrong"].to_dict() == {
        s: a == "label" for s, a in zip(first.queue["sample_id"], first.queue["action"], strict=True)
    }
    seen = {}

    def remember(signals, **options):
        seen.update(options, signals=signals)
        return build_queue(signals, **options)

    monkeypatch.setattr("dqkit.rounds.stages.build_queue", remember)
    second = run(bench)
    pd.testing.assert_frame_equal(seen["reviewed"].drop(columns="score"), reviews.drop(columns="score"))
    # The judge has learned from them, and says of each what it would say now: nothing counts twice.
    known = reviews["action"] == "relabel"
    assert (seen["reviewed"].loc[known, "score"] < reviews.loc[known, "score"]).mean() > 0.5
    assert seen["reviewed"].loc[~known, "score"].equals(reviews.loc[~known, "score"])
    blind = build_queue(**{**seen, "reviewed": None})
    count = [int((queue["action"] == "relabel").sum()) for queue in (second.queue, blind)]
    assert count[0] < count[1]


def test_once_every_label_is_checked_none_is_left_and_the_report_says_so(tmp_path):
    with dq.Workbench.create(tmp_path / "wb", small(noise=0.2, hidden=0.0), title="Blobs") as bench:
        run(bench, budget=240)
        answer(bench, bench.dataset.ids[~bench.dataset.is_test])
        assert bench.advice().control.errors_left == (0.0, 0.0, 0.0)
        second = run(bench)
        assert second.metrics["label_error_rate"] < 0.02  # the test split, which nobody looked at, is clean
        page = bench.report(tmp_path / "health.html")
        figures = json.loads(page.with_suffix(".json").read_text())["metrics"]
        assert figures["label_error_rate"] < 0.02
        assert figures["label_error_rate_high"] <= bench.dataset.is_test.mean()


def test_advice_report_and_the_next_round_name_one_number_of_wrong_labels(tmp_path):
    with dq.Workbench.create(tmp_path / "wb", small(noise=0.2, hidden=0.0), title="Blobs") as bench:
        first = run(bench, budget=30, audit_share=0.3)
        told = first.metrics["wrong_labels_left"]
        assert bench.advice().control.errors_left == tuple(told)
        answer(bench)
        left = bench.advice().control.errors_left
        figures = json.loads(bench.report(tmp_path / "a.html").with_suffix(".json").read_text())
        assert figures["metrics"]["wrong_labels_left"] == left[0]
        section = figures["sections"]["label_errors"]
        assert tuple(section["left"].values()) == left
        n = int((~bench.dataset.is_test).sum())
        assert figures["metrics"]["label_error_rate"] == pytest.approx(left[0] / n)
        criterion = next(c for c in bench.advice().criteria if c.name == "label errors left")
        assert criterion.value == left[0]
        second = run(bench)
        assert tuple(second.metrics["wrong_labels_left"]) == bench.advice().control.errors_left
        assert second.metrics["label_error_rate"] == pytest.approx(second.metrics["wrong_labels_left"][0] / n)


def test_savings_stay_within_what_can_be_saved(tmp_path):
    with dq.Workbench.create(tmp_path / "wb", small(noise=0.2, hidden=0.0), title="Blobs") as bench:
        run(bench, budget=30, audit_share=0.1)
        answer(bench)
        control = bench.advice().control
        assert control.saved_range[0] <= control.saved <= control.saved_range[1] < len(bench.dataset)


def test_a_class_added_between_two_rounds_does_not_stop_the_advice(bench):
    run(bench)
    bench.add_class("violet", annotator="ana")
    for sample in bench.rounds[-1].queue["sample_id"].iloc[:6]:
        bench.record(sample, "violet", annotator="ana")
    run(bench)
    stability = next(c for c in bench.advice().criteria if c.name == "prediction stability")
    assert 0 <= stability.value <= 1


def test_nobody_is_asked_again_at_once_what_was_skipped_and_never_what_was_flagged(bench):
    first = set(run(bench).queue["sample_id"])
    for number, sample in enumerate(sorted(first)):
        bench.record(sample, None, annotator="ana", kind="flag" if number % 2 else "skip")
    flagged = set(sorted(first)[1::2])
    second = set(run(bench).queue["sample_id"])
    assert len(second) == 20
    assert not second & first
    assert not set(bench.rerank(budget=200).queue["sample_id"]) & first
    third = set(run(bench, budget=200).queue["sample_id"])
    assert first - flagged <= third
    assert not third & flagged
    back = sorted(flagged)[0]
    bench.undo(annotator="ana", undoes=flag_of(bench, back))
    assert back in set(run(bench, budget=200).queue["sample_id"])


def flag_of(bench, sample):
    events = bench.store.events(sample_id=sample)
    return events.loc[events["kind"] == "flag", "event_id"].iloc[0]
