"""Blurred originals are told from sharp ones, whatever they show; the small copies in the cache could not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

import dqkit as dq
from dqkit.datasets.pixels.sharpness import sharpness, sharpness_of
from dqkit.signals import image_properties


def scene(seed: int, *, plain: bool = False) -> Image.Image:
    """Shapes on a gradient, with grain; or, with little texture, one small shape on a smooth ground."""
    rng = np.random.default_rng(seed)
    ground = np.linspace(60, 180, 400)[None, :, None] + np.linspace(0, 40, 500)[:, None, None] + rng.integers(0, 30, 3)
    image = Image.fromarray((ground + rng.normal(0, 0.0 if plain else 2.0, ground.shape)).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(3 if plain else 25):
        x, y = rng.integers(0, 330), rng.integers(0, 430)
        draw.ellipse(
            (x, y, x + rng.integers(30, 70), y + rng.integers(30, 70)), fill=tuple(rng.integers(0, 255, 3).tolist())
        )
    return image


def folder(path, images: dict[str, Image.Image]):
    for k, (name, image) in enumerate(images.items()):
        (path / f"class{k % 2}").mkdir(parents=True, exist_ok=True)
        image.save(path / f"class{k % 2}" / f"{name}.jpg", quality=88)
    return dq.from_folder(path, progress=False)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("radius", [3, 6, 10])
def test_blurred_pictures_are_flagged_and_sharp_ones_are_not(tmp_path, radius: int, plain: bool) -> None:
    images = {f"sharp{k}": scene(k, plain=plain) for k in range(8)}
    images |= {f"blurred{k}": scene(k, plain=plain).filter(ImageFilter.GaussianBlur(radius)) for k in range(8)}
    dataset = folder(tmp_path, images)
    found = sharpness(dataset)
    assert found is not None
    blurred = np.array(["blurred" in name for name in dataset.ids])
    assert found[blurred].max() < found[~blurred].min()
    table = image_properties(dataset.content, sharpness=found)
    assert not table["blurry_flag"][~blurred].any()
    # Of pictures with little texture some have no edge that shows it.
    assert table["blurry_flag"][blurred].mean() >= (0.75 if plain else 1)
    assert ((table["blurry_score"] > 0.5) == table["blurry_flag"]).all()


def test_a_picture_without_edges_is_not_called_blurred() -> None:
    assert sharpness_of(np.full((300, 400), 128, np.uint8)) == 1
    grain = np.random.default_rng(0).normal(128, 2, (300, 400)).astype(np.uint8)
    assert sharpness_of(grain) > 0.5
    assert sharpness_of(np.zeros((2, 2), np.uint8)) == 1


def test_a_file_that_is_gone_is_not_measured_and_arrays_are_not(tmp_path) -> None:
    dataset = folder(tmp_path, {f"s{k}": scene(k) for k in range(4)})
    (tmp_path / "class0" / "s0.jpg").unlink()
    found = sharpness(dataset)
    assert np.isnan(found).tolist() == [name.endswith("/s0.jpg") for name in dataset.ids]
    flags = image_properties(dataset.content, sharpness=found)["blurry_flag"]
    assert not flags[np.isfinite(found)].any()
    assert sharpness(dq.from_arrays(np.zeros((4, 8, 8), np.uint8), list("abab"))) is None


def test_of_many_files_the_softest_are_read_first(tmp_path) -> None:
    images = {f"s{k}": scene(k) for k in range(6)} | {"b": scene(9).filter(ImageFilter.GaussianBlur(12))}
    dataset = folder(tmp_path, images)
    found = sharpness(dataset, most=2)
    assert np.isfinite(found).sum() == 2
    assert np.isfinite(found[[i for i, name in enumerate(dataset.ids) if name.endswith("/b.jpg")]]).all()


def test_a_sharpness_outside_its_range_is_refused() -> None:
    with pytest.raises(dq.InputError, match="sharpness"):
        image_properties(np.zeros((1, 8, 8), np.uint8), sharpness=[2.0])
