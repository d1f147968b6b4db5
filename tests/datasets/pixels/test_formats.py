"""Every kind of picture becomes what people see: depth, alpha, colours, orientation, first frame."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dqkit.datasets.pixels import MAX_PIXELS, decode, decoding
from dqkit.datasets.pixels.formats import Unreadable, read
from dqkit.datasets.pixels.window import apply_window, sketch_of, window_of


def as_bytes(image, kind, **options):
    held = io.BytesIO()
    image.save(held, kind, **options)
    return held.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png16(values: np.ndarray) -> bytes:
    """A 16-bit PNG written by hand: (h, w, c) with c = 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; each row unfiltered."""
    height, width, channels = values.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def twelve_bits(height=9, width=11, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 4096, (height, width, channels))


def test_ordinary_pictures_are_what_pillow_scales_them_to(tmp_path):
    """The independent way: open, convert, scale to fit, paste onto black."""
    values = np.random.default_rng(0).integers(0, 256, (50, 90, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    expected = Image.new("RGB", (64, 64))
    small = Image.open(tmp_path / "a.png").resize((64, 36), Image.Resampling.BILINEAR, reducing_gap=2.0)
    expected.paste(small, (0, 14))
    assert np.array_equal(decode([tmp_path / "a.png"]).pixels[0], np.asarray(expected))


@pytest.mark.parametrize("channels", [1, 3])
def test_all_16_bits_of_a_png_are_kept(channels):
    values = twelve_bits(channels=channels)
    picture = read(png16(values), 64)
    assert picture.is_deep
    assert np.array_equal(picture.values, values if channels == 3 else values[..., 0])


@pytest.mark.parametrize("channels", [2, 4])
def test_16_bits_with_alpha_lie_on_white(channels):
    values = twelve_bits(channels=channels)
    values[..., -1] = 65535
    values[0, 0, -1] = 0
    found = read(png16(values), 64).values
    expected = values[..., :-1].astype(float) if channels == 4 else values[..., 0].astype(float)
    expected[0, 0] = 65535
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"planarconfig": "separate"}])
def test_all_16_bits_of_a_colour_tiff_are_kept(order, options):
    tifffile = pytest.importorskip("tifffile")
    values = twelve_bits().astype(np.uint16)
    given = np.moveaxis(values, 2, 0) if "planarconfig" in options else values
    held = io.BytesIO()
    tifffile.imwrite(held, given, photometric="rgb", byteorder=order, **options)
    assert np.array_equal(read(held.getvalue(), 64).values, values)


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint32, np.float16, np.float32, np.float64])
def test_numbers_of_every_type_in_a_tiff_are_read(kind):
    tifffile = pytest.importorskip("tifffile")
    values = twelve_bits(channels=1)[..., 0].astype(kind)
    held = io.BytesIO()
    tifffile.imwrite(held, values)
    assert np.array_equal(read(held.getvalue(), 64).values, values.astype(np.float32))


def test_a_tiff_in_which_0_is_white_is_turned():
    tifffile = pytest.importorskip("tifffile")
    values = twelve_bits(channels=1)[..., 0].astype(np.uint16)
    held = io.BytesIO()
    tifffile.imwrite(held, values, photometric="miniswhite")
    assert np.array_equal(read(held.getvalue(), 64).values, 65535 - values.astype(np.float32))


def test_the_window_is_one_for_the_dataset_so_that_brighter_pictures_stay_brighter(tmp_path):
    for i, level in enumerate((500, 1000, 2000)):
        values = np.clip(np.random.default_rng(i).normal(level, 20, (64, 64)), 0, 4095).astype(np.uint16)
        Image.fromarray(values).save(tmp_path / f"{i}.png")
    found = decode([tmp_path / f"{i}.png" for i in range(3)])
    means = found.pixels.reshape(3, -1).mean(axis=1)
    low, high = found.window
    assert 400 < low < 500
    assert 2000 < high < 2100
    assert means == pytest.approx([255 * (level - low) / (high - low) for level in (500, 1000, 2000)], abs=2)


def test_a_burnt_in_mark_does_not_darken_the_rest(tmp_path):
    values = np.random.default_rng(0).integers(800, 1000, (64, 64)).astype(np.uint16)
    values[0, :12] = 65535
    Image.fromarray(values).save(tmp_path / "a.png")
    assert len(np.unique(decode([tmp_path / "a.png"]).pixels)) > 150


def test_values_that_are_spread_evenly_use_the_whole_range():
    low, high = window_of([sketch_of(np.arange(65536, dtype=np.float32))])
    assert low == pytest.approx(0, abs=200)
    assert high == pytest.approx(65535, abs=200)


def test_a_new_picture_moves_the_window_of_all_without_decoding_them_again(tmp_path, monkeypatch):
    from pathlib import Path

    files = [tmp_path / f"{i}.png" for i in range(3)]
    for file, level in zip(files, (100, 200, 4000), strict=True):
        Image.fromarray(np.full((32, 32), level, np.uint16)).save(file)
    assert decode(files[:2]).pixels[:, 32, 32, 0].tolist() == [0, 255]
    read_names: list[str] = []
    real = decoding.read_file
    monkeypatch.setattr(decoding, "read_file", lambda file: read_names.append(Path(file).name) or real(file))
    found = decode(files)
    assert read_names == ["2.png"]
    assert found.window == (100.0, 4000.0)
    assert found.pixels[:, 32, 32, 0].tolist() == [0, round(255 * 100 / 3900), 255]


def test_a_float_picture_with_gaps_shows_them_black():
    values = np.array([[0.0, 1.0], [np.nan, np.inf]], dtype=np.float32)
    assert apply_window(values, (0.0, 1.0)).tolist() == [[0, 255], [0, 255]]


def test_pictures_of_one_value_alone_are_grey():
    assert apply_window(np.full((2, 2), 7, np.float32), (7.0, 7.0)).tolist() == [[128, 128], [128, 128]]


def test_transparent_parts_are_white():
    half = Image.new("RGBA", (2, 1), (200, 0, 0, 255))
    half.putpixel((1, 0), (200, 0, 0, 0))
    expected = [[[200, 0, 0], [255, 255, 255]]]
    for raw in (as_bytes(half, "PNG"), as_bytes(half, "WEBP", lossless=True), as_bytes(half, "TIFF")):
        assert read(raw, 64).values.tolist() == expected
    grey = Image.new("LA", (2, 1), (90, 255))
    grey.putpixel((1, 0), (90, 0))
    assert read(as_bytes(grey, "PNG"), 64).values.tolist() == [[[90] * 3, [255] * 3]]


def test_a_palette_with_a_transparent_colour_lies_on_white():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    for kind in ("PNG", "GIF"):
        assert read(as_bytes(image, kind, transparency=0), 64).values.tolist() == [[[255] * 3, [40, 50, 60]]]
    assert read(as_bytes(image, "PNG"), 64).values.tolist() == [[[10, 20, 30], [40, 50, 60]]]


def test_one_bit_and_grey_pictures_become_colour():
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    assert read(as_bytes(image, "PNG"), 64).values.tolist() == [[[0] * 3, [255] * 3]]
    assert read(as_bytes(Image.new("L", (1, 1), 77), "BMP"), 64).values.tolist() == [[[77] * 3]]


def adobe_marker(raw: bytes) -> tuple[int, int]:
    at = raw.index(b"\xff\xee")
    return at, at + 2 + int.from_bytes(raw[at + 2 : at + 4], "big")


def test_cmyk_is_right_with_adobes_inverted_values_and_without():
    red = as_bytes(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    assert read(red, 64).values[8, 8].tolist() == pytest.approx([255, 0, 0], abs=4)
    start, end = adobe_marker(red)
    plain = red[:start] + red[end:]  # read as they stand, the inverted values are full cyan and black ink
    assert read(plain, 64).values[8, 8].tolist() == pytest.approx([0, 0, 0], abs=4)
    tiff = as_bytes(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF")
    assert read(tiff, 64).values[2, 2].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(("orientation", "corner"), [(1, "tl"), (3, "br"), (6, "tr"), (8, "bl")])
def test_pictures_stand_upright_whatever_the_format(kind, orientation, corner):
    """A picture whose stored top left is white: where that corner stands when it is upright."""
    stored = np.zeros((32, 64, 3), np.uint8)
    stored[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = read(as_bytes(Image.fromarray(stored), kind, exif=exif, **options), 64)
    assert picture.size == ((64, 32) if orientation in (1, 3) else (32, 64))
    tall, wide = picture.values.shape[:2]
    at = {"tl": (2, 2), "tr": (2, wide - 3), "bl": (tall - 3, 2), "br": (tall - 3, wide - 3)}
    levels = {name: int(picture.values[place][0]) for name, place in at.items()}
    assert {name for name, level in levels.items() if level > 200} == {corner}


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_several_frames_the_first_is_used_and_it_is_said(kind, tmp_path):
    frames = [Image.new("RGB", (8, 8), (0, level, 0)) for level in (250, 100, 30)]
    raw = as_bytes(
        frames[0], kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
    )
    (tmp_path / "a").write_bytes(raw)
    found = decode([tmp_path / "a"])
    assert found.pixels[0, 32, 32].tolist() == [0, 250, 0]
    assert found.problems(["x"]) == [("x", "several_frames", "holds 3 frames or pages; the first is used", False)]
    assert decode([tmp_path / "a"]).problems(["x"]) == found.problems(["x"])


def test_a_decompression_bomb_is_a_problem_of_its_sample_alone(tmp_path):
    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IEND", b""))
    Image.new("RGB", (8, 8), "red").save(tmp_path / "fine.png")
    found = decode([tmp_path / "bomb.png", tmp_path / "fine.png"])
    assert list(found.failures) == [0]
    assert "claims" in found.failures[0]
    assert found.pixels[1, 32, 32].tolist() == [255, 0, 0]


def test_a_picture_that_claims_more_than_the_limit_is_refused_before_it_is_decoded():
    side = int(MAX_PIXELS**0.5) + 1
    raw = bytearray(as_bytes(Image.new("RGB", (8, 8)), "JPEG"))
    at = raw.index(b"\xff\xc0")
    raw[at + 5 : at + 9] = struct.pack(">HH", side, side)
    with pytest.raises(Unreadable, match="claims"):
        read(bytes(raw), 64)


@pytest.mark.parametrize(("raw", "words"), [(b"", "empty"), (b"hello", "not an image")])
def test_what_is_no_picture_is_said_in_words(raw, words):
    with pytest.raises(Unreadable, match=words):
        read(raw, 64)


def test_avif_and_heic_are_read_where_their_readers_are():
    from PIL import features

    red = Image.new("RGB", (32, 32), (200, 10, 10))
    if features.check("avif"):
        assert read(as_bytes(red, "AVIF"), 64).values[16, 16].tolist() == pytest.approx([200, 10, 10], abs=8)
    pillow_heif = pytest.importorskip("pillow_heif")
    held = io.BytesIO()
    pillow_heif.from_pillow(red).save(held)
    assert read(held.getvalue(), 64).values[16, 16].tolist() == pytest.approx([200, 10, 10], abs=8)
