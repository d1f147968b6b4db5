"""The FiftyOne App on a pushed dataset: the queue in view, the map beside it, dqkit's buttons above the grid."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

from dqkit.fiftyone_bridge.connection import connect
from dqkit.fiftyone_bridge.feature_map import MAP_KEY
from dqkit.fiftyone_bridge.samples import owned
from dqkit.fiftyone_bridge.views import QUEUE_VIEW
from dqkit.records import InputError, MissingExtra

LOCAL = "127.0.0.1"
# FiftyOne reads plugins from a folder of the user's; these two files only point at what is installed with dqkit.
PLUGIN_FILES = {
    "fiftyone.yml": (
        'name: "@dqkit/relabel"\ndescription: "Label, confirm and take suggestions for the selected samples"\n'
        'version: "1.0.0"\nfiftyone:\n  version: "*"\noperators:\n'
        "  - label_selected\n  - accept_suggestions\n  - confirm_labels\n"
    ),
    "__init__.py": "from dqkit.fiftyone_bridge.operators import register\n",
}


def open_app(
    name: str,
    *,
    view: str | None = QUEUE_VIEW,
    port: int | None = None,
    auto: bool = True,
    owner: str = "",
    uri: str | None = None,
) -> Any:
    """The `fiftyone.Session` of the App, served on 127.0.0.1 alone, showing the saved view (None: all samples).

    port: 5151 when left out. auto: in a notebook, show the App below the cell; else open a browser tab.
    The App gets three buttons for the selected samples: label, accept suggestions, confirm. What is answered with them,
    with the App's own editor or with the tags "skip" and "flag" reaches the journal with the next pull.
    Raises `InputError` when the dataset or view is not there, and `MissingExtra` when FiftyOne is not.

    >>> session = open_app("digits")  # doctest: +SKIP
    """
    fo = connect(uri)
    target = owned(fo, name, owner)
    if view is not None and view not in target.list_saved_views():
        raise InputError(f"the 'view' argument must be one of {target.list_saved_views()} or None; got {view!r}.")
    install_plugin(Path(fo.config.plugins_dir))
    shown = target.view() if view is None else target.load_saved_view(view)
    try:
        return fo.launch_app(view=shown, spaces=workspace(fo, target), port=port, address=LOCAL, auto=auto)
    except fo.core.service.ServiceListenTimeout as error:
        raise MissingExtra(
            f"FiftyOne's App did not start on port {port or fo.config.default_app_port} within a minute. Call open_app "
            "again, with another 'port' if that one is taken."
        ) from error


def install_plugin(plugins: Path) -> Path:
    """The folder of dqkit's FiftyOne plugin inside the given plugins folder, written if it is not there or differs."""
    folder = plugins / "@dqkit" / "relabel"
    for file, text in PLUGIN_FILES.items():
        if not (folder / file).is_file() or (folder / file).read_text() != text:
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f"{file}.{os.getpid()}.part"
            part.write_text(text)
            os.replace(part, folder / file)
    return folder


def workspace(fo: ModuleType, target: Any) -> Any:
    """The samples, and beside them the map coloured by label where one was pushed."""
    samples = fo.Panel(type="Samples", pinned=True)
    left = fo.Space(children=[samples], active_child=samples.component_id)
    if not target.has_brain_run(MAP_KEY):
        return left
    state = {"brainResult": MAP_KEY, "colorByField": "label.label"}
    points = fo.Panel(type="Embeddings", state=state)
    right = fo.Space(children=[points], active_child=points.component_id)
    return fo.Space(children=[left, right], orientation="horizontal", sizes=[0.6, 0.4])
