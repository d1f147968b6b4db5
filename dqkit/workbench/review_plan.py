"""What a review of so many labels is expected to find, in numbers that a person can plan with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.checks import whole_number

LARGEST = 1_000  # labels that the slider reaches


def review_plan(chance: NDArray[np.float64], labels: int) -> str:
    """Say how many wrong labels are expected among those that look most suspicious, and how many are left then.

    Parameters
    ----------
    chance : ndarray, shape (n,)
        The error probability of every label that can be checked; NaN where it could not be judged.
    labels : int
        How many labels to check, 0 or more.

    Returns
    -------
    str
        One sentence.

    Raises
    ------
    InputError
        For a number of labels that is none.
    """
    count = whole_number("labels, how many to check,", labels, least=0)
    falling = _falling(chance)
    if not len(falling):
        return "No given label is left to check, or none could be judged."
    count = min(count, len(falling))
    found, left = float(falling[:count].sum()), float(falling[count:].sum())
    return f"Check {count:,} labels: about {found:,.0f} wrong ones found, {left:,.0f} left."


def review_slider(chance: NDArray[np.float64]) -> Any:
    """A slider over the number of labels to check, with the sentence of `review_plan` below it.

    Parameters
    ----------
    chance : ndarray, shape (n,)
        The error probability of every label that can be checked; NaN where it could not be judged.

    Returns
    -------
    ipywidgets.VBox
    """
    import ipywidgets

    most = max(1, min(len(_falling(chance)), LARGEST))
    said = ipywidgets.Label(review_plan(chance, min(50, most)))
    slider = ipywidgets.IntSlider(
        value=min(50, most),
        min=0,
        max=most,
        description="Labels to check",
        style={"description_width": "initial"},
        layout=ipywidgets.Layout(width="480px"),
    )

    def move(change: dict[str, Any]) -> None:
        said.value = review_plan(chance, change["new"])

    slider.observe(move, names="value")
    return ipywidgets.VBox([slider, said])


def _falling(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sort(chance[np.isfinite(chance)])[::-1]
