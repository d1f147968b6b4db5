from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dqkit.baselines import BaselineWarning, cross_val_predictions
from dqkit.baselines.embedding import forecast
from dqkit.baselines.embedding.encoders import Encoder, lite0_encoder
from dqkit.baselines.feature_cache import Shelf
from dqkit.records import Dataset, InputError
from tests.baselines.data import dataset


def pictures(n: int = 60) -> Dataset:
    pixels = np.random.default_rng(0).integers(0, 255, (n, 50, 50, 3), dtype=np.uint8)
    pixels[::2, :25] = 0
    return dataset(pixels, np.arange(n) % 2, modality="image")


def slow(dataset: Dataset, encoder: Encoder) -> float:
    """Seconds by the area: 5.0 at 224 pixels, 2.6 at 160, 1.6 at 128."""
    return encoder.prepare.height**2 / 10_000  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("minutes", "wanted"),
    [(7.2, 224), (5.0, 160), (2.5, 128), (2.2, None), (None, 224)],
)  # fmt: skip
def test_the_largest_side_that_fits_into_the_budget_is_taken(minutes: float | None, wanted: int | None) -> None:
    ds = pictures()  # 60 pictures: as many minutes in all as seconds for each
    if wanted is None:
        with pytest.warns(BaselineWarning, match="about 98 s for 60 photos at 128 pixels, more than its part of"):
            assert forecast.chosen_side(ds, minutes, Shelf(), slow) is None
    else:
        assert forecast.chosen_side(ds, minutes, Shelf(), slow) == wanted


def test_a_choice_is_kept_so_that_a_resumed_call_sees_pictures_at_the_same_side(tmp_path: Path) -> None:
    ds = pictures()
    assert forecast.chosen_side(ds, 5.0, Shelf.of(tmp_path, ds), slow) == 160
    assert forecast.chosen_side(ds, 5.0, Shelf.of(tmp_path, ds), lambda *_: 0.0) == 160
    assert forecast.chosen_side(ds, 6.0, Shelf.of(tmp_path, ds), lambda *_: 0.0) == 224
    assert forecast.chosen_side(ds.take(np.arange(30)), 5.0, Shelf.of(tmp_path, ds.take(np.arange(30))), slow) == 224


def test_many_pictures_are_seen_at_the_smallest_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "MANY", 59)
    assert forecast.chosen_side(pictures(), None, Shelf()) == 128


def test_a_budget_that_no_side_fits_leaves_the_members_on_pixels() -> None:
    with pytest.warns(BaselineWarning, match="the members on pixels stand alone"):
        out = cross_val_predictions(pictures(), folds=2, network=False, budget_minutes=1e-6, progress=False)
    assert out.members == ("patches", "kernel")


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), "ten"])
def test_a_budget_of_no_minutes_is_refused(minutes: object) -> None:
    with pytest.raises(InputError, match="budget_minutes"):
        cross_val_predictions(pictures(), budget_minutes=minutes, progress=False)  # type: ignore[arg-type]


def test_a_probe_tells_the_memory_that_the_embeddings_take() -> None:
    found = forecast.probe_pictures(pictures(), lite0_encoder(64))
    assert found.width == 1280
    assert found.seconds > 0
    assert found.memory(1_000) == "5 MB"
    assert found.memory(1_000_000) == "5.1 GB"
