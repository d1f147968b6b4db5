from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import dqkit as dq


@pytest.fixture(autouse=True)
def pixel_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))


def paint(path, color, size=(40, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


def test_integer_labels_without_classes_become_their_distinct_values_in_numeric_order():
    ds = dq.from_arrays(np.zeros((4, 2)), [10, 2, -1, 10])
    assert ds.classes == ("2", "10")
    assert ds.labels.tolist() == [1, 0, -1, 1]


def test_integer_labels_with_classes_are_positions():
    ds = dq.from_arrays(np.zeros((3, 2)), [1, 0, -1], classes=["cat", "dog"])
    assert ds.classes == ("cat", "dog")
    assert ds.labels.tolist() == [1, 0, -1]


def test_missing_names_are_unlabelled_whatever_their_spelling():
    ds = dq.from_arrays(["a", "b", "c", "d", "e"], ["x", None, float("nan"), " ", "y"])
    assert ds.labels.tolist() == [0, -1, -1, -1, 1]
    assert ds.modality == "text"


def test_integers_that_are_class_names_are_read_as_names_and_not_as_positions():
    ds = dq.from_arrays(["a", "b", "c"], [1, 3, 2], classes=["1", "2", "3"])
    assert [ds.classes[i] for i in ds.labels] == ["1", "3", "2"]


def test_true_and_false_are_class_names():
    ds = dq.from_arrays(["a", "b", "c"], [True, False, None])
    assert ds.classes == ("False", "True")
    assert ds.labels.tolist() == [1, 0, -1]


def test_whole_numbers_beyond_what_a_float_holds_are_still_distinct_classes():
    ds = dq.from_arrays(["a", "b", "c"], [2**60, 2**60 + 1, 2**60])
    assert ds.classes == (str(2**60), str(2**60 + 1))
    assert ds.labels.tolist() == [0, 1, 0]


def test_names_of_a_numpy_byte_string_array_are_read_as_text():
    assert dq.from_arrays(["a", "b"], np.array([b"cat", "hund\xe9".encode()])).classes == ("cat", "hund\xe9")


def test_a_test_split_is_known_however_it_is_spelled_and_a_missing_one_is_train():
    ds = dq.from_arrays(["a", "b", "c", "d"], [0, 1, 0, 1], split=["Test", " TEST ", None, float("nan")])
    assert ds.split.tolist() == ["test", "test", "train", "train"]


def test_words_that_pandas_takes_for_missing_are_kept_in_labels_texts_and_ids(tmp_path):
    (tmp_path / "t.csv").write_text("key,t,y,n\n001,x,None,1\n002,NA,spam,NA\n003,null,,3\n")
    ds = dq.from_table(tmp_path / "t.csv", text="t", label="y", id="key")
    assert ds.ids.tolist() == ["001", "002", "003"]
    assert ds.content.tolist() == ["x", "NA", "null"]
    assert ds.classes == ("None", "spam")
    assert ds.labels.tolist() == [0, 1, -1]
    assert ds.metadata["n"].isna().tolist() == [False, True, False]


def test_a_deep_grey_image_is_not_cut_off_to_white(tmp_path):
    paint(tmp_path / "d" / "a" / "x.png", "red")
    (tmp_path / "d" / "b").mkdir()
    deep = np.linspace(0, 65535, 400).reshape(20, 20).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "d" / "b" / "deep.png")
    ds = dq.from_folder(tmp_path / "d", side=20)
    assert np.allclose(ds.content[1, :, :, 0], deep / 257, atol=1)


def test_a_link_that_leads_nowhere_is_a_recorded_problem(tmp_path):
    paint(tmp_path / "d" / "a" / "x.png", "red")
    paint(tmp_path / "d" / "b" / "y.png", "red")
    (tmp_path / "d" / "b" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    ds = dq.from_folder(tmp_path / "d")
    assert ds.problems["sample_id"].tolist() == ["b/gone.png"]


def test_images_may_be_grey_or_coloured():
    grey = dq.from_arrays(np.zeros((2, 5, 4), np.uint8), ["a", "b"])
    colour = dq.from_arrays(np.zeros((2, 5, 4, 3), np.uint8), ["a", "b"])
    assert grey.modality == colour.modality == "image"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": np.zeros((2, 2)), "labels": [0, 1], "ids": ["a", "a"]}, "unique"),
        ({"x": np.zeros((2, 2)), "labels": [0, 0]}, "two classes"),
        ({"x": np.zeros((2, 2)), "labels": [-1, -1]}, "unlabelled"),
        ({"x": np.array([[0.0], [np.nan]]), "labels": [0, 1]}, "row 1, column 0"),
        ({"x": np.zeros((2, 2)), "labels": [0, 1, 1]}, "one entry per sample"),
        ({"x": np.zeros((2, 2)), "labels": [0, 5], "classes": ["a", "b"]}, "5"),
        ({"x": np.zeros((2, 2)), "labels": ["a", "q"], "classes": ["a", "b"]}, "'q'"),
        ({"x": np.zeros((2, 2)), "labels": [0.5, 1]}, "0.5"),
        ({"x": np.zeros((0, 2)), "labels": []}, "at least one sample"),
        ({"x": np.zeros((2, 3, 3)), "labels": [0, 1]}, "uint8"),
        ({"x": np.zeros((2, 2)), "labels": [0, 1], "classes": ["a", "a"]}, "distinct"),
        ({"x": np.zeros((2, 2)), "labels": [0, 1], "split": ["train"]}, "split"),
        ({"x": [[1, 2], [3]], "labels": [0, 1]}, "one length"),
        ({"x": None, "labels": [0, 1]}, "NoneType"),
        ({"x": "ab", "labels": [0, 1]}, "got str"),
        ({"x": ["a", None], "labels": [0, 1]}, "None at position 1.*empty one"),
        ({"x": np.zeros((2, 5, 8, 8), np.uint8), "labels": [0, 1]}, "channels last.*transpose"),
        ({"x": ["a", "b\ud83d"], "labels": [0, 1]}, "x must .*position 1 has half a surrogate pair"),
        ({"x": ["a", "b"], "labels": [0, 1], "ids": ["a", "b\ud83d"]}, "ids must .*surrogate"),
        ({"x": ["a", "b"], "labels": ["a", "b\ud83d"]}, "classes must .*surrogate"),
        ({"x": np.zeros((2, 2)), "labels": [0, np.inf]}, "inf"),
        ({"x": np.zeros((2, 2)), "labels": [0, 1], "true_labels": ["a", "b"]}, "true_labels"),
        ({"x": pd.DataFrame(np.zeros((2, 2)), columns=["a", "a"]), "labels": [0, 1]}, "'a'"),
        ({"x": np.zeros((2, 2)), "labels": [0, 1], "metadata": {"a": 1}}, "metadata"),
    ],
)
def test_bad_arrays_are_refused_with_a_reason(arguments, words):
    with pytest.raises(dq.InputError, match=words):
        dq.from_arrays(**arguments)


def test_a_folder_gives_classes_unlabelled_files_and_relative_ids(tmp_path):
    paint(tmp_path / "d" / "cat" / "a.png", "red")
    paint(tmp_path / "d" / "dog" / "deep" / "b.jpg", "blue")
    paint(tmp_path / "d" / "unlabeled" / "c.png", "green")
    (tmp_path / "d" / "cat" / ".DS_Store").write_text("x")
    ds = dq.from_folder(tmp_path / "d")
    assert ds.ids.tolist() == ["cat/a.png", "dog/deep/b.jpg", "unlabeled/c.png"]
    assert ds.classes == ("cat", "dog")
    assert ds.labels.tolist() == [0, 1, -1]
    assert ds.content.shape == (3, 64, 64, 3)


def test_pixels_keep_their_aspect_ratio_on_black(tmp_path):
    paint(tmp_path / "d" / "a" / "wide.png", (255, 0, 0), size=(200, 100))
    paint(tmp_path / "d" / "b" / "dot.png", (0, 0, 255), size=(1, 1))
    ds = dq.from_folder(tmp_path / "d", side=10)
    assert (ds.content[0, :2] == 0).all()
    assert (ds.content[0, 3:7] == [255, 0, 0]).all()
    assert (ds.content[1] == [0, 0, 255]).all()
    assert ds.metadata.to_numpy().tolist() == [[200, 100], [1, 1]]


def test_broken_files_are_recorded_by_sample_and_lose_nobody_else(tmp_path):
    paint(tmp_path / "d" / "a" / "good.jpg", "red")
    paint(tmp_path / "d" / "b" / "good.png", "blue")
    whole = (tmp_path / "d" / "a" / "good.jpg").read_bytes()
    (tmp_path / "d" / "a" / "empty.jpg").write_bytes(b"")
    (tmp_path / "d" / "a" / "torn.jpg").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "d" / "b" / "words.png").write_text("no image")
    ds = dq.from_folder(tmp_path / "d")
    assert sorted(ds.problems["sample_id"]) == ["a/empty.jpg", "a/torn.jpg", "b/words.png"]
    assert ds.problems["fatal"].all()
    assert ds.ids[ds.is_usable].tolist() == ["a/good.jpg", "b/good.png"]


def test_a_second_load_reads_the_cache_and_a_changed_file_is_decoded_again(tmp_path):
    paint(tmp_path / "d" / "a" / "x.png", (10, 10, 10))
    paint(tmp_path / "d" / "b" / "y.png", (20, 20, 20), size=(20, 20))
    first = dq.from_folder(tmp_path / "d")
    cached = list((tmp_path / "cache" / "pixels").iterdir())
    assert np.array_equal(dq.from_folder(tmp_path / "d").content, first.content)
    assert list((tmp_path / "cache" / "pixels").iterdir()) == cached
    paint(tmp_path / "d" / "b" / "y.png", (200, 200, 200), size=(21, 21))
    assert dq.from_folder(tmp_path / "d").content[1, 32, 32].tolist() == [200, 200, 200]


def test_split_folders_are_understood(tmp_path):
    for split in ("train", "test"):
        for name in ("a", "b"):
            paint(tmp_path / "d" / split / name / "x.png", "red")
    ds = dq.from_folder(tmp_path / "d")
    assert ds.classes == ("a", "b")
    assert ds.split.tolist() == ["test", "test", "train", "train"]


def test_with_class_names_a_folder_needs_no_class_folder(tmp_path):
    paint(tmp_path / "d" / "loose.png", "red")
    paint(tmp_path / "d" / "unlabeled" / "b.png", "blue")
    paint(tmp_path / "d" / "dog" / "c.png", "green")
    (tmp_path / "d" / ".DS_Store").write_text("x")
    ds = dq.from_folder(tmp_path / "d", classes=["eel", "dog", "cat"])
    assert ds.classes == ("eel", "dog", "cat")
    assert dict(zip(ds.ids, ds.labels.tolist(), strict=True)) == {
        "loose.png": -1,
        "unlabeled/b.png": -1,
        "dog/c.png": 1,
    }
    with pytest.raises(dq.InputError, match="'dog', which is none of"):
        dq.from_folder(tmp_path / "d", classes=["eel", "cat"])


def test_a_missing_folder_and_a_single_class_are_refused(tmp_path):
    with pytest.raises(dq.InputError, match="existing folder"):
        dq.from_folder(tmp_path / "nowhere")
    paint(tmp_path / "d" / "only" / "x.png", "red")
    with pytest.raises(dq.InputError, match="'only'"):
        dq.from_folder(tmp_path / "d")


def test_a_table_of_texts_with_ids_splits_and_metadata(tmp_path):
    rows = pd.DataFrame(
        {
            "key": ["r1", "r2", "r3"],
            "review": ["good", "", "bad"],
            "stars": [5, 1, None],
            "part": ["train", "test", None],
        }
    ).assign(shop=["x", "y", "z"])
    for name, write in (("t.csv", rows.to_csv), ("t.parquet", rows.to_parquet)):
        write(tmp_path / name, index=False)
        ds = dq.from_table(tmp_path / name, text="review", label="stars", id="key", split="part")
        assert ds.ids.tolist() == ["r1", "r2", "r3"]
        assert ds.classes == ("1", "5")
        assert ds.labels.tolist() == [1, 0, -1]
        assert ds.split.tolist() == ["train", "test", "train"]
        assert ds.problems[["sample_id", "kind", "fatal"]].to_numpy().tolist() == [["r2", "empty_text", False]]
        assert ds.metadata.columns.tolist() == ["shop"]


def test_the_label_column_cannot_be_the_content_too():
    table = pd.DataFrame({"y": ["a", "b"], "t": ["x", "z"]})
    for content in ({"text": "y"}, {"image": "y"}, {"features": ["t", "y"]}):
        with pytest.raises(dq.InputError, match=f"{next(iter(content))} must not hold the label column"):
            dq.from_table(table, label="y", **content)


def test_a_table_of_features_allows_missing_values(tmp_path):
    rows = pd.DataFrame({"age": [1.0, None, 3.0], "city": ["a", None, "b"], "y": ["no", "yes", "no"]})
    rows.to_csv(tmp_path / "t.csv", index=False)
    ds = dq.from_table(tmp_path / "t.csv", features=["age", "city"], label="y")
    assert ds.modality == "table"
    assert ds.content.shape == (3, 2)
    assert ds.problems["kind"].tolist() == ["empty_row"]


def test_a_table_of_image_paths_is_relative_to_the_table(tmp_path):
    paint(tmp_path / "img" / "x.png", (9, 9, 9))
    pd.DataFrame({"file": ["img/x.png", "img/gone.png"], "y": ["a", "b"]}).to_csv(tmp_path / "t.csv", index=False)
    ds = dq.from_table(tmp_path / "t.csv", image="file", label="y")
    assert ds.content[0, 32, 32].tolist() == [9, 9, 9]
    assert ds.problems["sample_id"].tolist() == ["0000001"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"text": "review", "label": "nope"}, "'nope'"),
        ({"text": "nope", "label": "stars"}, "'nope'"),
        ({"label": "stars"}, "exactly one"),
        ({"text": "review", "features": ["stars"], "label": "stars"}, "exactly one"),
        ({"features": ["stars"], "label": "stars"}, "label column"),
        ({"features": "review", "label": "stars"}, r"\['review'\]"),
    ],
)
def test_bad_table_options_are_refused_by_name(tmp_path, options, words):
    rows = pd.DataFrame({"review": ["good", "bad"], "stars": [1, 5], "same": ["i", "i"]})
    rows.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(dq.InputError, match=words):
        dq.from_table(tmp_path / "t.csv", **options)


def test_a_missing_empty_or_foreign_file_is_refused(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "note.docx").write_text("x")
    (tmp_path / "head.csv").write_text("a,b\n")
    for name, words in (
        ("no.csv", "existing"),
        ("empty.csv", "cannot be read"),
        ("note.docx", "docx"),
        ("head.csv", "row"),
    ):
        with pytest.raises(dq.InputError, match=words):
            dq.from_table(tmp_path / name, text="a", label="b")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_a_picture_taken_with_the_camera_held_sideways_stands_upright(tmp_path, kind, orientation):
    # Rows of three blocks as EXIF says they are to be shown, stored as a camera held that way stores them.
    stored = np.kron(np.array([[10, 60, 110], [160, 210, 250]], np.uint8), np.ones((16, 16), np.uint8))
    shown = {1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.T}
    shown |= {6: np.rot90(stored, -1), 7: stored[::-1, ::-1].T, 8: np.rot90(stored)}
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a", "b"):
        (tmp_path / "d" / name).mkdir(parents=True)
        Image.fromarray(stored).save(tmp_path / "d" / name / f"x.{kind}", exif=exif, quality=100)
    ds = dq.from_folder(tmp_path / "d", side=48)
    upright = shown[orientation]
    assert (ds.metadata["height"].iloc[0], ds.metadata["width"].iloc[0]) == upright.shape
    top, left = (48 - upright.shape[0]) // 2, (48 - upright.shape[1]) // 2
    seen = ds.content[0, top : top + upright.shape[0], left : left + upright.shape[1], 0].astype(int)
    assert np.abs(seen - upright).max() < 12


def test_minus_one_is_a_class_where_the_names_say_so_and_is_refused_among_other_negative_numbers(tmp_path):
    table = pd.DataFrame({"x": [0.1, 0.2, 0.3, 0.4], "mood": [-1, 0, 1, None]})
    ds = dq.from_table(table, features=["x"], label="mood", classes=["-1", "0", "1"])
    assert ds.labels.tolist() == [0, 1, 2, -1]
    unlabeled = dq.from_table(table, features=["x"], label="mood", unlabeled=-1)
    assert unlabeled.labels.tolist() == [-1, 0, 1, -1]
    with pytest.raises(dq.InputError, match=r"classes=\['-1', '0', '1'\].*unlabeled=-1"):
        dq.from_table(table, features=["x"], label="mood")
    with pytest.raises(dq.InputError, match="beside other negative"):
        dq.from_table(table.assign(mood=[-2, -1, 0, 1]), features=["x"], label="mood")


@pytest.mark.parametrize("own", [["w", "n", "w", "n"], [30, 1, 30, 1]])
def test_a_column_called_width_is_not_taken_for_the_size_of_the_pictures(tmp_path, own):
    from dqkit.signals import signal_table

    rng = np.random.default_rng(0)
    for i in range(4):
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    rows = pd.DataFrame({"path": [f"{i}.png" for i in range(4)], "y": ["a", "b"] * 2, "width": own, "height": 1})
    rows.to_csv(tmp_path / "t.csv", index=False)
    ds = dq.from_table(tmp_path / "t.csv", image="path", label="y", progress=False)
    assert ds.metadata["width"].tolist() == own
    assert ds.metadata["image_width"].tolist() == [20] * 4
    told = dq.Predictions.from_arrays(np.full((4, 2), 0.5, np.float32), ids=ds.ids, classes=ds.classes)
    assert not signal_table(ds, told).table["odd_aspect_ratio_flag"].any()


def test_class_names_that_differ_in_case_or_spaces_alone_are_named_in_a_warning():
    table = pd.DataFrame({"text": list("abcdef"), "kind": ["cat", "Cat ", "dog", "cat", "dog", "C++"]})
    with pytest.warns(UserWarning, match=r"the classes 'Cat ', 'cat' differ in case or spaces alone"):
        ds = dq.from_table(table, text="text", label="kind")
    assert ds.classes == ("C++", "Cat ", "cat", "dog")  # what they are is for their owner to say


def test_a_word_for_missing_is_a_class_where_a_class_is_called_so():
    labels = ["nan", "cat", None, ""]
    named = dq.from_arrays(["a", "b", "c", "d"], labels, classes=["nan", "cat"])
    assert named.labels.tolist() == [0, 1, -1, -1]
    assert dq.from_arrays(["a", "b", "c", "d"], labels, classes=["dog", "cat"]).labels.tolist() == [-1, 1, -1, -1]


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_paths_of_pictures_are_pictures_in_a_list_an_array_and_a_series(tmp_path, kind):
    from PIL import Image

    paths = [str(tmp_path / f"{k}.png") for k in (0, 200)]
    for path, grey in zip(paths, (0, 200), strict=True):
        Image.new("RGB", (3, 3), (grey,) * 3).save(path)
    ds = dq.from_arrays(kind(paths), ["dark", "light"], side=4)
    assert ds.modality == "image"
    assert ds.content[:, 0, 0, 0].tolist() == [0, 200]


@pytest.mark.parametrize("load", ["table", "array"])
def test_one_number_in_several_types_is_one_class(load):
    labels = pd.Series([1, "1", 1.0, "1.0", "cat", "007", "7"], dtype=object)
    texts = [f"t{i}" for i in range(len(labels))]
    if load == "table":
        ds = dq.from_table(pd.DataFrame({"t": texts, "y": labels}), text="t", label="y")
    else:
        ds = dq.from_arrays(texts, labels)
    assert [ds.classes[k] for k in ds.labels] == ["1", "1", "1", "1", "cat", "007", "7"]
    assert "'1.0' as '1'" in ds.reading


def test_numbers_whose_names_are_given_stay_apart():
    ds = dq.from_arrays(["a", "b"], ["1.0", "1"], classes=["1", "1.0"])
    assert ds.labels.tolist() == [1, 0]


def test_days_are_called_the_same_in_a_file_and_in_memory(tmp_path):
    days = ["2024-01-31", "2024-02-01", None]
    frame = pd.DataFrame({"t": ["a", "b", "c"], "y": pd.to_datetime(days)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    objects = frame.assign(y=pd.Series([None if pd.isna(v) else v.date() for v in frame["y"]], dtype=object))
    for source in (tmp_path / "t.csv", tmp_path / "t.parquet", frame, objects, frame.astype({"y": "category"})):
        ds = dq.from_table(source, text="t", label="y")
        assert ds.classes == ("2024-01-31", "2024-02-01")
        assert ds.labels.tolist() == [0, 1, -1]


def test_moments_keep_their_hours():
    moments = pd.to_datetime(["2024-01-31 10:00", "2024-02-01 00:00"])
    assert dq.from_arrays(["a", "b"], moments).classes == ("2024-01-31 10:00:00", "2024-02-01 00:00:00")
