"""Pictures that came as bytes or from memory keep their originals, as files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import dqkit as dq
from dqkit.baselines.embedding.pictures import picture
from dqkit.datasets.pixels import brought
from dqkit.datasets.pixels.originals import show


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def photo(height: int, width: int, seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG")
    return file.getvalue()


def table(*images: object) -> pd.DataFrame:
    return pd.DataFrame({"picture": list(images), "kind": ["cat", "dog"] * (len(images) // 2)})


def test_a_network_and_a_person_see_the_original_of_a_picture_inside_a_table() -> None:
    raw = jpeg(photo(300, 200))
    ds = dq.from_table(table(raw, jpeg(photo(200, 300, 1))), image="picture", label="kind")
    assert ds.content.shape == (2, 64, 64, 3)
    assert Path(ds.paths[0]).read_bytes() == raw
    seen, is_less = picture(ds, 0, 224)
    assert seen.shape == (300, 200, 3)
    assert not is_less
    with Image.open(io.BytesIO(show(ds, 0).media)) as shown:
        assert shown.size == (200, 300)
    assert "The originals of 2 pictures (1 MB) are kept in" in ds.reading


def test_lists_of_pictures_of_several_sizes_keep_their_originals_without_loss() -> None:
    images = [photo(120, 100, 1), photo(90, 130, 2)]
    for given in (images, [np.asarray(image) for image in images]):
        ds = dq.from_arrays(given, [0, 1])
        for i, image in enumerate(images):
            with Image.open(ds.paths[i]) as kept:
                np.testing.assert_array_equal(np.asarray(kept), np.asarray(image))


def test_the_same_picture_is_kept_once(cache: Path) -> None:
    raw = jpeg(photo(100, 100))
    ds = dq.from_table(table(raw, raw), image="picture", label="kind")
    assert ds.paths[0] == ds.paths[1]
    dq.from_table(table(raw, raw), image="picture", label="kind")
    assert [file for file in (cache / "originals").rglob("*") if file.is_file()] == [Path(ds.paths[0])]


def test_small_pictures_are_their_own_originals_and_no_file_is_made(cache: Path) -> None:
    ds = dq.from_table(table(jpeg(photo(32, 32)), jpeg(photo(64, 40))), image="picture", label="kind")
    assert ds.paths is None
    assert not (cache / "originals").exists()


def test_an_unreadable_picture_has_no_file() -> None:
    broken = b"\xff\xd8 no picture"
    ds = dq.from_table(table(jpeg(photo(100, 90)), broken), image="picture", label="kind")
    assert ds.paths[0]
    assert ds.paths[1] is None


def test_a_full_disk_is_said_and_the_copies_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brought, "SPARE", 1 << 60)
    ds = dq.from_table(table(jpeg(photo(100, 90)), jpeg(photo(90, 90))), image="picture", label="kind")
    assert ds.paths is None
    assert "could not be kept" in ds.reading
    assert "DQKIT_CACHE" in ds.reading


def test_an_exported_folder_names_them_by_their_ids(tmp_path: Path) -> None:
    raw = jpeg(photo(100, 90))
    ds = dq.from_table(table(raw, jpeg(photo(90, 90))), image="picture", label="kind")
    wb = dq.Workbench.create(tmp_path / "wb", ds)
    wb.export(tmp_path / "out", format="folder")
    wb.close()
    found = sorted(file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.jpg"))
    assert [name.rsplit("/", 1)[1] for name in found] == [f"{i}.jpg" for i in ds.ids]
    assert any(file.read_bytes() == raw for file in (tmp_path / "out").rglob("*.jpg"))
