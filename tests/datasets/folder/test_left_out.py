"""Whatever is no sample is counted, and nothing is lost."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dqkit as dq
from dqkit.datasets.folder.layout import recognise
from dqkit.datasets.folder.scan import scan
from tests.datasets.folder.trees import PICTURE, by_split_and_class, classes, count_files, grow

OF_FOLDERS = ("no class", "closed")


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))


def load(root, **options):
    return dq.from_folder(root, progress=False, **options)


def test_what_systems_leave_behind_is_counted_and_never_a_sample(tmp_path):
    root = classes(tmp_path / "d", "cat", "dog")
    grow(root, ".DS_Store", "cat/.DS_Store", "cat/Thumbs.db", "dog/desktop.ini", "__MACOSX/cat/._0.png", "dog/._0.png")
    grow(root, "cat/notes.txt", "README", "cat/.ipynb_checkpoints/0.png", "dog/labels.csv")
    grow(root, "dog/.gitkeep", "dog/placeholder", content=b"")
    ds = load(root)
    assert by_split_and_class(ds) == {("train", "cat"): 2, ("train", "dog"): 2}
    assert ds.problems.empty
    assert "3 files that are no pictures (such as 'README')" in ds.reading
    assert "8 hidden or system files" in ds.reading
    assert "1 empty file ('dog/placeholder')" in ds.reading


def test_loose_pictures_are_counted_with_a_warning_or_taken_without_a_label(tmp_path):
    root = grow(classes(tmp_path / "d", "cat", "dog"), "x.png", "y.png")
    with pytest.warns(UserWarning, match=re.escape("2 loose pictures (such as 'x.png'): left out")):
        ds = load(root)
    assert len(ds) == 4
    assert ds.reading == "2 classes, 4 pictures; left out: 2 loose pictures (such as 'x.png')."
    ds = load(root, classes=["cat", "dog"])
    assert by_split_and_class(ds) == {("train", None): 2, ("train", "cat"): 2, ("train", "dog"): 2}
    root = grow(classes(tmp_path / "e", "train/cat", "train/dog", "test/cat"), "train/x.png")
    with pytest.warns(UserWarning, match=re.escape("'train/x.png'")):
        assert len(load(root)) == 6


def test_a_folder_without_a_picture_is_no_class(tmp_path):
    root = classes(tmp_path / "d", "cat", "dog")
    (root / "bird").mkdir()
    grow(root, "docs/a.txt")
    grow(root, "void/0.png", content=b"")
    ds = load(root)
    assert ds.classes == ("cat", "dog")
    assert "3 folders without pictures (such as 'bird')" in ds.reading
    assert "1 empty file ('void/0.png')" in ds.reading


def test_pictures_that_are_broken_stay_as_fatal_problems(tmp_path):
    root = classes(tmp_path / "d", "cat", "dog")
    grow(root, "cat/torn.png", content=PICTURE[:20])
    grow(root, "dog/void.jpg", content=b"")
    ds = load(root)
    assert sorted(ds.problems["sample_id"]) == ["cat/torn.png", "dog/void.jpg"]
    assert ds.problems["fatal"].all()
    assert "2 cannot be read" in ds.reading


def test_pictures_without_a_pictures_name_are_known_by_their_first_bytes(tmp_path):
    root = classes(tmp_path / "d", "cat", "dog")
    grow(root, "cat/0001", "dog/b.image", content=PICTURE)
    grow(root, "cat/plain", content=b"words")
    ds = load(root)
    assert {"cat/0001", "dog/b.image"} <= set(ds.ids)
    assert len(ds) == 6
    assert ds.problems.empty


def test_output_of_dqkit_inside_the_folder_is_left_out(tmp_path):
    root = classes(tmp_path / "d", "cat", "dog")
    before = load(root)
    dq.Workbench.create(root / "bench", before).close()
    grow(root, "bench/media/0.png", "audit/pictures/0.png", "audit/signals.parquet")
    (root / "audit" / "health.json").write_text('{"schema": 1, "metrics": {}}')
    # A file of the same name that dqkit did not write hides nothing.
    (root / "cat" / "health.json").write_text('{"heart": 60}')
    ds = load(root)
    assert ds.ids.tolist() == before.ids.tolist()
    assert f"{count_files(root / 'bench') + 3} files that dqkit wrote" in ds.reading
    with pytest.raises(dq.InputError, match=r"is a workbench.*Workbench\.open"):
        load(root / "bench")


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
class TestLinks:
    def test_linked_folders_are_followed_once(self, tmp_path):
        root = classes(tmp_path / "d", "cat", "dog")
        grow(tmp_path / "archive", "a.png", "more/b.png")
        (root / "cat" / "linked").symlink_to(tmp_path / "archive")
        (root / "bird").symlink_to(tmp_path / "archive" / "more")
        ds = load(root)
        assert {"cat/linked/a.png", "bird/b.png"} <= set(ds.ids)
        assert len(ds) == 6
        assert "1 link to a folder that is read already ('cat/linked/more')" in ds.reading

    def test_links_in_a_circle_end_and_are_counted(self, tmp_path):
        root = classes(tmp_path / "d", "cat", "dog")
        (root / "cat" / "up").symlink_to(root)
        (root / "dog" / "self").symlink_to(root / "dog")
        (root / "cat" / "ring").symlink_to(root / "cat" / "ring")
        (root / "cat" / "ring.png").symlink_to(root / "cat" / "ring.png")
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        (tmp_path / "a" / "to").symlink_to(tmp_path / "b")
        (tmp_path / "b" / "back").symlink_to(tmp_path / "a")
        (root / "dog" / "out").symlink_to(tmp_path / "a")
        ds = load(root)
        assert len(ds) == 5
        assert ds.problems["sample_id"].tolist() == ["cat/ring.png"]
        assert "3 links to folders that are read already" in ds.reading
        assert "1 link that leads nowhere or special file ('cat/ring')" in ds.reading

    def test_the_folder_itself_may_be_a_link(self, tmp_path):
        classes(tmp_path / "d", "cat", "dog")
        (tmp_path / "link").symlink_to(tmp_path / "d")
        ds = load(tmp_path / "link")
        assert len(ds) == 4
        assert all(Path(path).is_file() for path in ds.paths)

    def test_a_pipe_is_never_opened(self, tmp_path):
        root = classes(tmp_path / "d", "cat", "dog")
        os.mkfifo(root / "cat" / "pipe.png")
        os.mkfifo(root / "cat" / "pipe")
        ds = load(root)
        assert len(ds) == 4
        assert "2 links that lead nowhere or special files" in ds.reading


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes exist on Linux")
def test_file_names_of_any_bytes_have_distinct_text_ids_and_can_be_read(tmp_path):
    root = classes(tmp_path / "d", "cat", "dog")
    where = os.fsencode(root / "cat")
    for name in (b"caf\xe9.png", b"caf\\xe9.png", b"\xff\xfe.png", "猫.png".encode()):
        Path(os.fsdecode(os.path.join(where, name))).write_bytes(PICTURE)
    os.mkdir(os.fsencode(root) + b"/b\xeate")
    Path(os.fsdecode(os.fsencode(root) + b"/b\xeate/x.png")).write_bytes(PICTURE)
    ds = load(root)
    assert len(set(ds.ids)) == len(ds) == 9
    for text in [*ds.ids, *ds.classes, ds.reading, repr(ds)]:
        text.encode("utf-8")
    assert ds.problems.empty
    assert set(ds.ids) >= {"cat/caf\\xe9.png", "cat/caf\\xe9.png (2)", "cat/猫.png", "b\\xeate/x.png"}
    assert all(os.path.isfile(path) for path in ds.paths)
    assert ds.classes == ("b\\xeate", "cat", "dog")


def test_a_deep_tree_is_read(tmp_path):
    root = classes(tmp_path / "d", "cat", "dog")
    at = root / "dog"
    for _ in range(300):
        at = at / "a"
    grow(at, "x.png")
    assert len(load(root)) == 5


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="every folder can be opened here")
def test_a_folder_that_cannot_be_opened_is_said(tmp_path):
    root = classes(tmp_path / "d", "cat", "dog")
    (root / "dog" / "shut").mkdir(mode=0)
    with pytest.warns(UserWarning, match="1 folder that cannot be opened"):
        load(root)


_NAMES = "train test val Train unlabeled cat dog cow images labels annotations masks .git __MACOSX fold_0 fold_1 a b"
NAMES = st.sampled_from(_NAMES.split())
_FILES = {"1.png": PICTURE, "2.jpg": PICTURE, "3": PICTURE, "4.png": b"", "n.txt": b"x", "e": b"", "i.xml": b"x"}
_FILES |= {".DS_Store": b"x", "Thumbs.db": b"x", "health.json": b'{"schema": 1, "metrics": {}}', "m.csv": b"x"}
FILES = st.sampled_from(sorted(_FILES.items()))
TREES = st.lists(st.tuples(st.lists(NAMES, max_size=4), FILES), max_size=25)


@settings(max_examples=300, deadline=None)
@given(TREES, st.none() | st.frozensets(st.sampled_from(["cat", "dog", "train"]), min_size=1))
def test_every_file_is_a_sample_or_counted_once(tree, wanted):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "d"
        root.mkdir()
        for parts, (name, content) in tree:
            at = root.joinpath(*parts)
            at.mkdir(parents=True, exist_ok=True)
            (at / name).write_bytes(content)
        found, left, _ = scan(str(root))
        layout = recognise(found, wanted, left)
        counted = sum(count for kind, count in left.counts.items() if kind not in OF_FOLDERS)
        assert len(layout.samples) + counted == count_files(root)
        inside = [sample.inside for sample in layout.samples]
        assert len(set(inside)) == len(inside)
        assert all((root.joinpath(*parts)).is_file() for parts in inside)
        assert all(s.label is None or s.label in s.inside for s in layout.samples)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_a_folder_is_read_or_refused_with_dqkits_own_error(tree):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root = Path(folder) / "d"
        root.mkdir()
        for parts, (name, content) in tree:
            root.joinpath(*parts).mkdir(parents=True, exist_ok=True)
            root.joinpath(*parts, name).write_bytes(content)
        try:
            ds = load(root)
        except dq.InputError:
            return
        after = ds.reading.partition("left out: ")[2].split(")., ")[0]
        counts = [int(n.replace(",", "")) for n in re.findall(r"(?:^|, )([0-9,]+) (?!folders? )", after)]
        assert len(ds) + sum(counts) == count_files(root)
