"""The report speaks of the originals' sizes and shows thumbnails cut from them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import dqkit as dq
from dqkit.report import health, render
from dqkit.report.samples import Viewer
from tests.report.pets import make_dataset, make_inputs

SIZES = [(400, 200), (100, 80), (300, 300), (2000, 100), (50, 60)]


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dq.Dataset:
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    for i, size in enumerate(SIZES):
        folder = tmp_path / "d" / ("a" if i < 3 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (250, 40 * i, 0)).save(folder / f"{i}.png")
    return dq.from_folder(tmp_path / "d", progress=False)


def test_the_smallest_the_middle_and_the_largest_original_are_named_by_area(dataset: dq.Dataset) -> None:
    """Areas: 80,000, 8,000, 90,000, 200,000 and 3,000 pixels."""
    page = render(health(dataset), dataset)
    assert "Pictures have 50 × 60 to 2,000 × 100 pixels, 400 × 200 in the middle" in page
    assert "the models see each at 64 × 64" in page


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (("photo_ridge", "patches"), "the pretrained network sees the originals, the other models copies of 64 × 64"),
        (("patches", "kernel"), "the models see each at 64 × 64"),
    ],
)
def test_what_the_models_see_follows_from_who_they_are(
    dataset: dq.Dataset, members: tuple[str, ...], words: str
) -> None:
    probs = np.full((len(dataset), 2), 0.5, dtype=np.float32)
    told = dq.Predictions(
        ids=dataset.ids,
        classes=dataset.classes,
        member_probs=np.stack([probs] * len(members)),
        pred_probs=probs,
        members=tuple(members),
        weights=np.full(len(members), 1 / len(members)),
        folds=np.zeros(len(dataset), dtype=np.int64),
        features=np.eye(len(dataset), dtype=np.float32),
        baselines=pd.DataFrame(),
    )
    assert words in render(health(dataset, predictions=told), dataset)


def test_pictures_that_are_no_files_have_the_size_of_the_array() -> None:
    page = render(health(make_dataset(), **make_inputs()), make_dataset())
    assert "Pictures are 5 × 6 pixels" in page


def test_a_thumbnail_has_the_shape_of_the_original_and_no_border(dataset: dq.Dataset) -> None:
    shown = str(Viewer(dataset).show("a/0.png", "a picture"))
    data = shown.split("base64,")[1].split('"')[0]
    image = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    assert image.size == (256, 128)
    assert min(image.getpixel(at)[0] for at in ((0, 0), (255, 127), (0, 127), (255, 0))) > 200
