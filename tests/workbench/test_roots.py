"""A workbench that was moved shows its originals: they are below a root that can be named, or beside it as before."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import dqkit as dq
from dqkit.workbench.media import shown_of
from dqkit.workbench.roots import common_root, moved


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("can", "jar"):
        folder = tmp_path / "there" / "photos" / name
        folder.mkdir(parents=True)
        for k in range(3):
            Image.fromarray(rng.integers(0, 255, (90, 80, 3), dtype=np.uint8)).save(folder / f"{k}.png")
    dataset = dq.from_folder(tmp_path / "there" / "photos", progress=False)
    dq.Workbench.create(tmp_path / "there" / "wb", dataset).close()
    return tmp_path


def originals(bench) -> list[bytes]:
    return [shown_of(bench.state, i).media for i in range(len(bench.dataset))]


def test_moved_together_the_originals_are_found_by_themselves(photos):
    with dq.Workbench.open(photos / "there" / "wb") as bench:
        before = originals(bench)
    shutil.move(photos / "there", photos / "elsewhere")
    with dq.Workbench.open(photos / "elsewhere" / "wb") as bench:
        assert originals(bench) == before
        assert all(str(path).startswith(str(photos / "elsewhere")) for path in bench.dataset.paths)


def test_a_workbench_that_was_sent_alone_takes_a_root_and_remembers_it(photos):
    with dq.Workbench.open(photos / "there" / "wb") as bench:
        before = originals(bench)
    shutil.move(photos / "there" / "wb", photos / "sent")
    shutil.move(photos / "there" / "photos", photos / "other name")
    with dq.Workbench.open(photos / "sent") as bench:
        assert originals(bench) != before
    with dq.Workbench.open(photos / "sent", root=photos / "other name") as bench:
        assert originals(bench) == before
    with dq.Workbench.open(photos / "sent") as bench:
        assert originals(bench) == before


def test_a_root_without_the_originals_is_refused_and_nothing_is_changed(photos):
    wb = photos / "there" / "wb"
    told = (wb / "project.json").read_text()
    (photos / "empty").mkdir()
    with pytest.raises(dq.InputError, match=r"holds none of the 6 files"):
        dq.Workbench.open(wb, root=photos / "empty")
    assert (wb / "project.json").read_text() == told


def test_samples_that_are_no_files_have_no_root(tmp_path):
    dq.Workbench.create(tmp_path / "wb", dq.from_arrays([[0.1], [0.9]] * 3, ["a", "b"] * 3)).close()
    with pytest.raises(dq.InputError, match="root must be left out"):
        dq.Workbench.open(tmp_path / "wb", root=tmp_path)


def test_a_workbench_of_an_older_dqkit_takes_a_root_too(photos):
    wb = photos / "there" / "wb"
    told = json.loads((wb / "project.json").read_text())
    del told["originals"]
    (wb / "project.json").write_text(json.dumps(told))
    shutil.move(photos / "there" / "photos", photos / "moved")
    with dq.Workbench.open(wb, root=photos / "moved") as bench:
        assert all(shown_of(bench.state, i).media for i in range(6))


def test_paths_written_on_windows_are_read_here_and_the_other_way_round(tmp_path):
    written = np.array([r"D:\data\photos\can\1.png", r"D:\data\photos\jar\2.png", None], dtype=object)
    assert common_root(written) == r"D:\data\photos"
    here = moved(written, common_root(written), tmp_path)
    assert here.tolist() == [str(tmp_path / "can" / "1.png"), str(tmp_path / "jar" / "2.png"), None]
    assert common_root(np.array(["relative/1.png"])) == ""
    assert common_root(np.array([r"C:\a\1.png", r"D:\a\1.png"])) == ""
    assert common_root(np.array([r"\\server\share\a\1.png", r"\\server\share\b\1.png"])) == "\\\\server\\share\\"
