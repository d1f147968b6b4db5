"""Columns of pictures in every form, and pictures in memory."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import dqkit as dq


@pytest.fixture(autouse=True)
def pixel_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))


def png(value: int, size=(8, 8)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (value, value, value)).save(file, "PNG")
    return file.getvalue()


def test_paths_bytes_base64_and_dictionaries_in_a_column_are_pictures(tmp_path):
    (tmp_path / "cats").mkdir()
    for name, value in (("1.png", 10), ("2.png", 20)):
        (tmp_path / "cats" / name).write_bytes(png(value))
    values = [
        "cats\\1.png",
        (tmp_path / "cats" / "2.png").as_uri(),
        png(30),
        {"bytes": png(40), "path": None},
        "data:image/png;base64," + base64.b64encode(png(50)).decode(),
        base64.b64encode(png(60, (64, 64)) + b"\0" * 200).decode(),
        Image.new("RGB", (8, 8), (70, 70, 70)),
        None,
    ]
    table = pd.DataFrame({"i": pd.Series(values, dtype=object), "y": ["a", "b"] * 4})
    table.loc[0, "i"] = str(tmp_path / "cats") + "\\1.png"
    ds = dq.from_table(table, image="i", label="y", side=8, progress=False)
    assert ds.content[:7, 4, 4, 0].tolist() == [10, 20, 30, 40, 50, 60, 70]
    assert ds.problems["sample_id"].tolist() == ["0000007"]
    assert ds.paths[1].endswith("2.png")
    assert Path(ds.paths[2]).read_bytes() == values[2]  # larger than 8 pixels: its original is kept


def test_addresses_of_pictures_on_the_web_are_refused_in_one_sentence():
    table = pd.DataFrame({"i": ["https://example.org/1.png"] * 2, "y": ["a", "b"]})
    with pytest.raises(dq.InputError, match="Nothing is downloaded unless asked"):
        dq.from_table(table, image="i", label="y")


U8 = np.arange(2 * 5 * 6 * 3, dtype=np.uint8).reshape(2, 5, 6, 3)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (list(U8), U8),
        ([Image.fromarray(a) for a in U8], U8),
        (U8.astype(np.int64), U8),
        ((U8 / 255).astype(np.float32), U8),
        (np.concatenate([U8, U8 + 75]) / 127.5 - 1.0, np.concatenate([U8, U8 + 75])),
        (U8.astype(np.float64), U8),
        (U8.transpose(0, 3, 1, 2), U8),
        (U8[..., 0] > 50, (U8[..., 0] > 50) * 255),
    ],
    ids=["arrays", "Pillow", "integers", "0 to 1", "-1 to 1", "0 to 255", "channels first", "yes and no"],
)
def test_images_of_every_kind_of_number_are_the_same_images(x, expected):
    ds = dq.from_arrays(x, ["a", "b"] * (len(x) // 2))
    assert ds.content.dtype == np.uint8
    assert np.array_equal(ds.content, expected)


def test_tensors_and_their_datasets_are_taken():
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(U8.transpose(0, 3, 1, 2).copy())
    assert np.array_equal(dq.from_arrays(x, ["a", "b"]).content, U8)
    assert dq.from_arrays(torch.ones(4, 3, requires_grad=True), torch.tensor([0, 1, 0, 1])).labels.tolist() == [
        0,
        1,
        0,
        1,
    ]
    pairs = torch.utils.data.TensorDataset(x, torch.tensor([1, 0]))
    ds = dq.from_arrays(pairs, classes={"cat": 0, "dog": 1})
    assert [ds.classes[k] for k in ds.labels] == ["dog", "cat"]
    assert np.array_equal(ds.content, U8)
    part = dq.from_arrays(
        torch.utils.data.Subset(torch.utils.data.TensorDataset(torch.ones(4, 2), torch.arange(4)), [3, 1])
    )
    assert part.classes == ("1", "3")


def test_images_of_several_sizes_files_and_bytes_are_fitted_to_a_square(tmp_path):
    for name, value in (("a.png", 10), ("b.png", 20)):
        (tmp_path / name).write_bytes(png(value))
    paths = dq.from_arrays([str(tmp_path / "a.png"), str(tmp_path / "b.png")], ["a", "b"], side=8)
    assert paths.content[:, 4, 4, 0].tolist() == [10, 20]
    assert paths.paths[0].endswith("a.png")
    sizes = [np.full((8, 8, 3), 10, np.uint8), np.full((4, 8, 3), 20, np.uint8)]
    ragged = dq.from_arrays(sizes, ["a", "b"], side=8)
    assert ragged.content[:, 4, 4, 0].tolist() == [10, 20]
    assert ragged.content[1, 0, 0, 0] == 0
    assert dq.from_arrays([png(10), png(20)], ["a", "b"], side=8).content[:, 4, 4, 0].tolist() == [10, 20]
    with pytest.raises(dq.InputError, match="named like pictures"):
        dq.from_arrays(["nowhere/a.png", "nowhere/b.png"], ["a", "b"])


def test_sixteen_bits_go_through_one_window_for_all():
    deep = np.linspace(100, 4000, 2 * 20 * 20).reshape(2, 20, 20).astype(np.uint16)
    ds = dq.from_arrays(deep, ["a", "b"])
    assert ds.content.min() == 0
    assert ds.content.max() == 255
    assert (np.diff(ds.content.ravel().astype(int)) >= 0).all()
    assert "more than 8 bits" in ds.reading


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((2, 3, 32, 3), np.uint8), r"channels='first'\).*channels='last'\)"),
        (np.random.default_rng(0).normal(size=(2, 8, 8)), r"x \* std \+ mean"),
        (np.full((2, 8, 8), 1.5), "255"),
        (np.full((2, 8, 8), np.nan), "finite"),
        (np.zeros((2, 1, 1, 8, 8)), "video"),
    ],
)
def test_images_that_may_be_read_in_two_ways_are_refused_with_what_to_do(x, words):
    with pytest.raises(dq.InputError, match=words):
        dq.from_arrays(x, ["a", "b"])


def test_the_channels_may_be_named_where_the_shape_does_not_show_them():
    x = np.arange(2 * 3 * 32 * 3, dtype=np.uint8).reshape(2, 3, 32, 3)
    assert np.array_equal(dq.from_arrays(x, ["a", "b"], channels="last").content, x)
    assert np.array_equal(dq.from_arrays(x, ["a", "b"], channels="first").content, x.transpose(0, 2, 3, 1))


def test_sparse_matrices_are_written_out_up_to_a_size():
    sparse = pytest.importorskip("scipy.sparse")
    x = sparse.csr_matrix(np.array([[0, 1.5], [2, 0]]))
    assert dq.from_arrays(x, ["a", "b"]).content.to_numpy().tolist() == [[0, 1.5], [2, 0]]
    with pytest.raises(dq.InputError, match="TruncatedSVD"):
        dq.from_arrays(sparse.csr_matrix((1000, 1_000_000)), ["a", "b"] * 500)


def test_arrays_in_a_column_are_brought_to_8_bits_through_one_range():
    floats = [np.full((4, 4), 0.2), np.full((6, 5), 1.0)]
    first = [np.full((3, 8, 8), 0.2, np.float32), np.full((3, 8, 8), 1.0, np.float32)]
    pillow = [Image.fromarray(np.full((4, 4), value, np.float32)) for value in (0.2, 1.0)]
    for values in (floats, first, pillow):
        ds = dq.from_table(pd.DataFrame({"p": values, "y": ["a", "b"]}), image="p", label="y", side=4)
        assert ds.content[:, 1, 1, 0].tolist() == [51, 255]
        assert "1 is white" in ds.reading
    ds = dq.from_table(
        pd.DataFrame({"p": [np.full((4, 4, 3), v, np.uint8) for v in (9, 99)], "y": ["a", "b"]}), image="p", label="y"
    )
    assert ds.content[:, 1, 1, 0].tolist() == [9, 99]
    with pytest.raises(dq.InputError, match=r"got int64 of shape \(4,\) at position 0"):
        dq.from_table(pd.DataFrame({"p": [np.arange(4)] * 2, "y": ["a", "b"]}), image="p", label="y")


def test_the_base64_of_a_small_picture_is_read():
    texts = []
    for grey in (10, 30):
        file = io.BytesIO()
        Image.new("RGB", (4, 4), (grey,) * 3).save(file, "PNG")
        texts.append(base64.b64encode(file.getvalue()).decode())
    assert max(map(len, texts)) < 200
    ds = dq.from_table(pd.DataFrame({"p": texts, "y": ["a", "b"]}), image="p", label="y", side=4)
    assert ds.content[:, 1, 1, 0].tolist() == [10, 30]


def test_paths_in_another_case_or_unicode_form_find_their_files(tmp_path):
    (tmp_path / "Cats").mkdir()
    composed, split_up = "caf\u00e9.png", "cafe\u0301.png"
    for i, name in enumerate(["one.PNG", "Cats/two.png", split_up]):
        (tmp_path / name).write_bytes(png(10 * i))
    table = pd.DataFrame({"f": ["One.png", "cats\\TWO.png", composed], "y": ["a", "b", "a"]})
    table.to_csv(tmp_path / "t.csv", index=False)
    ds = dq.from_table(tmp_path / "t.csv", image="f", label="y", progress=False)
    assert not ds.problems["fatal"].any()
    assert ds.content[:, 0, 0, 0].tolist() == [0, 10, 20]
    if not (tmp_path / "ONE.png").exists():  # a disk that tells cases apart
        assert "differ from the files' names" in ds.reading


def test_a_name_that_two_files_share_but_for_the_case_is_not_guessed(tmp_path):
    for name in ("one.png", "ONE.png", "two.png"):
        (tmp_path / name).write_bytes(png(1))
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this disk does not tell cases apart")
    table = pd.DataFrame({"f": ["One.png", "two.png"], "y": ["a", "b"]})
    table.to_csv(tmp_path / "t.csv", index=False)
    ds = dq.from_table(tmp_path / "t.csv", image="f", label="y", progress=False)
    assert ds.problems["sample_id"].tolist() == ["0000000"]


def test_pictures_that_cannot_be_read_are_counted_and_kept_out(tmp_path):
    (tmp_path / "good.png").write_bytes(png(1))
    (tmp_path / "also.png").write_bytes(png(2))
    (tmp_path / "zero.png").write_bytes(b"")
    files = ["good.png", "also.png", "zero.png", "C:\\data\\cat.png"]
    pd.DataFrame({"f": files, "y": list("abab")}).to_csv(tmp_path / "t.csv", index=False)
    ds = dq.from_table(tmp_path / "t.csv", image="f", label="y", progress=False)
    assert ds.is_usable.tolist() == [True, True, False, False]
    assert "2 of 4 pictures cannot be read" in ds.reading
    assert "the file is empty" in ds.reading
    if os.name != "nt":
        assert "Windows" in ds.problems["message"].iloc[1]


def test_names_without_an_ending_find_the_one_file_of_that_name(tmp_path):
    for name in ("1.png", "2.png", "2.jpg", "3.png"):
        (tmp_path / name).write_bytes(png(int(name[0])))
    pd.DataFrame({"f": [1, 2, 3], "y": list("aba")}).to_csv(tmp_path / "t.csv", index=False)
    ds = dq.from_table(tmp_path / "t.csv", image="f", label="y", progress=False)
    assert ds.problems["sample_id"].tolist() == ["0000001"]
    assert ds.content[[0, 2], 0, 0, 0].tolist() == [1, 3]


def test_the_owners_columns_of_width_and_height_are_not_the_sizes_of_the_originals(tmp_path):
    """A table of parcels: their width and height in centimetres stand beside their photos."""
    from dqkit.datasets.pixels.originals import without_border
    from dqkit.records import size_columns

    for i in range(2):
        Image.new("RGB", (120, 60), (200, 90 * i, 0)).save(tmp_path / f"{i}.png")
    table = pd.DataFrame({"file": ["0.png", "1.png"], "kind": ["a", "b"], "width": [3, 4], "height": [30, 40]})
    table.to_csv(tmp_path / "parcels.csv", index=False)
    ds = dq.from_table(tmp_path / "parcels.csv", image="file", label="kind")
    assert size_columns(ds.metadata.columns) == ("image_width", "image_height")
    assert ds.metadata["width"].tolist() == [3, 4]
    assert without_border(ds, 0).shape == (32, 64, 3)
