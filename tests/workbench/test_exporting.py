"""`Workbench.export` and `dqkit export`, on a workbench with answers and a round."""

from __future__ import annotations

import json
import os
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import dqkit as dq
from dqkit.cli import main
from dqkit.export import FORMATS
from tests.workbench.conftest import quick


@pytest.fixture
def answered(bench):
    bench.run_round(budget=10, estimators=quick(), folds=2, progress=False)
    bench.record(bench.dataset.ids[0], "green", annotator="ana", why="=looks(green)")
    return bench


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"folder", "yolo", "coco", "fiftyone"}))
def test_every_format_for_tables_is_written_and_says_its_rows(answered, tmp_path, format):
    written = answered.export(tmp_path / "out", format)
    assert (written.rows, written.path) == (240, tmp_path / "out")
    assert (tmp_path / "out").exists()
    assert f"240 rows as {format}" in repr(written)


def test_the_csv_says_what_was_given_what_is_now_and_who_said_why(answered, tmp_path):
    answered.export(tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv", dtype={"sample_id": str}).set_index("sample_id")
    first = table.loc[answered.dataset.ids[0]]
    assert [first["label"], first["source"], first["annotator"], first["why"]] == [
        "green",
        "human",
        "ana",
        "=looks(green)",
    ]
    names = np.array([*answered.dataset.classes, None], dtype=object)[answered.dataset.labels]
    assert table["given_label"].astype(object).where(table["given_label"].notna(), None).tolist() == names.tolist()
    assert {"x0", "x3", "error_probability", "suggested_label", "flags", "split"} <= set(table.columns)


def test_a_csv_for_spreadsheets_holds_no_formula(answered, tmp_path):
    answered.export(tmp_path / "out.csv", spreadsheet=True)
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert pd.read_csv(tmp_path / "out.csv")["why"].dropna().tolist() == ["'=looks(green)"]


@pytest.mark.parametrize("format", ["folder", "yolo", "coco", "fiftyone"])
def test_a_format_for_images_refuses_other_samples(answered, tmp_path, format):
    with pytest.raises(dq.InputError, match="holds images"):
        answered.export(tmp_path / "out", format)
    assert list(tmp_path.iterdir()) == [answered.path]


def test_a_path_inside_the_workbench_is_refused(answered):
    with pytest.raises(dq.InputError, match="outside the workbench"):
        answered.export(answered.path / "labels.csv")


def test_an_ending_of_another_format_is_refused(answered, tmp_path):
    with pytest.raises(dq.InputError, match="parquet"):
        answered.export(tmp_path / "out.parquet")


def test_cleanlab_scores_are_low_where_something_is_wrong(answered, tmp_path):
    answered.export(tmp_path / "issues.csv", "cleanlab")
    table = pd.read_csv(tmp_path / "issues.csv", dtype={"sample_id": str}).set_index("sample_id")
    signals = answered.rounds[-1].signals
    assert (table["is_label_issue"] == signals["label_flag"]).all()
    labelled = signals["given_label"].notna()
    assert np.allclose(table.loc[labelled, "label_score"], 1 - signals.loc[labelled, "label_score"])
    assert table.loc[~labelled, "label_score"].isna().all()


def test_the_shell_writes_the_same(answered, tmp_path, capsys):
    assert main(["export", str(answered.path), str(tmp_path / "shell.csv"), "--drop", "unlabeled"]) == 0
    said = capsys.readouterr().out
    answered.export(tmp_path / "python.csv", drop="unlabeled")
    assert (tmp_path / "shell.csv").read_bytes() == (tmp_path / "python.csv").read_bytes()
    left_out = int((answered.labels()["label"].isna()).sum())
    assert f"left out: {left_out:,} unlabeled" in said
    assert main(["export", str(answered.path), str(tmp_path / "shell.csv")]) == 2


def images(tmp_path):
    """Files as people have them: one name in two folders, a class that is no file name on Windows."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(rng.integers(0, 255, (9, 7, 3), dtype=np.uint8)).save(
                tmp_path / "photos" / name / f"{i}.png"
            )
    (tmp_path / "photos" / "unlabeled").mkdir()
    (tmp_path / "photos" / "cat" / "2.png").rename(tmp_path / "photos" / "unlabeled" / "0.png")
    return dq.from_folder(tmp_path / "photos", progress=False)


def test_a_folder_holds_the_original_files_under_their_new_classes(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    with dq.Workbench.create(tmp_path / "wb", images(tmp_path)) as bench:
        bench.record("cat/0.png", "dog", annotator="ana")
        bench.add_class("a/b", annotator="ana")
        bench.record("dog/1.png", "a/b", annotator="ana")
        bench.export(tmp_path / "out", "folder")
        found = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png")}
        assert found == {
            "train/cat/1.png",
            "train/dog/0.png",
            "train/dog/0-2.png",
            "train/dog/2.png",
            "train/a%2Fb/1.png",
            "unlabeled/0.png",
        }
        record = json.loads((tmp_path / "out" / "dqkit-export.json").read_text(encoding="utf-8"))
        assert record["folders"]["a%2Fb"] == "a/b"
        moved = next(name for name, sample in record["samples"].items() if sample == "cat/0.png")
        original = tmp_path / "photos" / "cat" / "0.png"
        assert (tmp_path / "out" / moved).read_bytes() == original.read_bytes()
        for way in ("hardlink", "symlink"):
            bench.export(tmp_path / way, "folder", files=way)
            assert (tmp_path / way / moved).samefile(original)
        with pytest.raises(dq.InputError, match="originals"):
            bench.export(tmp_path / "photos" / "out", "folder")


def test_a_missing_original_is_left_out_and_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    with dq.Workbench.create(tmp_path / "wb", images(tmp_path)) as bench:
        (tmp_path / "photos" / "dog" / "0.png").unlink()
        written = bench.export(tmp_path / "out", "yolo")
        assert written.dropped == {"unlabeled": 1, "file missing": 1}
        assert written.rows == 4
        assert "1 file missing" in repr(written)


@pytest.mark.parametrize("format", ["folder", "coco", "fiftyone"])
def test_an_export_of_images_brings_a_colleagues_labels_back(tmp_path, monkeypatch, format):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    dataset = images(tmp_path)
    with (
        dq.Workbench.create(tmp_path / "theirs", dataset) as theirs,
        dq.Workbench.create(tmp_path / "wb", dataset) as bench,
    ):
        theirs.record("cat/0.png", "dog", annotator="ben")
        theirs.record("unlabeled/0.png", "cat", annotator="ben")
        theirs.export(tmp_path / "out", format)
        bench.apply(tmp_path / "out", annotator="ben")
        assert bench.labels()["label"].to_dict() == theirs.labels()["label"].to_dict()
        assert len(bench.store.events()) == 2


def test_an_image_that_was_moved_to_another_class_by_hand_is_an_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    with dq.Workbench.create(tmp_path / "wb", images(tmp_path)) as bench:
        bench.export(tmp_path / "out", "folder")
        out = tmp_path / "out"
        (out / "train" / "dog" / "2.png").rename(out / "train" / "cat" / "2.png")
        (out / "train" / "cat" / "mine.png").write_bytes(b"x")
        found = bench.apply(out, annotator="ben").set_index("sample_id")
        assert found.loc["dog/2.png", ["label", "outcome"]].tolist() == ["cat", "recorded"]
        assert found.loc["train/cat/mine.png", "outcome"] == "not recorded"
        assert bench.labels().loc["dog/2.png", ["label", "annotator"]].tolist() == ["cat", "ben"]
        assert len(bench.store.events()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a file's name")
@pytest.mark.parametrize("format", ["csv", "parquet", "huggingface", "label_studio", "coco"])
def test_an_image_whose_name_is_no_utf8_is_exported_and_said(tmp_path, format):
    for label in ("cat", "dog"):
        (tmp_path / "in" / label).mkdir(parents=True)
        for i in range(2):
            Image.new("RGB", (8, 8), (90 * i, 0, 0)).save(tmp_path / "in" / label / f"{i}.png")
    odd = os.fsencode(tmp_path / "in" / "cat") + b"/caf\xe9.png"
    os.rename(os.fsencode(tmp_path / "in" / "cat" / "0.png"), odd)
    out = tmp_path / {"csv": "o.csv", "parquet": "o.parquet", "huggingface": "o"}.get(format, "o.json")
    with dq.Workbench.create(tmp_path / "wb", dq.from_folder(tmp_path / "in", progress=False)) as bench:
        bench.record("cat/caf\\xe9.png", "dog", annotator="ana")
        written = bench.export(out, format)
        assert (written.rows, written.dropped) == (4, {})
        assert "path of 1 image is no UTF-8" in repr(written)
        outcomes = bench.apply(out)["outcome"]
    assert set(outcomes) <= {"already there", "unchanged", "no answer"}
    if format == "csv":
        table = pd.read_csv(out).set_index("sample_id")
        assert table.loc["cat/caf\\xe9.png", ["label", "path"]].tolist() == [
            "dog",
            str(tmp_path / "in" / "cat" / "caf\\xe9.png"),
        ]


@pytest.mark.parametrize(
    ("name", "format"), [("o.xlsx", "csv"), ("o.csv.zip", "csv"), ("o.npy", "numpy"), ("o.parquet.gz", "parquet")]
)
def test_a_path_that_names_another_kind_of_file_is_refused(bench, tmp_path, name, format):
    with pytest.raises(dq.InputError, match="path ends in"):
        bench.export(tmp_path / name, format)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("drop", [None, 3])
def test_a_drop_that_is_no_list_is_refused(bench, tmp_path, drop):
    with pytest.raises(dq.InputError, match="drop must be a list"):
        bench.export(tmp_path / "o.csv", drop=drop)
