"""The annotators of a workbench in the few figures that the widget's panel shows."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from dqkit.relabel import Team
from dqkit.workbench.agreement import agreement, in_words
from dqkit.workbench.state import State


def team(state: State) -> Team:
    """How far people agree and how good each one's answers are, as texts."""
    found = agreement(state)
    columns = ["annotator", "answers", "agreement", "quality", "known", "known_right"]
    people = tuple(
        (str(name), f"{answers:,}", _percent(agree), _percent(quality), f"{right} of {asked}" if asked else "–")
        for name, answers, agree, quality, asked, right in _rows(found.annotators.reset_index()[columns])
    )
    classes = tuple((str(name), f"{n:,}", _figure(kappa)) for name, n, kappa in _rows(found.classes.reset_index()))
    pairs = tuple(
        (f"{first} and {second}", f"{shared:,}", _percent(agree), _figure(kappa))
        for first, second, shared, agree, kappa in _rows(found.pairs)
    )
    if math.isnan(found.kappa):
        headline = (
            "No sample has answers of two people yet, so agreement is not known. Labelling with an overlap shows it."
        )
    else:
        headline = (
            f"Fleiss' kappa {found.kappa:.2f}: {in_words(found.kappa)} agreement "
            f"on {found.shared:,} samples that several people labelled."
        )
    return Team(headline=headline, people=people, pairs=pairs, classes=classes, method=found.method)


def _rows(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].tolist() for name in table), strict=True))


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{share:.0%}"


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"
