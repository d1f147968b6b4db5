"""The checks as a whole: each on its own, a user's own beside dqkit's, and what bad ones cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from dqkit.findings import CHECKS, Audit, Finding, Journal, NotMeasured, find, register_check, unregister_check
from dqkit.findings import registry as registry_file
from dqkit.report import health, render
from tests.report.pets import IDS, make_dataset, make_inputs


def make_audit() -> Audit:
    given = make_inputs()
    journal = Journal(events=given.pop("events"), queue=given.pop("queue"), rounds=given.pop("rounds"))
    return Audit.of(make_dataset(), **given, journal=journal)


@pytest.fixture
def audit() -> Audit:
    return make_audit()


@pytest.fixture(autouse=True)
def _nothing_is_left_registered() -> Iterator[None]:
    yield
    registry_file._registered.clear()


def one(audit: Audit, check: Any, name: str = "mine") -> Finding | None:
    found = find(audit, {name: check})
    return found[0] if found else None


def test_every_check_of_dqkit_gives_one_finding_in_order(audit: Audit) -> None:
    found = find(audit)
    # Pictures have no columns.
    assert [finding.name for finding in found] == [n for n in CHECKS if n not in ("column_power", "column_values")]
    assert {finding.name for finding in found if finding.status != "ok"} == {"baselines"}
    assert all(finding.summary and finding.title for finding in found)


def test_the_dataset_of_an_audit_is_under_its_current_labels_and_knows_added_classes() -> None:
    given = make_inputs()
    given["labels"].loc["s01", ["label", "source"]] = ["fox", "human"]
    audit = Audit.of(make_dataset(), labels=given["labels"])
    assert audit.dataset.classes == ("cat", "dog", "owl", "fox")
    assert audit.dataset.labels[[1, 5, 10]].tolist() == [3, 0, 1]
    assert audit.given[[1, 5, 10]].tolist() == [0, 1, -1]
    assert np.flatnonzero(audit.changed).tolist() == [1, 5]


def test_a_check_that_raises_becomes_a_finding_and_the_others_run(audit: Audit) -> None:
    def broken(_: Audit) -> Finding:
        raise KeyError("no such column")

    found = find(audit, {"broken": broken, "balance": CHECKS["balance"]})
    assert [(f.name, f.status) for f in found] == [("broken", "failed"), ("balance", "ok")]
    assert found[0].summary == "KeyError: 'no such column'"
    assert found[0].severity == "error"


def test_an_interrupt_is_not_swallowed(audit: Audit) -> None:
    def stopped(_: Audit) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find(audit, {"stopped": stopped})


def test_a_check_with_nothing_to_measure_is_absent_and_one_with_nothing_to_say_is_left_out(audit: Audit) -> None:
    def unmeasured(_: Audit) -> None:
        raise NotMeasured("No microphones were at hand.")

    found = find(audit, {"unmeasured": unmeasured, "silent": lambda _: None})
    assert [(f.name, f.status, f.summary) for f in found] == [("unmeasured", "absent", "No microphones were at hand.")]


@pytest.mark.parametrize(
    "scores",
    [
        np.array([0.0] * 10 + [0.6, 0.9]),
        np.array([0] * 10 + [1, 1]),
        np.array([False] * 10 + [True, True]),
        [0.1] * 10 + [0.5, 1.0],
        pd.Series({"s11": 0.9, "s10": 0.7}),
    ],
    ids=["floats", "whole numbers", "true and false", "a list", "a Series of some"],
)
def test_scores_become_a_finding_that_names_the_affected_samples(audit: Audit, scores: Any) -> None:
    finding = one(audit, lambda _: scores)
    assert finding is not None
    assert finding.status == "ok", finding.summary
    assert set(finding.sample_ids) == {"s10", "s11"}
    assert finding.severity == "warning"
    assert finding.scores is not None
    assert finding.scores.index.tolist() == IDS


def test_the_sample_with_the_highest_score_comes_first_and_what_was_not_measured_is_not_affected(audit: Audit) -> None:
    scores = np.array([0.7, np.nan, 0.9] + [0.0] * 9)
    finding = one(audit, lambda _: scores)
    assert finding is not None
    assert finding.sample_ids == ("s02", "s00")
    assert finding.metrics == {"measured": 11}


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        (np.zeros(3), "one score per sample"),
        (np.full(12, 1.5), r"lie in \[0, 1\]"),
        ("text", "one score per sample"),
        (pd.Series({"nobody": 1.0}), "'nobody'"),
        (pd.Series([1.0, 1.0], index=["s00", "s00"]), "twice"),
        (Finding("x", "X", sample_ids=["nobody"]), "'nobody'"),
        (Finding("x", "X", metrics={"a": "high"}), "must be numbers"),
        (Finding("x", "X", severity="fatal"), "severity"),  # type: ignore[arg-type]
        (Finding("x", "X", table=[1]), "DataFrame"),  # type: ignore[arg-type]
        (Finding("x", "X", sample_ids="s00"), "list of ids"),
    ],
)
def test_a_malformed_result_fails_its_check_alone_and_names_the_rule(audit: Audit, returned: Any, why: str) -> None:
    import re

    found = find(audit, {"mine": lambda _: returned, "balance": CHECKS["balance"]})
    assert [f.status for f in found] == ["failed", "ok"]
    assert re.search(why, found[0].summary)


def test_a_registered_function_runs_with_every_audit_until_it_is_taken_out(audit: Audit) -> None:
    @register_check(title="Late samples", threshold=0.8)
    def late(known: Audit) -> Any:
        return np.arange(len(known)) / 11

    finding = find(audit)[-1]
    assert (finding.name, finding.title, finding.sample_ids) == ("late", "Late samples", ("s11", "s10", "s09"))
    unregister_check("late")
    assert find(audit)[-1].name == "changes"
    with pytest.raises(dq.InputError, match="'late'"):
        unregister_check("late")


@pytest.mark.parametrize("name", ["", "Upper", "a b", "../evil", "balance", "1st", "x" * 61, None])
def test_names_that_are_no_names_or_taken_are_refused(name: Any) -> None:
    with pytest.raises(dq.InputError, match="name must"):
        register_check(lambda audit: None, name=name if name is not None else "<lambda>")


@pytest.mark.parametrize("threshold", [-1, 2, "0.5", True, float("nan")])
def test_a_threshold_outside_the_scale_is_refused(threshold: Any) -> None:
    with pytest.raises(dq.InputError, match="threshold"):
        register_check(lambda audit: None, name="mine", threshold=threshold)


class Point:
    """An entry point of an installed package."""

    def __init__(self, name: str, loaded: Any) -> None:
        self.name = name
        self.loaded = loaded

    def load(self) -> Any:
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def test_installed_packages_add_checks_and_one_that_cannot_be_imported_is_reported(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [
        Point("good", lambda known: np.ones(len(known))),
        Point("gone", ImportError("no module named gone")),
        Point("Odd Name", lambda known: np.zeros(len(known))),
        Point("balance", lambda known: np.zeros(len(known))),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points if group == "dqkit.checks" else [])
    found = {finding.name: finding for finding in find(audit)}
    assert len(found["good"].sample_ids) == 12
    assert found["gone"].status == "failed"
    assert found["gone"].summary == "ImportError: no module named gone"
    assert found["odd_name"].status == "ok"
    assert found["balance"].title == "Class balance"
    assert found["plug_in_balance"].status == "ok"


def test_a_function_that_is_registered_and_offered_by_its_package_runs_once(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mine(known: Audit) -> Any:
        return np.zeros(len(known))

    class Registering(Point):
        def load(self) -> Any:
            return register_check(self.loaded)

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Registering("offered", mine)])
    assert [f.name for f in find(audit)][len(CHECKS) - 2 :] == ["mine"]


def test_own_findings_are_sections_rules_and_next_steps_and_their_texts_are_escaped() -> None:
    evil = "<script>alert(1)</script>"

    @register_check(title=evil)
    def odd(known: Audit) -> Finding:
        table = pd.DataFrame({evil: [evil, None]})
        return Finding("any", "", f"Bad: {evil}", "warning", {"depth": 3.5}, table, ["s04", "s01"])

    dataset = make_dataset()
    found = health(dataset, **make_inputs())
    assert found["metrics"]["odd.depth"] == 3.5
    assert found["metrics"]["odd.affected"] == 2
    assert found["metrics"]["odd.rate"] == pytest.approx(2 / 12)
    assert any(step["section"] == "odd" for step in found["sections"]["next_steps"]["steps"])
    html = render(found, dataset)
    assert found["failed_sections"] == []
    assert 'id="odd"' in html
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_an_own_check_that_fails_is_said_in_the_report_and_counted() -> None:
    @register_check
    def broken(known: Audit) -> Finding:
        raise RuntimeError("<b>no</b>")

    dataset = make_dataset()
    found = health(dataset, **make_inputs())
    assert found["metrics"]["failed_sections"] == 1
    html = render(found, dataset)
    assert "RuntimeError: &lt;b&gt;no&lt;/b&gt;" in html


def test_a_check_cannot_change_the_status_of_its_section_through_its_data(audit: Audit) -> None:
    @register_check
    def sly(known: Audit) -> Finding:
        return Finding("any", "Sly", data={"status": "absent", "note": "nothing to see"})

    dataset = make_dataset()
    assert health(dataset)["sections"]["sly"]["status"] == "ok"


def test_the_audit_itself_is_not_changed_by_the_checks(audit: Audit) -> None:
    before = audit.labels.copy(), audit.signal_table().copy(), audit.dataset.labels.copy()
    find(audit)
    pd.testing.assert_frame_equal(audit.labels, before[0])
    pd.testing.assert_frame_equal(audit.signal_table(), before[1])
    assert audit.dataset.labels.tolist() == before[2].tolist()
    assert replace(audit).journal is audit.journal
