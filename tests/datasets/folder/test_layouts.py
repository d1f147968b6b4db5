"""Layouts as people have them: which folders are splits, which are classes."""

from __future__ import annotations

import itertools
import re

import pytest

import dqkit as dq
from dqkit.datasets.folder.roles import split_role
from tests.datasets.folder.trees import by_split_and_class, classes, grow


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))


def load(root, **options):
    return dq.from_folder(root, progress=False, **options)


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("Train", "Test"), ("train", "test")),
        (("TRAIN", "VAL"), ("train", "val")),
        (("training", "testing"), ("train", "test")),
        (("train", "dev", "test"), ("train", "val", "test")),
        (("val", "test"), ("val", "test")),
        (("train", "eval"), ("train", "test")),
        (("training_set", "test_set"), ("train", "test")),
        (("seg_train", "seg_test"), ("train", "test")),
        (("trainset", "testset"), ("train", "test")),
        (("train2017", "val2017"), ("train", "val")),
        (("Training Data", "Hold-Out"), ("train", "test")),
        (("TrainImages", "ValidationImages"), ("train", "val")),
        (("fold0", "fold1", "fold2"), ("fold0", "fold1", "fold2")),
        (("Fold_1", "Fold_2"), ("Fold_1", "Fold_2")),
        (
            ("part1", "part2", "part3", "part4", "part5", "part6"),
            ("part1", "part2", "part3", "part4", "part5", "part6"),
        ),
        (("berlin", "paris"), ("berlin", "paris")),
        (("2019", "2020", "2021"), ("2019", "2020", "2021")),
    ],
)
def test_folders_that_hold_the_same_classes_are_splits(tmp_path, names, splits):
    root = classes(tmp_path / "d", *(f"{s}/{c}" for s in names for c in ("cat", "dog")))
    ds = load(root)
    assert by_split_and_class(ds) == {(s, c): 2 for s in splits for c in ("cat", "dog")}
    assert ds.reading.startswith(f"{len(splits)} splits (")
    assert f"x 2 classes, {4 * len(splits)} pictures." in ds.reading


@pytest.mark.parametrize("name", ["unlabeled", "Unlabelled", "unsup", "UNLABELED_images", "no label"])
@pytest.mark.parametrize("beside", ["splits", "classes", "inside a split"])
def test_an_unlabelled_folder_is_never_a_class(tmp_path, name, beside):
    inside = {"splits": name, "classes": name, "inside a split": f"train/{name}"}[beside]
    prefixes = ("",) if beside == "classes" else ("train/", "test/")
    root = classes(tmp_path / "d", *(f"{p}{c}" for p in prefixes for c in ("cat", "dog")), inside)
    ds = load(root)
    assert ds.classes == ("cat", "dog")
    assert by_split_and_class(ds)["train", None] == 2
    assert "2 without a label" in ds.reading


def test_an_unlabelled_folder_of_class_folders_gives_no_labels(tmp_path):
    root = classes(tmp_path / "d", "train/cat", "train/dog", "unsup/cat", "unsup/dog")
    ds = load(root)
    assert by_split_and_class(ds) == {("train", "cat"): 2, ("train", "dog"): 2, ("train", None): 4}
    assert "'unsup' without labels" in ds.reading


@pytest.mark.parametrize("inside", ["photos/", "photos/photos/", "a/b/c/", "data/images/"])
@pytest.mark.parametrize("wanted", [None, ["cat", "dog", "eel"]])
def test_folders_that_hold_a_single_folder_are_entered(tmp_path, inside, wanted):
    root = classes(tmp_path / "d", f"{inside}cat", f"{inside}dog")
    ds = load(root, classes=wanted)
    assert by_split_and_class(ds) == {("train", "cat"): 2, ("train", "dog"): 2}
    assert ds.ids[0] == f"{inside}cat/0.png"
    assert repr(inside.rstrip("/")) in ds.reading


@pytest.mark.parametrize("outer", ["images/", "seg_train/seg_train/", "data/train/images/"])
def test_splits_are_found_inside_folders_and_classes_inside_folders_of_splits(tmp_path, outer):
    root = classes(tmp_path / "d", f"{outer}cat", f"{outer}dog")
    assert load(root).classes == ("cat", "dog")
    root = classes(tmp_path / "e", "images/train/cat", "images/train/dog", "images/val/cat", "images/val/dog")
    assert set(load(root).split) == {"train", "val"}


def test_a_flat_test_folder_beside_train_is_held_out_without_labels(tmp_path):
    root = classes(tmp_path / "d", "train/cat", "train/dog", "test")
    assert by_split_and_class(load(root)) == {("train", "cat"): 2, ("train", "dog"): 2, ("test", None): 2}
    root = classes(tmp_path / "e", "train/cat", "train/dog", "test/test")
    assert by_split_and_class(load(root)) == {("train", "cat"): 2, ("train", "dog"): 2, ("test", None): 2}
    root = classes(tmp_path / "f", "train/n1/images", "train/n2/images", "val/images", "test/images")
    expected = {("train", "n1"): 2, ("train", "n2"): 2, ("val", None): 2, ("test", None): 2}
    assert by_split_and_class(load(root)) == expected


def test_a_split_may_lack_classes_and_have_one_alone(tmp_path):
    root = classes(tmp_path / "d", "train/cat", "test/dog")
    assert by_split_and_class(load(root)) == {("train", "cat"): 2, ("test", "dog"): 2}
    root = classes(tmp_path / "e", "train/cat", "train/dog", "test/cat/a", "test/cat/b")
    assert by_split_and_class(load(root)) == {("train", "cat"): 2, ("train", "dog"): 2, ("test", "cat"): 4}


def test_train_beside_other_classes_is_a_class(tmp_path):
    root = classes(tmp_path / "d", "train", "plane", "car")
    ds = load(root)
    assert ds.classes == ("car", "plane", "train")
    assert "'train' is read as a class" in ds.reading
    root = classes(tmp_path / "e", "train/steam", "train/diesel", "plane", "car", n=3)
    assert load(root).classes == ("car", "plane", "train")


def test_a_test_folder_beside_classes_is_a_class_with_a_warning_and_a_split_once_the_classes_are_told(tmp_path):
    root = classes(tmp_path / "d", "control", "placebo", "test")
    with pytest.warns(UserWarning, match=re.escape("'test' is read as a class")):
        assert load(root).classes == ("control", "placebo", "test")
    ds = load(root, classes=["control", "placebo"])
    assert by_split_and_class(ds)["test", None] == 2
    assert load(root, classes=["control", "placebo", "test"]).labels.tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    "names",
    [
        ("animal/cat", "animal/dog", "vehicle/car", "vehicle/plane"),
        ("cat/images", "dog/images"),
        ("benign/patient_1", "benign/patient_2", "malignant/patient_1", "malignant/patient_2"),
        ("cat/1", "cat/2", "dog/1", "dog/2"),
        tuple(f"breed{chr(97 + i)}x/{side}" for i in range(9) for side in ("front", "back")),
    ],
)
def test_folders_inside_class_folders_are_part_of_their_class(tmp_path, names):
    ds = load(classes(tmp_path / "d", *names))
    assert ds.classes == tuple(sorted({name.split("/")[0] for name in names}))
    assert f"{len(names)} folders inside class folders are read as part of them" in ds.reading


def test_class_names_that_are_told_decide_between_two_readings(tmp_path):
    root = classes(tmp_path / "d", *(f"{a}/{b}" for a in ("cat", "dog") for b in ("indoor", "outdoor")))
    assert load(root).classes == ("indoor", "outdoor")
    assert load(root, classes=["cat", "dog"]).labels.tolist() == [0] * 4 + [1] * 4
    assert load(root, classes=["indoor", "outdoor"]).labels.tolist() == [0, 0, 1, 1] * 2


def test_splits_may_lie_inside_classes_and_inside_sources(tmp_path):
    root = classes(tmp_path / "d", *(f"{c}/{s}" for c in ("cat", "dog") for s in ("train", "Testing")))
    assert by_split_and_class(load(root)) == {(s, c): 2 for s in ("train", "test") for c in ("cat", "dog")}
    parts = itertools.product(("siteA", "siteB"), ("train", "test"), ("cat", "dog"))
    root = classes(tmp_path / "e", *("/".join(part) for part in parts))
    assert by_split_and_class(load(root)) == {(s, c): 4 for s in ("train", "test") for c in ("cat", "dog")}


def test_masks_beside_splits_are_left_out_and_counted(tmp_path):
    root = classes(tmp_path / "d", "train/good", "test/good", "test/cut", "ground_truth/cut")
    with pytest.warns(UserWarning, match="2 pictures outside the splits"):
        ds = load(root)
    assert by_split_and_class(ds) == {("train", "good"): 2, ("test", "good"): 2, ("test", "cut"): 2}
    assert "left out: 2 pictures outside the splits and classes" in ds.reading


def test_class_folders_of_numbers_are_ordered_by_value(tmp_path):
    ds = load(classes(tmp_path / "d", *map(str, range(12)), n=1))
    assert ds.classes == tuple(str(i) for i in range(12))
    assert dict(zip(ds.ids, ds.labels.tolist(), strict=True))["10/0.png"] == 10


def test_both_unicode_forms_of_a_name_are_one_class(tmp_path):
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    root = classes(tmp_path / "d", f"train/{composed}", f"test/{decomposed}", "train/tea", "test/tea")
    assert load(root).classes == (composed, "tea")
    assert load(root, classes=["tea", decomposed]).labels.tolist() == [1, 1, 0, 0, 1, 1, 0, 0]


def test_classes_that_differ_in_case_alone_stay_two_with_a_warning(tmp_path):
    root = classes(tmp_path / "d", "Cat", "dog")
    grow(root, "cat/x.png")
    if len(list(root.iterdir())) < 3:
        pytest.skip("this file system does not tell the two names apart")
    with pytest.warns(UserWarning, match="differ in case"):
        assert load(root).classes == ("Cat", "cat", "dog")


def test_a_thousand_classes_are_read(tmp_path):
    root = classes(tmp_path / "d", *(f"n{i:04d}" for i in range(1000)), n=1)
    assert len(load(root).classes) == 1000


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("train", "train"), ("Training_Set", "train"), ("trainval", "train"), ("01_train", "train"),
        ("val", "val"), ("valid", "val"), ("Validation", "val"), ("dev", "val"),
        ("test", "test"), ("TESTING", "test"), ("hold_out", "test"), ("held-out", "test"), ("evaluation", "test"),
        ("testset", "test"), ("test-images", "test"), ("unlabelled data", "unlabeled"), ("fold-10", "fold-10"),
        ("trainer", None), ("contest", None), ("freight train", None), ("invalid", None), ("train_test", None),
        ("testament", None), ("", None), ("7", None), ("images", None), ("device", None), ("evaluated", None),
    ],
)  # fmt: skip
def test_a_folders_name_says_which_split_it_is(name, role):
    assert split_role(name) == role


def test_splits_inside_a_split_are_opened(tmp_path):
    classes(tmp_path, *(f"{at}/{name}" for at in ("train/train", "train/val", "test") for name in ("cat", "dog")))
    grow(tmp_path, "train/loose.png")
    with pytest.warns(UserWarning, match="1 loose picture"):
        ds = load(tmp_path)
    assert by_split_and_class(ds) == {(split, name): 2 for split in ("train", "val", "test") for name in ("cat", "dog")}
    assert "val 4 from 'train/val'" in ds.reading


@pytest.mark.parametrize("inside", ["/cat", ""])
@pytest.mark.parametrize("options", [{}, {"classes": ["cat", "dog"]}])
def test_folds_with_a_train_and_a_test_folder_each_are_refused_and_one_of_them_is_read(tmp_path, inside, options):
    names = ["/cat", "/dog"] if inside else [""]
    classes(tmp_path, *(f"fold{i}/{at}{name}" for i in (1, 2) for at in ("train", "test") for name in names))
    with pytest.raises(dq.InputError, match="the fold 'fold1' has its own 'test' and 'train'"):
        load(tmp_path, **options)
    if inside:
        expected = {(split, name): 2 for split in ("train", "test") for name in ("cat", "dog")}
        assert by_split_and_class(load(tmp_path / "fold1", **options)) == expected


def test_a_single_fold_around_train_and_test_is_entered(tmp_path):
    classes(tmp_path, *(f"fold1/{at}/{name}" for at in ("train", "test") for name in ("cat", "dog")))
    expected = {(split, name): 2 for split in ("train", "test") for name in ("cat", "dog")}
    assert by_split_and_class(load(tmp_path)) == expected


def test_a_dictionary_names_the_class_folders(tmp_path):
    classes(tmp_path, "n02", "n01")
    for given in ({"n01": "cat", "n02": "dog"}, {"n02": "dog", "n01": "cat", "n03": "cow"}):
        ds = load(tmp_path, classes=given)
        assert ds.classes == tuple(given.values())
        assert [ds.classes[k] for k in ds.labels] == ["cat", "cat", "dog", "dog"]
    with pytest.raises(dq.InputError, match="has 'n02', which is none of"):
        load(tmp_path, classes={"n01": "cat", "n03": "dog"})
    with pytest.raises(dq.InputError, match="got the text 'cat'"):
        load(tmp_path, classes="cat")


@pytest.mark.parametrize("form", ["train_cat test_cat train_dog test_dog", "cat-Train cat-Test dog-Train dog-Test"])
def test_folders_called_by_split_and_class_are_both(tmp_path, form):
    classes(tmp_path, *form.split())
    expected = {(split, name): 2 for split in ("train", "test") for name in ("cat", "dog")}
    ds = load(tmp_path)
    assert by_split_and_class(ds) == expected
    assert form.split()[0] in ds.reading
    assert by_split_and_class(load(tmp_path, classes=["dog", "cat"])) == expected


def test_letters_after_train_and_test_are_classes(tmp_path):
    classes(tmp_path, "trainA", "trainB", "testA", "testB")
    assert by_split_and_class(load(tmp_path)) == {(s, name): 2 for s in ("train", "test") for name in ("A", "B")}


@pytest.mark.parametrize("names", [("test_kit", "test_drive", "train_ticket"), ("test_kit", "train_kit")])
def test_classes_whose_names_begin_as_splits_stay_classes(tmp_path, names):
    classes(tmp_path, *names)
    assert by_split_and_class(load(tmp_path)) == {("train", name): 2 for name in names}


def test_a_split_that_says_test_among_other_words_is_held_out(tmp_path):
    classes(tmp_path, *(f"{at}/{name}" for at in ("train_paris", "test_paris", "berlin") for name in ("cat", "dog")))
    expected = {(split, name): 2 for split in ("train", "test", "berlin") for name in ("cat", "dog")}
    assert by_split_and_class(load(tmp_path)) == expected
