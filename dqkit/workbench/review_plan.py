"""What a review of so many labels is expected to find, in numbers that a person can plan with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dqkit.checks import whole_number

if TYPE_CHECKING:
    from dqkit.workbench.results import Round

LARGEST = 1_000  # labels that the slider reaches


def review_plan(rnd: Round, labels: int) -> str:
    """Say how many wrong labels are expected among those that look most suspicious, and how many are left then.

    Parameters
    ----------
    rnd : Round
        The round.
    labels : int
        How many labels to check, 0 or more.

    Returns
    -------
    str
        One sentence. Labels that people gave are no part of it.

    Raises
    ------
    InputError
        For a number of labels that is none.
    """
    count = whole_number("labels, how many to check,", labels, least=0)
    chance = _chances(rnd)
    if not len(chance):
        return "No given label is left to check, or none could be judged."
    count = min(count, len(chance))
    found, left = float(chance[:count].sum()), float(chance[count:].sum())
    return f"Check {count:,} labels: about {found:,.0f} wrong ones found, {left:,.0f} left."


def review_slider(rnd: Round) -> Any:
    """A slider over the number of labels to check, with the sentence of `review_plan` below it.

    Parameters
    ----------
    rnd : Round
        The round.

    Returns
    -------
    ipywidgets.VBox
    """
    import ipywidgets

    most = max(1, min(len(_chances(rnd)), LARGEST))
    said = ipywidgets.Label(review_plan(rnd, min(50, most)))
    slider = ipywidgets.IntSlider(
        value=min(50, most),
        min=0,
        max=most,
        description="Labels to check",
        style={"description_width": "initial"},
        layout=ipywidgets.Layout(width="480px"),
    )

    def move(change: dict[str, Any]) -> None:
        said.value = review_plan(rnd, change["new"])

    slider.observe(move, names="value")
    return ipywidgets.VBox([slider, said])


def _chances(rnd: Round) -> np.ndarray[Any, Any]:
    """The error probabilities of given labels, highest first."""
    _, given = rnd.standing
    chance = rnd.signals["error_probability"].to_numpy(float)[given]
    return np.sort(chance[np.isfinite(chance)])[::-1]
