from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import pytest

from dqkit.export import publishing
from dqkit.records import InputError, StoreError


def fill(text="x"):
    def write(folder):
        (folder / "inner").mkdir()
        (folder / "inner" / "a.txt").write_text(text)
        return {"format": "folder"}

    return write


def test_a_failure_half_way_leaves_nothing_behind(tmp_path):
    def write(partial):
        fill()(partial)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        publishing.folder(tmp_path / "out", write, overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_leaves_the_earlier_export_as_it_was(tmp_path):
    publishing.folder(tmp_path / "out", fill("old"), overwrite=False)

    def write(partial):
        fill("new")(partial)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publishing.folder(tmp_path / "out", write, overwrite=True)
    assert (tmp_path / "out" / "inner" / "a.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_earlier_export_is_replaced_only_when_asked(tmp_path):
    publishing.folder(tmp_path / "out", fill("old"), overwrite=False)
    with pytest.raises(InputError, match="exists"):
        publishing.folder(tmp_path / "out", fill("new"), overwrite=False)
    publishing.folder(tmp_path / "out", fill("new"), overwrite=True)
    assert (tmp_path / "out" / "inner" / "a.txt").read_text() == "new"


@pytest.mark.parametrize("place", ["mine.txt", "inner/mine.txt"])
def test_a_file_that_dqkit_did_not_write_is_never_deleted(tmp_path, place):
    publishing.folder(tmp_path / "out", fill(), overwrite=False)
    (tmp_path / "out" / place).write_text("precious")
    with pytest.raises(InputError, match=r"mine\.txt"):
        publishing.folder(tmp_path / "out", fill(), overwrite=True)
    assert (tmp_path / "out" / place).read_text() == "precious"


def test_a_folder_that_is_no_export_is_never_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="only folders that dqkit exported"):
        publishing.folder(tmp_path / "out", fill(), overwrite=True)
    assert (tmp_path / "out" / "thesis.tex").read_text() == "precious"


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    def write(partial):
        partial.write_text("some")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreError, match="disk is full"):
        publishing.file(tmp_path / "out.csv", write, overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_when_asked_and_a_folder_never_by_a_file(tmp_path):
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(InputError, match="exists"):
        publishing.file(tmp_path / "out.csv", lambda p: p.write_text("new"), overwrite=False)
    publishing.file(tmp_path / "out.csv", lambda p: p.write_text("new"), overwrite=True)
    assert (tmp_path / "out.csv").read_text() == "new"
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="must name a file"):
        publishing.file(tmp_path / "folder", lambda p: p.write_text("new"), overwrite=True)


def test_a_path_inside_what_must_stay_is_refused_also_through_a_link(tmp_path):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    os.symlink(tmp_path / "photos", tmp_path / "door")
    for path in (tmp_path / "photos" / "out", tmp_path / "door" / "cat" / "out", tmp_path / "photos"):
        with pytest.raises(InputError, match="outside"):
            publishing.target(path, forbidden=[tmp_path / "photos"])
    assert publishing.target(tmp_path / "photos-2", forbidden=[tmp_path / "photos"]) == tmp_path / "photos-2"


@pytest.mark.parametrize("path", ["", "  ", None, 3, b"x", "a\0b", "~nobody-of-this-name/x"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(InputError):
        publishing.target(path, forbidden=[])


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert publishing.target("~/out.csv", forbidden=[]) == tmp_path / "out.csv"


def test_two_writers_of_one_process_do_not_delete_each_other_s_parts(tmp_path):
    def write(outer):
        fill("first")(outer)
        with pytest.raises(StoreError):
            publishing.folder(tmp_path / "out", refused, overwrite=False)
        return {"format": "folder"}

    def refused(inner):
        raise OSError(errno.ENOSPC, "full")

    publishing.folder(tmp_path / "out", write, overwrite=False)
    assert (tmp_path / "out" / "inner" / "a.txt").read_text() == "first"


def test_the_longest_name_that_a_file_system_takes_can_be_written_and_replaced(tmp_path):
    for name in ("z" * 255, "é" * 127):
        publishing.folder(tmp_path / name, fill("old"), overwrite=False)
        publishing.folder(tmp_path / name, fill("new"), overwrite=True)
        assert (tmp_path / name / "inner" / "a.txt").read_text() == "new"


def test_a_record_that_somebody_else_wrote_lets_nothing_be_replaced(tmp_path):
    publishing.folder(tmp_path / "out", fill("old"), overwrite=False)
    for written in ([{}], [1], "inner/a.txt", None):
        (tmp_path / "out" / publishing.RECORD).write_text(json.dumps({"dqkit": "export", "written": written}))
        with pytest.raises(InputError, match="Nothing was changed"):
            publishing.folder(tmp_path / "out", fill("new"), overwrite=True)
    assert (tmp_path / "out" / "inner" / "a.txt").read_text() == "old"


KILLED = """
import os, sys
from pathlib import Path
from dqkit.export import publishing

def write(folder):
    (folder / "half.txt").write_text("half")
    os._exit(9)

publishing.folder(Path(sys.argv[1]), write, overwrite=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="there, nobody can be asked whether a process still runs")
def test_what_a_killed_export_left_goes_with_the_next_export_and_nothing_else(tmp_path):
    out = tmp_path / "out"
    assert subprocess.run([sys.executable, "-c", KILLED, str(out)], check=False).returncode == 9
    left = [p.name for p in tmp_path.iterdir()]
    assert len(left) == 1
    mine = [tmp_path / ".out.partial", tmp_path / ".out.12-aa.partial", tmp_path / left[0].replace(".out.", ".out2.")]
    running = tmp_path / left[0].replace(left[0].split(".")[2].split("-")[0], str(os.getpid()))
    for file in (*mine, running):
        file.write_text("mine")
    publishing.folder(out, fill(), overwrite=False)
    assert sorted(tmp_path.iterdir()) == sorted([*mine, running, out])


@pytest.mark.skipif(os.name == "nt", reason="there, nobody can be asked whether a process still runs")
def test_an_export_that_was_moved_aside_when_the_process_was_killed_comes_back(tmp_path):
    out = tmp_path / "out"
    publishing.folder(out, fill("old"), overwrite=False)
    stop = (
        "rename = os.rename\ndef once(a, b):\n    rename(a, b)\n    os._exit(9)\nos.rename = once\npublishing.folder("
    )
    killed = KILLED.replace("os._exit(9)", "return {}").replace("publishing.folder(", stop)
    assert subprocess.run([sys.executable, "-c", killed, str(out)], check=False).returncode == 9
    assert not out.exists()
    with pytest.raises(InputError, match="exists"):
        publishing.folder(out, fill("new"), overwrite=False)
    assert (out / "inner" / "a.txt").read_text() == "old"
    publishing.folder(out, fill("new"), overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
