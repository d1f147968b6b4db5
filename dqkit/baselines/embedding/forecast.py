"""How long embeddings will take here, and the size that pictures are shown to the network at."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np

from dqkit.bars import spoken
from dqkit.baselines.embedding.encoders import Encoder, lite0_encoder
from dqkit.baselines.embedding.pipeline import PictureEncoder
from dqkit.baselines.feature_cache import Shelf
from dqkit.baselines.runs import BaselineWarning
from dqkit.records import Dataset

PROBE = 32
SIDES = (224, 160, 128)
# With more pictures than this the smallest side is taken, which costs a third of the time of the largest.
MANY = 100_000
# The part of a budget that embeddings may take; heads, patches and checks take the rest.
SHARE = 0.7

Timer = Callable[[Dataset, Encoder], float]


def seconds_each(dataset: Dataset, encoder: Encoder) -> float:
    """Seconds a picture, timed on up to 32 of them after a first batch, which is slow for reasons of its own."""
    network = PictureEncoder(dataset, encoder)
    network(0, min(encoder.batch, len(dataset)))
    began = time.monotonic()
    count = min(PROBE, len(dataset))
    network(0, count)
    return (time.monotonic() - began) / count


def chosen_side(dataset: Dataset, minutes: float | None, shelf: Shelf, timer: Timer = seconds_each) -> int | None:
    """The largest side that fits into `minutes`, or None where none does; without a budget a rule of n.

    A timed choice would differ from run to run, so it is kept on the shelf: resumed, the same data have the same side.
    """
    if minutes is None:
        return SIDES[0] if len(dataset) <= MANY else SIDES[-1]

    def choose() -> np.ndarray:
        for side in SIDES:
            expected = timer(dataset, lite0_encoder(side)) * len(dataset)
            if expected <= 60 * minutes * SHARE:
                return np.array(side)
        warnings.warn(
            f"the pretrained network would take about {spoken(expected)} for {len(dataset):,} photos at {side} pixels, "
            f"more than its part of budget_minutes={minutes:g}; the members on pixels stand alone",
            BaselineWarning,
            stacklevel=2,
        )
        return np.array(0)

    return int(shelf.array("side", {"minutes": minutes, "sides": SIDES}, choose)) or None
