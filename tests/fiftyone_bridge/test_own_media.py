"""/media hands out what a sample names, letter by letter."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from dqkit.fiftyone_bridge.own_media import OwnMedia, named_by_a_sample

from ..guard.asking import ask, echo

if TYPE_CHECKING:
    from .conftest import Pushed


def status(named: Any, path: str, *, method: str = "GET", at: str = "/media") -> int:
    return ask(OwnMedia(echo, named), method, at, {}, query=f"filepath={quote(path)}").status


def test_only_a_named_file_is_passed_on() -> None:
    named = {"/data/a b.png"}.__contains__
    assert status(named, "/data/a b.png") == 200
    assert status(named, "/data/a b.png", method="HEAD") == 200
    for method in ("GET", "HEAD", "POST"):
        assert status(named, "/etc/passwd", method=method) == 404
    for path in ("/data/../data/a b.png", "/data//a b.png", "/DATA/a b.png", "/data/a b.png/", "data/a b.png", ""):
        assert status(named, path) == 404
    assert status(named, "/etc/passwd", at="/media/") == 404
    assert ask(OwnMedia(echo, named), "GET", "/media", {}).status == 404
    two = "filepath=%2Fdata%2Fa%20b.png&filepath=%2Fetc%2Fpasswd"
    assert ask(OwnMedia(echo, named), "GET", "/media", {}, query=two).status == 404
    assert ask(OwnMedia(echo, named), "GET", "/graphql", {}).status == 200


def test_a_picture_that_is_a_page_runs_no_script_of_its_own() -> None:
    found = ask(OwnMedia(echo, lambda _: True), "GET", "/media", {}, query="filepath=%2Fdata%2Fa.svg")
    assert found.all("content-security-policy") == ["sandbox"]
    assert ask(OwnMedia(echo, lambda _: True), "GET", "/page", {}).all("content-security-policy") == []


def test_what_lies_beside_a_picture_or_is_linked_into_its_folder_is_no_picture(pushed: Pushed, tmp_path: Path) -> None:
    target = pushed.push()
    named = named_by_a_sample()
    own = Path(target.first().filepath)
    (own.parent / "notes.txt").write_text("beside")
    (tmp_path / "secret.txt").write_text("outside")
    os.symlink(tmp_path / "secret.txt", own.parent / "link.png")
    assert all(named(path) for path in target.values("filepath"))
    odd = own.parent / ".." / own.parent.name / own.name
    for path in (own.parent / "notes.txt", own.parent / "link.png", tmp_path / "secret.txt", own.parent, odd):
        assert not named(str(path))


@pytest.mark.slow
def test_other_media_fields_and_datasets_are_known(fo: ModuleType, pushed: Pushed) -> None:
    pushed.push()
    theirs = fo.Dataset()
    theirs.add_sample(fo.Sample(filepath="/theirs/one.png", small="/theirs/small.png", other="/theirs/other.png"))
    named = named_by_a_sample()
    assert named("/theirs/one.png")
    assert not named("/theirs/small.png")
    theirs.app_config.media_fields = ["filepath", "small"]
    theirs.save()
    assert named("/theirs/small.png")
    assert not named("/theirs/other.png")
    theirs.delete()
    assert not named("/theirs/one.png")
