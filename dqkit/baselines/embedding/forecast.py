"""How long embeddings will take here, and the size that pictures are shown to the network at."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dqkit.bars import spoken
from dqkit.baselines.embedding.encoders import Encoder, lite0_encoder
from dqkit.baselines.embedding.pipeline import PictureEncoder
from dqkit.baselines.feature_cache import Shelf
from dqkit.baselines.runs import BaselineWarning
from dqkit.records import Dataset

if TYPE_CHECKING:
    from dqkit.baselines.embedding.texts import TextEncoder

PROBE = 32
SIDES = (224, 160, 128)
# With more pictures than this the smallest side is taken, which costs a third of the time of the largest.
MANY = 100_000
# The part of a budget that embeddings may take; heads, patches and checks take the rest.
SHARE = 0.7

Timer = Callable[[Dataset, Encoder], float]


@dataclass(frozen=True)
class Probe:
    """What a timed run on a few samples told. seconds: a sample. width: numbers a sample."""

    seconds: float
    width: int

    def memory(self, samples: int) -> str:
        """What the array of so many embeddings takes, in words."""
        size = 4 * samples * self.width
        return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def probe_pictures(dataset: Dataset, encoder: Encoder) -> Probe:
    """Timed on up to 32 pictures after a first batch, which is slow for reasons of its own."""
    network = PictureEncoder(dataset, encoder)
    network(0, min(encoder.batch, len(dataset)))
    began = time.monotonic()
    count = min(PROBE, len(dataset))
    found = network(0, count)
    return Probe((time.monotonic() - began) / count, found.values.shape[1])


def seconds_each(dataset: Dataset, encoder: Encoder) -> float:
    """Seconds a picture; see `probe_pictures`."""
    return probe_pictures(dataset, encoder).seconds


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


def probe_texts(dataset: Dataset, encoder: TextEncoder) -> Probe:
    """Timed on up to 32 texts from all over the dataset, after a first run, which is slow."""
    at = np.unique(np.linspace(0, len(dataset) - 1, PROBE).astype(int))
    some = [str(dataset.content[i]) for i in at]
    encoder(some)
    began = time.monotonic()
    found = encoder(some)
    return Probe((time.monotonic() - began) / len(some), found.shape[1])


def seconds_a_text(dataset: Dataset, encoder: TextEncoder) -> float:
    """Seconds a text; see `probe_texts`."""
    return probe_texts(dataset, encoder).seconds


def sentences_fit(
    dataset: Dataset,
    encoder: TextEncoder,
    minutes: float | None,
    shelf: Shelf,
    timer: Callable[[Dataset, TextEncoder], float] = seconds_a_text,
) -> bool:
    """Whether the sentence encoder fits into `minutes`; without a budget, whether the texts are not too many for it.

    What was timed is kept on the shelf, as for photos. A warning says where the encoder is left out.
    """
    if minutes is None:
        if len(dataset) > MANY:
            warnings.warn(
                f"{len(dataset):,} texts are many for the sentence encoder, so their words stand alone; "
                "budget_minutes= or pretrained= uses it",
                BaselineWarning,
                stacklevel=2,
            )
        return len(dataset) <= MANY
    seconds = shelf.array("sentences", {"minutes": minutes}, lambda: np.array(timer(dataset, encoder) * len(dataset)))
    if seconds > 60 * minutes * SHARE:
        warnings.warn(
            f"the sentence encoder would take about {spoken(float(seconds))} for {len(dataset):,} texts, more than its "
            f"part of budget_minutes={minutes:g}; their words stand alone",
            BaselineWarning,
            stacklevel=2,
        )
    return bool(seconds <= 60 * minutes * SHARE)
