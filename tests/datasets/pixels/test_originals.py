"""People see the original: upright, without metadata, of any format, at most 1,600 pixels; a lost one is said."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import dqkit as dq
from dqkit.datasets.pixels.clean import cleaned
from dqkit.datasets.pixels.originals import original, show, small_pixels, thumbnail

SECRET = b"SECRET-PLACE"


def as_bytes(image, kind, **options):
    held = io.BytesIO()
    image.save(held, kind, **options)
    return held.getvalue()


def opened(media: bytes) -> Image.Image:
    return Image.open(io.BytesIO(media))


def noise(height, width):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def with_place(orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[1] = "N"
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_small_picture_is_passed_on_byte_for_byte(kind):
    raw = as_bytes(noise(30, 40), kind)
    assert original(raw) == (raw, f"image/{kind.lower()}")


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "ICO", "JPEG2000", "TGA"])
def test_what_browsers_do_not_show_becomes_what_they_do(kind):
    image = noise(40, 40)
    media, mime = original(as_bytes(image, kind, **({"sizes": [(40, 40)]} if kind == "ICO" else {})))
    assert mime == "image/png"
    assert opened(media).size == (40, 40)
    if kind != "JPEG2000":
        assert np.array_equal(np.asarray(opened(media).convert("RGB")), np.asarray(image))


@pytest.mark.parametrize(("size", "expected"), [((4000, 3000), (1600, 1200)), ((300, 5000), (96, 1600))])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_large_picture_has_1600_pixels_on_the_long_side(kind, size, expected):
    media, mime = original(as_bytes(Image.new("RGB", size, "green"), kind))
    assert mime in ("image/jpeg", "image/png")
    assert opened(media).size == expected


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_no_metadata_leave_and_the_picture_stands_upright(kind, orientation):
    media, _ = original(as_bytes(noise(30, 40), kind, exif=with_place(orientation)))
    assert SECRET not in media
    assert not dict(opened(media).getexif())
    assert opened(media).size == ((40, 30) if orientation == 1 else (30, 40))


def test_metadata_are_cut_out_without_touching_the_pixels():
    image = noise(30, 40)
    for kind, options in (("JPEG", {"comment": SECRET}), ("WEBP", {"lossless": True, "xmp": SECRET}), ("PNG", {})):
        raw = as_bytes(image, kind, exif=with_place(), **options) + SECRET
        clean = cleaned(raw)
        assert SECRET in raw
        assert SECRET not in clean
        assert np.array_equal(np.asarray(opened(clean).convert("RGB")), np.asarray(opened(raw).convert("RGB")))


def test_a_file_that_is_cut_in_the_middle_is_not_passed_on():
    for kind in ("JPEG", "PNG"):
        raw = as_bytes(noise(30, 40), kind)
        assert cleaned(raw[: len(raw) // 2]) is None
    assert cleaned(b"hello") is None


def test_transparency_is_shown_on_white_as_the_models_see_it():
    media, mime = original(as_bytes(Image.new("RGBA", (20, 20), (255, 0, 0, 0)), "PNG"))
    assert mime == "image/png"
    assert opened(media).convert("RGB").getpixel((5, 5)) == (255, 255, 255)


def test_16_bits_are_shown_through_the_datasets_window():
    raw = as_bytes(Image.fromarray(np.full((20, 20), 1500, np.uint16)), "PNG")
    media, _ = original(raw, window=(1000.0, 2000.0))
    assert opened(media).convert("RGB").getpixel((5, 5)) == (128, 128, 128)


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    for name, color in (("a", "red"), ("b", "blue")):
        (tmp_path / "d" / name).mkdir(parents=True)
        Image.new("RGB", (400, 200), color).save(tmp_path / "d" / name / "x.jpg")
    return dq.from_folder(tmp_path / "d", progress=False)


def test_a_sample_is_shown_from_its_file(dataset):
    shown = show(dataset, 0)
    assert (shown.mime, shown.note) == ("image/jpeg", "")
    assert opened(shown.media).size == (400, 200)


def test_a_vanished_original_is_said_and_the_copy_has_no_black_border(dataset, tmp_path):
    (tmp_path / "d" / "a" / "x.jpg").unlink()
    shown = show(dataset, 0)
    assert shown.note == "The original file is gone. This is the copy of 64 × 64 pixels."
    assert opened(shown.media).size == (64, 32)
    assert small_pixels(dataset, 0, longest=256).shape == (32, 64, 3)
    assert opened(thumbnail(dataset, 0, longest=128)).size == (64, 32)


def test_a_file_that_is_no_picture_any_more_is_said(dataset, tmp_path):
    (tmp_path / "d" / "a" / "x.jpg").write_bytes(b"hello")
    assert "cannot be read now" in show(dataset, 0).note


def test_thumbnails_are_cut_from_the_originals(dataset):
    assert opened(thumbnail(dataset, 1, longest=128)).size == (128, 64)
    assert small_pixels(dataset, 1, longest=256).shape == (128, 256, 3)


def test_a_sample_that_never_could_be_read_shows_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    for name in "ab":
        (tmp_path / "d" / name).mkdir(parents=True)
        Image.new("RGB", (40, 20), "red").save(tmp_path / "d" / name / "x.jpg")
    (tmp_path / "d" / "b" / "y.jpg").write_bytes(b"\xff\xd8\xffhello")
    dataset = dq.from_folder(tmp_path / "d", progress=False)
    assert show(dataset, int(dataset.positions(["b/y.jpg"])[0])).media == b""


def test_the_window_of_a_dataset_is_kept_by_its_workbench(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    for name, level in (("a", 1000), ("b", 2000)):
        (tmp_path / "d" / name).mkdir(parents=True)
        Image.fromarray(np.full((40, 40), level, np.uint16)).save(tmp_path / "d" / name / "x.png")
    dataset = dq.from_folder(tmp_path / "d", progress=False)
    assert dataset.window == (1000.0, 2000.0)
    dq.Workbench.create(tmp_path / "w", dataset).close()
    with dq.Workbench.open(tmp_path / "w") as bench:
        assert bench.dataset.window == (1000.0, 2000.0)
        assert opened(show(bench.dataset, 1).media).convert("RGB").getpixel((5, 5)) == (255, 255, 255)
