from __future__ import annotations

import socket
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from dqkit.fiftyone_bridge import acknowledge, open_app, pull
from dqkit.fiftyone_bridge.app import _free_port, install_plugin, workspace
from dqkit.records import InputError

if TYPE_CHECKING:
    from .conftest import Pushed


def test_buttons_on_selected_samples_become_decisions(pushed: Pushed) -> None:
    from dqkit.fiftyone_bridge import operators

    target = pushed.push()
    keys = dict(zip(*target.values(["dqkit_id", "id"]), strict=True))
    assert operators.set_labels(target, {keys["s01"]: "eel", keys["s02"]: "eel", keys["s05"]: "cat"}) == 3  # s02 is one
    assert operators.accept_suggestions(target, [keys["s07"], keys["s03"]]) == 1  # s03 is not queued
    assert operators.confirm(target, [keys["s08"], keys["s00"]]) == 1  # s00 has no label to confirm
    edits = {edit.sample_id: (edit.label, edit.previous, edit.tag) for edit in pull(pushed.name)}
    assert edits == {
        "s01": ("eel", "dog", None),
        "s02": ("eel", "eel", "confirm"),
        "s05": ("cat", None, None),
        "s07": ("eel", "dog", None),
        "s08": ("eel", "eel", "confirm"),
    }
    acknowledge(pushed.name, pull(pushed.name))
    assert pull(pushed.name) == []


def test_the_plugin_is_found_by_fiftyone_and_written_once(
    fo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fiftyone.operators as operators
    import fiftyone.plugins as plugins

    monkeypatch.setattr(fo.config, "plugins_dir", str(tmp_path))
    folder = install_plugin(tmp_path)
    stamps = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    install_plugin(tmp_path)
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == stamps
    assert "@dqkit/relabel" in plugins.list_downloaded_plugins()
    names = {operator.name for operator in operators.list_operators(builtin=False)}
    assert {"label_selected", "accept_suggestions", "confirm_labels"} <= names


def test_the_workspace_names_its_active_panels_and_a_view_that_is_not_there_is_refused(
    fo: ModuleType, pushed: Pushed
) -> None:
    target = pushed.push()
    left = workspace(fo, target)
    for space in left.children:
        assert space.active_child == space.children[0].component_id
    with pytest.raises(InputError, match="'queue'"):
        open_app(pushed.name, view="nothere")


def test_a_port_of_someone_else_is_passed_over_or_refused(fo: ModuleType) -> None:
    with socket.socket() as theirs:
        theirs.bind(("127.0.0.1", 0))
        theirs.listen()
        taken = int(theirs.getsockname()[1])
        with pytest.raises(InputError, match=f"answers on {taken} already"):
            _free_port(taken, 5151)
        assert _free_port(None, taken) > taken
