"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dqkit as dq
from dqkit.datasets.paths import local_path
from dqkit.files import text_of


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert local_path("folder", "~/pictures") == tmp_path / "pictures"
    assert local_path("folder", Path("~")) == tmp_path


def test_a_folder_whose_own_name_starts_with_a_tilde_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~nobody_of_this_name").mkdir()
    assert local_path("folder", "~nobody_of_this_name").is_dir()


@pytest.mark.parametrize("value", [None, 3, b"photos", "", "  ", "a\0b", ["a"], "~nobody_of_this_name/photos"])
def test_what_is_no_path_is_refused_with_the_arguments_name(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dq.InputError, match="folder must be a path"):
        local_path("folder", value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cat.png", "cat.png"),
        ("café", "café"),
        ("caf\udce9", "caf\\xe9"),
        ("猫\udcff", "猫\\xff"),
        ("a\ud800", "a\\ud800"),
    ],
)
def test_a_name_of_any_bytes_becomes_text(name, text):
    assert text_of(name) == text


def test_a_workbench_keeps_the_reading_the_groups_and_paths_of_any_bytes(tmp_path):
    from dataclasses import replace

    ds = dq.from_arrays(np.zeros((3, 4, 4), dtype=np.uint8), ["a", "b", "a"], groups=["P1", None, 2])
    ds = replace(ds, reading="3 pictures.", paths=np.array(["/x/caf\udce9.png", "/x/b.png", "/x/猫.png"], dtype=object))
    dq.Workbench.create(tmp_path / "w", ds).close()
    with dq.Workbench.open(tmp_path / "w") as bench:
        again = bench.dataset
    assert again.reading == "3 pictures."
    assert again.groups.tolist() == ["P1", None, "2"]
    assert again.paths.tolist() == ds.paths.tolist()
    assert repr(again).endswith("\n3 pictures.")
    assert again.take([2, 0]).groups.tolist() == ["2", "P1"]
    with pytest.raises(dq.InputError, match="groups must have one entry"):
        dq.from_arrays(np.zeros((3, 4, 4), dtype=np.uint8), ["a", "b", "a"], groups=["P1"])
