"""Layouts of other tasks are named and refused, with what to call instead."""

from __future__ import annotations

import pytest

import dqkit as dq
from tests.datasets.folder.trees import by_split_and_class, classes, grow

LAYOUTS = {
    "voc": ("Pascal VOC", ["JPEGImages/0.jpg", "JPEGImages/1.jpg", "Annotations/0.xml", "ImageSets/Main/train.txt"]),
    "voc kit": ("Pascal VOC", ["VOCdevkit/VOC2012/JPEGImages/0.jpg", "VOCdevkit/VOC2012/Annotations/0.xml"]),
    "voc with masks": ("Pascal VOC", ["JPEGImages/0.jpg", "SegmentationClass/0.png", "Annotations/0.xml"]),
    "voc without answers": ("Pascal VOC", ["JPEGImages/0.jpg", "ImageSets/Main/train.txt"]),
    "labelImg": ("Pascal VOC", ["0.jpg", "0.xml", "1.jpg", "1.xml"]),
    "images and xml": ("Pascal VOC", ["images/0.jpg", "annotations/0.xml"]),
    "yolo": ("YOLO", ["images/train/0.jpg", "images/val/1.jpg", "labels/train/0.txt", "labels/val/1.txt"]),
    "yolo by split": ("YOLO", ["train/images/0.jpg", "train/labels/0.txt", "valid/images/1.jpg", "valid/labels/1.txt"]),
    "yolo flat": ("YOLO", ["images/0.jpg", "labels/0.txt", "data.yaml"]),
    "yolo in a wrapper": ("YOLO", ["coco128/images/train2017/0.jpg", "coco128/labels/train2017/0.txt"]),
    "darknet": ("YOLO", ["data/obj/0.jpg", "data/obj/0.txt", "data/obj.names"]),
    "coco": ("COCO", ["train2017/0.jpg", "val2017/1.jpg", "annotations/instances_train2017.json"]),
    "coco of roboflow": ("COCO", ["train/0.jpg", "train/_annotations.coco.json", "valid/1.jpg"]),
    "coco in images": ("COCO", ["images/0.jpg", "annotations/a.json"]),
    "masks": ("segmentation masks", ["images/0.jpg", "images/1.jpg", "masks/0.png", "masks/1.png"]),
    "masks by split": ("segmentation masks", ["train/images/0.jpg", "train/masks/0_mask.png", "val/images/1.jpg"]),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("wrapped", ["", "unpacked/"])
def test_a_layout_of_boxes_or_masks_is_named_with_what_to_call_instead(tmp_path, name, wrapped):
    kind, files = LAYOUTS[name]
    root = grow(tmp_path / "d", *(wrapped + file for file in files))
    for file in root.rglob("*.txt"):
        file.write_text("0 .5 .5 .1 .1\n")
    with pytest.raises(dq.InputError, match=rf"laid out as {kind} .*from_table\('labels.csv', image='file'"):
        dq.from_folder(root, progress=False)


@pytest.mark.parametrize(
    "extra",
    [
        ["annotations/notes.json"],
        ["labels/cat.txt"],
        ["cat/0.txt", "cat/1.txt", "dog/0.txt"],
        ["Annotation/cat/0.xml"],
        ["data.yaml", "train.csv"],
        ["cat/_annotations.coco.json"],
    ],
)
def test_class_folders_with_other_files_beside_them_are_classes(tmp_path, extra, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    root = grow(classes(tmp_path / "d", "cat", "dog"), *extra)
    assert by_split_and_class(dq.from_folder(root, progress=False)) == {("train", "cat"): 2, ("train", "dog"): 2}
    wrapped = grow(classes(tmp_path / "e", "Images/cat", "Images/dog"), *extra[:1])
    if not extra[0].startswith("cat"):
        assert dq.from_folder(wrapped, progress=False).classes == ("cat", "dog")


def test_pictures_of_another_task_can_be_labelled_from_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    root = grow(tmp_path / "d", *LAYOUTS["yolo"][1])
    with pytest.raises(dq.InputError, match="To label from nothing") as caught:
        dq.from_folder(root, classes=["cat", "dog"], progress=False)
    assert str(root / "images") in str(caught.value)
    ds = dq.from_folder(root / "images", classes=["cat", "dog"], progress=False)
    assert by_split_and_class(ds) == {("train", None): 1, ("val", None): 1}


def test_flat_pictures_beside_a_table_are_refused_with_the_table_named(tmp_path):
    root = grow(tmp_path / "d", "0.jpg", "1.jpg", "train.csv")
    with pytest.raises(dq.InputError, match=r"'train.csv'\? Then use dqkit.from_table"):
        dq.from_folder(root, progress=False)
    root = grow(tmp_path / "e", "train/0.jpg", "test/1.jpg", "train.csv")
    with pytest.raises(dq.InputError, match="no class folder in 'test', 'train', which are read as splits"):
        dq.from_folder(root, progress=False)


def test_captions_beside_pictures_are_no_boxes(tmp_path):
    root = grow(tmp_path / "d", "0.jpg", "0.txt", content=None)
    with pytest.raises(dq.InputError, match="no picture in a class folder"):
        dq.from_folder(root, progress=False)


def test_an_archive_is_to_be_unpacked_first(tmp_path):
    grow(tmp_path, "photos.zip")
    with pytest.raises(dq.InputError, match=r"existing folder.*is a file\. Unpack it first"):
        dq.from_folder(tmp_path / "photos.zip")
