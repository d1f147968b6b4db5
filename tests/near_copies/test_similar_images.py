"""Near copies of pictures are found, different pictures are not."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from dqkit.near_copies.similar_images import _grey, similar_images


def pictures(n: int, side: int, seed: int = 0) -> np.ndarray:
    """Smooth random colour pictures."""
    rng = np.random.default_rng(seed)
    out = [
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
        for _ in range(n)
    ]
    return np.stack([np.asarray(image) for image in out])


def saved_again(image: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


def scaled(image: np.ndarray) -> np.ndarray:
    side = len(image)
    return np.asarray(Image.fromarray(image).resize((side // 2, side // 2)).resize((side, side)))


def test_copies_saved_again_scaled_or_a_little_brighter_are_one_group() -> None:
    x = pictures(400, 64)
    made = [(3, saved_again(x[3])), (3, scaled(x[3])), (50, np.clip(x[50].astype(int) + 3, 0, 255).astype(np.uint8))]
    group = similar_images(np.concatenate([x, np.stack([image for _, image in made])]))
    assert group[3] == group[400] == group[401] == 0
    assert group[50] == group[402] == 1
    assert (np.delete(group[:400], [3, 50]) == -1).all()


def test_nearly_every_near_copy_among_many_is_found() -> None:
    x = pictures(300, 64, seed=1)
    copies = np.stack([saved_again(image) for image in x])
    group = similar_images(np.concatenate([x, copies]))
    assert ((group[:300] == group[300:]) & (group[:300] >= 0)).mean() > 0.95
    assert len(np.unique(group[group >= 0])) >= 285


def test_uniform_images_empty_sets_and_grey_ones_of_one_pixel_are_in_no_group() -> None:
    blank = np.full((5, 20, 20, 3), 7, dtype=np.uint8)
    assert (similar_images(blank) == -1).all()
    assert len(similar_images(np.zeros((0, 8, 8), dtype=np.uint8))) == 0
    assert (similar_images(np.zeros((2, 1, 1), dtype=np.uint8)) == -1).all()


def test_sides_that_do_not_divide_evenly_are_cut_into_areas_without_gaps() -> None:
    x = np.random.default_rng(0).integers(0, 256, (3, 37, 21, 3), dtype=np.uint8)
    rows, columns = np.arange(17) * 37 // 16, np.arange(17) * 21 // 16
    by_hand = [
        [x[k, rows[i] : rows[i + 1], columns[j] : columns[j + 1]].mean() / 255 for i in range(16) for j in range(16)]
        for k in range(3)
    ]
    np.testing.assert_allclose(_grey(x), by_hand, atol=1e-6)
