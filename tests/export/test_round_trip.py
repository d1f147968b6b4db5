"""Load, relabel, export, load: the same labels, ids, splits and classes, whatever the classes are called."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dqkit as dq
from dqkit.export import Material, Options, TorchDataset, export
from dqkit.export.reading import read_answers

LETTERS = st.characters(exclude_categories=["Cs", "Cn", "Co"], exclude_characters="\0")
NAMES = st.text(LETTERS, min_size=1, max_size=12).filter(lambda name: name.strip() == name and name)
ODD = ["None", "NA", "nan", "-1", "007", "7", "=1+1", "a,b", 'say "x"', "two\nlines", "CON", "a/b", "end.", "test", "é"]
CLASSES = st.lists(st.one_of(st.sampled_from(ODD), NAMES), min_size=2, max_size=5, unique=True)
IDS = ["007", "7", "1.0", "a,b", "=1+1", "None", "nan", "a/b", "a\\b", "..", "CON", "x" * 90, "é", "-1", 'say "x"']
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
pytestmark = pytest.mark.filterwarnings("ignore:the classes")


@st.composite
def labelled(draw, content):
    """A dataset whose labels were changed: each class at least once, some samples without a label."""
    classes = draw(CLASSES)
    n = len(classes) + draw(st.integers(1, 4))
    given = [*range(len(classes)), *draw(st.lists(st.integers(-1, len(classes) - 1), min_size=n, max_size=n))][:n]
    now = draw(st.permutations(given))
    split = draw(st.lists(st.sampled_from(["train", "test", "fold 1"]), min_size=n, max_size=n))
    labels = [None if code < 0 else classes[code] for code in given]
    ids = draw(st.lists(st.one_of(st.sampled_from(IDS), NAMES), min_size=n, max_size=n, unique=True))
    dataset = dq.from_arrays(content(n), labels, classes=classes, ids=ids, split=split, name="odd")
    return dataset.with_labels(np.array(now))


def pictures(n):
    return np.random.default_rng(n).integers(0, 255, (n, 5, 4, 3), dtype=np.uint8)


def texts(n):
    odd = ["=1+1", "None", "", "two\nlines", 'say "x", y', "007", "'quoted", "日本", "tab\there"]
    return [odd[i % len(odd)] for i in range(n)]


def numbers(n):
    return pd.DataFrame(
        {"size": np.arange(n) / 3, "code": [f"0{i}" for i in range(n)], "label": np.arange(n), "split": [1.5] * n}
    )


class Exported:
    """A folder that goes when it is left."""

    def __init__(self, dataset, format, name="out", **options):
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / name
        export(Material.of(dataset), self.path, format, Options(progress=False, **options))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


def names_by_id(dataset):
    names = [*dataset.classes, None]
    return {i: (names[code], split) for i, code, split in zip(dataset.ids, dataset.labels, dataset.split, strict=True)}


def answers(path):
    return {answer.sample_id: answer.label for answer in read_answers(path)}


def stated(dataset):
    return {sample_id: label for sample_id, (label, _) in names_by_id(dataset).items()}


@FEW
@given(labelled(pictures))
def test_folders_of_images_come_back_with_their_labels_ids_splits_and_classes(dataset):
    with tempfile.TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DQKIT_CACHE", cache)
        with Exported(dataset, "folder") as path:
            again = dq.from_folder(path, progress=False)
            assert names_by_id(again) == names_by_id(dataset)
            assert again.classes == dataset.classes
            assert answers(path) == stated(dataset)


@FEW
@given(labelled(pictures))
def test_yolo_folders_come_back_but_for_what_has_no_label(dataset):
    kept = dataset.take(np.flatnonzero(dataset.labels >= 0))
    with tempfile.TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DQKIT_CACHE", cache)
        with Exported(dataset, "yolo") as path:
            # Ultralytics numbers the class folders of each split by themselves.
            inside = {tuple(sorted(f.name for f in split.iterdir())) for split in path.iterdir() if split.is_dir()}
            assert {len(folders) for folders in inside} == {len(dataset.classes)}
            assert len(inside) == 1
            again = dq.from_folder(path, progress=False)
            assert names_by_id(again) == names_by_id(kept)
            assert again.classes == dataset.classes


@FEW
@given(labelled(pictures))
def test_coco_says_every_label_and_split_and_the_images_are_the_same(dataset):
    from PIL import Image

    with Exported(dataset, "coco") as path:
        told = json.loads((path / "labels.json").read_text(encoding="utf-8"))
        assert [category["name"] for category in told["categories"]] == list(dataset.classes)
        assert {image["sample_id"]: image["split"] for image in told["images"]} == dict(
            zip(dataset.ids, dataset.split, strict=True)
        )
        assert answers(path) == stated(dataset)
        for image, pixels in zip(told["images"], dataset.content, strict=True):
            with Image.open(path / "data" / image["file_name"]) as opened:
                assert np.array_equal(np.asarray(opened), pixels)


@FEW
@given(labelled(pictures))
def test_fiftyone_says_every_label(dataset):
    with Exported(dataset, "fiftyone") as path:
        told = json.loads((path / "labels.json").read_text(encoding="utf-8"))
        assert told["classes"] == list(dataset.classes)
        assert answers(path) == stated(dataset)


@FEW
@given(st.one_of(labelled(pictures), labelled(texts), labelled(numbers)), st.sampled_from(["numpy", "torch"]))
def test_arrays_come_back_without_pickle(dataset, format):
    with Exported(dataset, format, "out.npz" if format == "numpy" else "out") as path:
        with np.load(path if format == "numpy" else path / "arrays.npz", allow_pickle=False) as held:
            assert held["ids"].tolist() == list(dataset.ids)
            assert held["labels"].tolist() == dataset.labels.tolist()
            assert held["classes"].tolist() == list(dataset.classes)
            assert held["split"].tolist() == list(dataset.split)
        assert answers(path) == stated(dataset)


@FEW
@given(st.one_of(labelled(pictures), labelled(texts), labelled(numbers)))
def test_the_torch_dataset_gives_each_sample_with_its_label(dataset):
    with Exported(dataset, "torch") as path:
        again = TorchDataset(path)
        assert again.classes == dataset.classes
        assert again.targets.tolist() == dataset.labels.tolist()
        first, label = again[0]
        assert label == dataset.labels[0]
        if dataset.modality == "image":
            assert np.array_equal(first.numpy().transpose(1, 2, 0), dataset.content[0])
        elif dataset.modality == "text":
            assert [again[i][0] for i in range(len(again))] == list(dataset.content)
        else:
            assert first["code"] == "00"


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(labelled(pictures), labelled(texts), labelled(numbers)))
def test_hugging_face_comes_back_with_class_names_by_split(dataset):
    from datasets import load_from_disk

    if "fold 1" in dataset.split:  # no name of a split there
        with pytest.raises(dq.InputError, match="split"):
            Exported(dataset, "huggingface")
        return
    with Exported(dataset, "huggingface") as path:
        parts = load_from_disk(str(path))
        found = {}
        for split, part in parts.items():
            names = part.features["label"].names
            assert names == list(dataset.classes)
            for sample_id, code in zip(part["sample_id"], part["label"], strict=True):
                found[sample_id] = (None if code is None else names[code], split)
        assert found == names_by_id(dataset)


@FEW
@given(st.one_of(labelled(texts), labelled(numbers)))
def test_parquet_comes_back_through_from_table(dataset):
    what = {"text": "text"} if dataset.modality == "text" else {"features": ["size", "code"]}
    with Exported(dataset, "parquet", "out.parquet") as path:
        again = dq.from_table(path, label="label", id="sample_id", split="split", classes=dataset.classes, **what)
        assert names_by_id(again) == names_by_id(dataset)
        if dataset.modality == "text":
            assert list(again.content) == list(dataset.content)


@FEW
@given(st.one_of(labelled(texts), labelled(numbers)), st.booleans())
def test_csv_says_every_label_word_for_word(dataset, spreadsheet):
    with Exported(dataset, "csv", "out.csv", spreadsheet=spreadsheet) as path:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        undo = (lambda v: v[1:] if v.startswith("'") and spreadsheet else v) if spreadsheet else (lambda v: v)
        rows = zip(table["sample_id"], table["label"], table["split"], strict=True)
        assert {undo(i): (undo(label) or None, split) for i, label, split in rows} == names_by_id(dataset)
        if dataset.modality == "text":
            assert [undo(v) for v in table["text"]] == list(dataset.content)


@FEW
@given(labelled(texts))
def test_label_studio_says_every_label(dataset):
    with Exported(dataset, "label_studio", "out.json") as path:
        tasks = json.loads(path.read_text(encoding="utf-8"))
        found = {
            task["data"]["sample_id"]: next((a["result"][0]["value"]["choices"][0] for a in task["annotations"]), None)
            for task in tasks
        }
        assert found == stated(dataset)
        assert [task["data"]["text"] for task in tasks] == list(dataset.content)


@FEW
@given(st.one_of(labelled(texts), labelled(numbers)), st.sampled_from(["out.csv", "out.parquet"]))
def test_cleanlab_columns_say_every_label(dataset, name):
    ids = pd.Index(dataset.ids, name="sample_id")
    signals = pd.DataFrame({"label_score": 0.25, "label_flag": True, "given_label": "x"}, index=ids)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        export(replace(Material.of(dataset), signals=signals), path, "cleanlab", Options(progress=False))
        if name.endswith("csv"):
            table = pd.read_csv(path, dtype=str, keep_default_na=False).replace({"current_label": {"": None}})
        else:
            table = pd.read_parquet(path)
        rows = zip(table["sample_id"], table["current_label"], table["split"], strict=True)
        assert {i: (None if pd.isna(label) else label, split) for i, label, split in rows} == names_by_id(dataset)
        assert table["label_score"].astype(float).eq(0.75).all()
