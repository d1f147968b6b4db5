"""The words and kinds that stand beside a suspect label."""

from __future__ import annotations

import numpy as np
import pytest

from dqkit.signals.label_noise.label_errors import label_errors
from dqkit.signals.label_noise.reasons import Evidence, kinds, reasons


def evidence(given, probs, *, suggested, votes=None, around=None, outlier=None, history=None):
    probs = np.asarray(probs, dtype=np.float32)
    given, suggested = np.asarray(given), np.asarray(suggested)
    at = np.arange(len(given))
    return Evidence(
        given=given,
        probs=probs,
        clean_given=probs[at, given],
        clean_top=probs[at, suggested],
        suggested=suggested,
        votes=np.asarray(votes if votes is not None else [probs.argmax(axis=1)], dtype=np.int32),
        neighbor_labels=None if around is None else np.asarray(around),
        outlier=None if outlier is None else np.asarray(outlier),
        history=history or {},
    )


def test_each_kind_has_its_case():
    rows = evidence(
        [0, 0, 0, 0, 0, 0],
        [[0.1, 0.9], [0.4, 0.6], [0.1, 0.9], [0.1, 0.9], [0.4, 0.6], [0.9, 0.1]],
        suggested=[1, 1, 1, 1, 0, 0],
        around=[[1, 1], [1, 1], [1, 1], [0, 0], [1, 1], [0, 0]],
        outlier=[False, False, True, False, False, False],
    )
    flag = np.array([True, True, True, True, False, False])
    expected = ["mislabelled", "ambiguous", "outlier", "hard_but_correct", "hard_but_correct", ""]
    assert kinds(rows, flag).tolist() == expected


def test_the_reasons_are_the_facts_of_the_row():
    rows = evidence(
        [0, 0],
        [[0.03, 0.97], [0.95, 0.05]],
        suggested=[1, 0],
        votes=[[1, 0], [1, 0], [0, 0]],
        around=[[1, 1, 0, -1], [0, 0, 0, 0]],
        history={"correct": np.array([[False, False, True], [True, True, True]]), "margin": np.array([-1.5, 2.0])},
    )
    # The class threshold of class 0 is the mean of 0.03 and 0.95.
    expected = [
        "prediction differs from the label with p = 0.97 by 2 of 3 members",
        "probability of the given label 0.03 is below its class threshold 0.49",
        "2 of 3 neighbours carry another label",
        "members disagree",
        "wrong in 2 of 3 epochs",
        "mean margin over the epochs is -1.50",
    ]
    assert reasons(rows, np.array([0, 1]))[0].split("; ") == expected
    assert reasons(rows, np.array([0, 1]))[1] == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.array([3, 0]), "wrong in 3 epochs"),
        (np.array([1, 4]), "wrong in 1 epoch"),
        (np.array([1.0, 5.0]), "wrong in 1 epoch"),
        (np.array([1.0, 0.2]), "wrong in every epoch"),
        (np.array([0.25, np.nan]), "wrong in 25 % of the epochs"),
    ],
)
def test_epochs_are_told_as_counts_or_as_shares(wrong, said):
    rows = evidence([0, 0], [[0.97, 0.03], [0.95, 0.05]], suggested=[0, 0], history={"wrong_epochs": wrong})
    assert reasons(rows, np.array([0]))[0] == said


def test_nearly_equal_top_probabilities_are_told():
    rows = evidence([0], [[0.45, 0.5, 0.05]], suggested=[1])
    assert "the top probabilities are nearly equal" in reasons(rows, np.array([0]))[0]


def test_every_flagged_row_has_a_kind_and_a_reason():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400)
    labels = np.where(rng.random(400) < 0.2, (truth + 1) % 3, truth)
    table = label_errors(labels, np.full((400, 3), 0.1) + 0.7 * np.eye(3)[truth]).table
    assert table["flag"].any()
    assert (table.loc[table["flag"], "kind"] != "").all()
    assert (table.loc[table["flag"], "reasons"] != "").all()
