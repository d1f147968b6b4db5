"""Image properties against Pillow, which CleanVision measures with, and against planted pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageStat

from dqkit.records import InputError
from dqkit.signals import image_properties, property_correlation
from dqkit.signals.image_measures import measure


def by_pillow(array):
    """The same quantities from Pillow's own filters and statistics, one picture at a time."""
    image = Image.fromarray(array)
    mean = ImageStat.Stat(image).mean
    red, green, blue = mean if len(mean) == 3 else mean * 3
    pixels = array.astype(float)
    each = (
        np.sqrt(0.241 * pixels[..., 0] ** 2 + 0.691 * pixels[..., 1] ** 2 + 0.068 * pixels[..., 2] ** 2)
        if array.ndim == 3
        else pixels
    )
    ratio = max(image.size) / 64
    small = image
    if ratio > 1:
        small = image.resize((max(int(image.width // ratio), 1), max(int(image.height // ratio), 1)))
    grey = small.convert("L")
    low, high = np.percentile(each / 255, [5, 99])
    return {
        "brightness": np.sqrt(0.241 * red**2 + 0.691 * green**2 + 0.068 * blue**2) / 255,
        "bright_5": low,
        "bright_99": high,
        "entropy": image.entropy(),
        "edge_std": np.sqrt(ImageStat.Stat(grey.filter(ImageFilter.FIND_EDGES)).var[0]),
        "histogram_std": np.std(grey.histogram()),
    }


@pytest.mark.parametrize("shape", [(40, 30, 3), (28, 28), (100, 80, 3), (90, 200), (2, 5, 3), (64, 64, 3), (1, 1)])
def test_every_measure_agrees_with_pillow(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8)
    pixels[0] //= 8
    pixels[1] = pixels[1] // 100 * 100
    pixels[2] = 77
    found = measure(pixels, None)
    for at, picture in enumerate(pixels):
        for name, value in by_pillow(picture).items():
            assert getattr(found, name)[at] == pytest.approx(value, rel=1e-9, abs=1e-7), (name, at)


def picture(kind):
    rng = np.random.default_rng(1)
    busy = rng.integers(40, 220, (64, 64, 3))
    return {
        "busy": busy,
        "dark": busy // 5,
        "light": np.full((64, 64, 3), 252),
        "flat": np.full((64, 64, 3), 128),
        "blurry": np.linspace(90, 150, 64)[None, :, None] * np.ones((64, 64, 3)),
        "grey": np.repeat(busy[..., :1], 3, axis=2),
    }[kind].astype(np.uint8)


def test_planted_pictures_are_flagged_for_what_is_wrong_with_them():
    kinds = ["busy", "dark", "light", "flat", "grey", "busy", "busy", "busy"]
    found = image_properties(np.stack([picture(kind) for kind in kinds]))
    assert np.flatnonzero(found["dark_flag"]).tolist() == [1]
    assert np.flatnonzero(found["light_flag"]).tolist() == [2]
    assert np.flatnonzero(found["low_information_flag"]).tolist() == [2, 3]
    assert np.flatnonzero(found["grayscale_flag"]).tolist() == [2, 3, 4]
    scores = found.filter(like="_score").to_numpy()
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_a_set_of_grey_pictures_is_not_flagged_for_being_grey():
    found = image_properties(np.stack([picture("grey")] * 3))
    assert not found["grayscale_flag"].any()
    assert not image_properties(np.zeros((2, 8, 8), dtype=np.uint8))["grayscale_flag"].any()


def test_the_black_canvas_around_a_fitted_picture_is_left_out():
    wide = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    canvas = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    canvas[0, 16:48] = wide
    found = image_properties(canvas, sizes=[[640, 320]]).iloc[0]
    alone = image_properties(wide[None]).iloc[0]
    for name in ("dark_score", "blurry_score", "low_information_score", "brightness", "odd_aspect_ratio_score"):
        assert found[name] == pytest.approx(alone[name]), name


def test_odd_sizes_and_shapes_are_judged_on_the_originals():
    sizes = np.array([[100, 100], [110, 100], [100, 105], [95, 100], [100, 98], [2000, 1500], [100, 30]])
    found = image_properties(np.zeros((7, 8, 8), dtype=np.uint8), sizes=sizes)
    assert np.flatnonzero(found["odd_aspect_ratio_flag"]).tolist() == [6]
    root = np.sqrt(sizes.prod(axis=1))
    low, high = np.percentile(root, [25, 75])
    odd = (root < low - 3 * (high - low)) | (root > high + 3 * (high - low))
    assert found["odd_size_flag"].tolist() == odd.tolist()
    assert odd[5]


def test_a_property_that_follows_the_label_is_spurious_and_noise_is_not():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, -1], 50)
    table = image_properties(
        rng.integers(0, 120, (150, 8, 8), dtype=np.uint8) + (labels == 1)[:, None, None] * np.uint8(100)
    )
    found = property_correlation(table, labels).set_index("property")
    assert found.loc["brightness", "spurious"]
    # By hand: the class means explain 1 - (variance within) / (variance).
    values = table["brightness"].to_numpy()[:100]
    within = (values[:50].var() + values[50:].var()) / 2
    assert found.loc["brightness", "eta_squared"] == pytest.approx(1 - within / values.var())
    noise = property_correlation(table.assign(brightness=rng.random(150))[["brightness"]], labels)
    assert not noise["spurious"].any()


def test_correlation_without_two_classes_is_empty():
    table = image_properties(np.zeros((4, 4, 4), dtype=np.uint8))
    assert property_correlation(table, [0, 0, -1, 0]).empty
    assert image_properties(np.zeros((0, 4, 4), dtype=np.uint8)).empty


@pytest.mark.parametrize(
    ("pixels", "sizes", "words"),
    [
        (np.zeros((2, 4, 4)), None, "uint8"),
        (np.zeros((4, 4), dtype=np.uint8), None, r"\(n, height, width\)"),
        (np.zeros((2, 4, 4, 5), dtype=np.uint8), None, "channels"),
        (np.zeros((2, 4, 4), dtype=np.uint8), [[1, 1]], "each of the 2 images"),
        (np.zeros((1, 4, 4), dtype=np.uint8), [[0, 1]], "positive"),
    ],
)
def test_bad_input_is_named(pixels, sizes, words):
    with pytest.raises(InputError, match=words):
        image_properties(pixels, sizes=sizes)
