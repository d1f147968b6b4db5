from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from dqkit.fiftyone_bridge import acknowledge, open_app, pull
from dqkit.fiftyone_bridge.app import install_plugin, workspace
from dqkit.fiftyone_bridge.sessions import free_port
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
            free_port(taken, "animals", 5151)
        assert free_port(None, "animals", taken, last=taken) > taken


def test_an_app_of_our_own_is_joined_for_the_same_dataset_only(fo: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from fiftyone.core.session import session

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = int(server.getsockname()[1])
        shown = SimpleNamespace(dataset=SimpleNamespace(name="animals"))
        monkeypatch.setitem(session._server_services, port, SimpleNamespace(local_only=True))
        monkeypatch.setitem(session._subscribed_sessions, port, [shown])
        assert free_port(None, "animals", port) == port
        assert free_port(None, "plants", port) > port  # it would take the page away from the animals
        assert free_port(port, "plants", 5151) == port  # unless that is what was asked for
        monkeypatch.setitem(session._server_services, port, SimpleNamespace())  # FiftyOne's own, which asks Google
        with pytest.raises(InputError, match="answers on"):
            free_port(port, "animals", 5151)


def test_no_form_of_a_button_has_radio_buttons_whose_arrow_keys_would_change_the_label(pushed: Pushed) -> None:
    from dqkit.fiftyone_bridge import operators

    target = pushed.push()
    context = SimpleNamespace(dataset=target, selected=[target.first().id])
    for button in operators.LabelSelected(), operators.AcceptSuggestions(), operators.ConfirmLabels():
        form = button.resolve_input(context).to_json()
        assert "RadioGroup" not in str(form["view"]["name"])
        views = [field["view"]["name"] for field in form["type"]["properties"].values() if field["view"]]
        assert "RadioView" not in views
        assert ("AutocompleteView" in views) == button.asks


@pytest.mark.slow
def test_an_app_on_a_database_of_ones_own_shows_what_is_there(fo: ModuleType, pushed: Pushed, tmp_path: Path) -> None:
    pushed.push()
    code = f"""
import json, urllib.request
from dqkit.fiftyone_bridge.connection import connect
uri = {os.environ["FIFTYONE_DATABASE_URI"]!r}
fo = connect(uri)
from fiftyone.core.session.session import Session
Session.open_tab = lambda self: None
fo.config.plugins_dir = {str(tmp_path / "plugins")!r}
from dqkit.fiftyone_bridge import close_app, open_app
from dqkit.fiftyone_bridge.admission import key_of
from dqkit.guard import HEADER
session = open_app({pushed.name!r}, annotator="ana", uri=uri)
ask = {{"operator_uri": "@dqkit/relabel/queue_messages", "dataset_name": {pushed.name!r}, "params": {{}}}}
at = f"http://127.0.0.1:{{session.server_port}}/operators/execute"
headers = {{"Content-Type": "application/json", HEADER: key_of(session.server_port)}}
request = urllib.request.Request(at, json.dumps(ask).encode(), headers)
print(json.load(urllib.request.urlopen(request))["result"]["annotator"])
close_app(session)
"""
    names = ("FIFTYONE_PRIVATE_DATABASE_PORT", "FIFTYONE_DATABASE_URI", "FIFTYONE_PLUGINS_DIR")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=180, check=False)
    assert done.stdout.strip().splitlines()[-1:] == ["ana"], done.stderr
