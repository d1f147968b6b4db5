"""The FiftyOne App on a pushed dataset: the queue in view, the map beside it, dqkit's buttons above the grid."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

from dqkit.fiftyone_bridge.connection import connect
from dqkit.fiftyone_bridge.feature_map import MAP_KEY
from dqkit.fiftyone_bridge.samples import owned
from dqkit.fiftyone_bridge.sessions import LOCAL, free_port, serve
from dqkit.fiftyone_bridge.views import QUEUE_VIEW
from dqkit.files import write_text
from dqkit.records import InputError, MissingExtra

# FiftyOne reads plugins from a folder of the user's; the Python one only points at what is installed with dqkit.
PLUGIN_YML = """\
name: "@dqkit/relabel"
description: "Answer the queue from the keyboard; label, confirm and take suggestions for the selected samples"
version: "1.1.0"
fiftyone:
  version: "*"
js_bundle: index.js
operators:
  - label_selected
  - accept_suggestions
  - confirm_labels
  - queue_messages
panels:
  - DqkitQueue
"""
PANEL = "DqkitQueue"


def open_app(
    name: str,
    *,
    view: str | None = QUEUE_VIEW,
    port: int | None = None,
    auto: bool = True,
    annotator: str = "",
    owner: str = "",
    uri: str | None = None,
) -> Any:
    """Open FiftyOne's App on a dataset, served on 127.0.0.1 alone.

    Parameters
    ----------
    name, owner, uri
        As in `push`.
    view : str or None
        The saved view to show; None: all samples.
    port : int, optional
        By default the one this dataset was shown on last if it is free, else 5151 or the next free one.
    auto : bool
        In a notebook, show the App below the cell; elsewhere open a browser tab.
    annotator : str
        The name that the queue and the buttons propose. The person can enter another.

    Returns
    -------
    fiftyone.Session
        `close_app` ends it and its server. Its `url` opens the App in a browser, once, within ten minutes.

    Raises
    ------
    InputError
        Where the dataset or view is not there.
    MissingExtra
        Where FiftyOne is not there.

    Notes
    -----
    The App opens on the labelling queue, with the keys of the notebook's labeller, beside the grid and the map. The
    grid has three buttons for the selected samples: label, accept suggestions, confirm. Answers reach the journal with
    the next pull. If the App was killed, an open page says so, keeps the answers that were not saved yet, and goes on
    once `open_app` runs again on the same port. No page asks another machine for anything. The server answers only its
    own pages and this process: they know its key (see "What dqkit promises" in the documentation).

    Examples
    --------
    >>> session = open_app("digits")  # doctest: +SKIP
    """
    fo = connect(uri)
    target = owned(fo, name, owner)
    if view is not None and view not in target.list_saved_views():
        raise InputError(f"the 'view' argument must be one of {target.list_saved_views()} or None; got {view!r}.")
    port = free_port(port, name, fo.config.default_app_port, last=target.info["dqkit"].get("port"))
    target.info["dqkit"].update({"port": port, **({"annotator": annotator} if annotator else {})})
    target.save()
    install_plugin(Path(fo.config.plugins_dir))
    shown = target.view() if view is None else target.load_saved_view(view)
    try:
        serve(fo, port)
        with _without_address():
            return fo.launch_app(view=shown, spaces=workspace(fo, target), port=port, address=LOCAL, auto=auto)
    except fo.core.service.ServiceListenTimeout as error:
        raise MissingExtra(
            f"FiftyOne's App did not start on port {port} in time. Call open_app again, or with another 'port'."
        ) from error


@contextmanager
def _without_address() -> Iterator[None]:
    """Without FiftyOne's line that names an address: without a ticket, the page there opens nothing."""
    log = logging.getLogger("fiftyone.core.session.session")
    log.addFilter(_is_no_address)
    try:
        yield
    finally:
        log.removeFilter(_is_no_address)


def _is_no_address(record: logging.LogRecord) -> bool:
    return "Point your web browser to" not in record.getMessage()


def install_plugin(plugins: Path) -> Path:
    """The folder of dqkit's FiftyOne plugin inside the given plugins folder, written if it is not there or differs."""
    folder = plugins / "@dqkit" / "relabel"
    entry = "from dqkit.fiftyone_bridge.operators import register\n"
    for file, text in {"fiftyone.yml": PLUGIN_YML, "__init__.py": entry, "index.js": panel_script()}.items():
        if not (folder / file).is_file() or (folder / file).read_text("utf-8") != text:
            folder.mkdir(parents=True, exist_ok=True)
            write_text(folder / file, text, durable=False)
    return folder


def panel_script() -> str:
    """The one script of the plugin: the notebook's labeller, the styles, and the panel around them."""
    from dqkit.relabel.labeler import script, stylesheet

    own = files(__package__) / "plugin"
    style = stylesheet() + (own / "panel.css").read_text("utf-8")
    before, _, exported = script().rpartition("export default")
    labeler = f"{before}return{exported}"
    parts = [
        f"const labeler = (() => {{\n{labeler}\n}})();",
        f"const STYLE = {json.dumps(style)};",
        (own / "panel.js").read_text("utf-8"),
    ]
    return "(() => {\n" + "\n".join(parts) + "\n})();\n"


def workspace(fo: ModuleType, target: Any) -> Any:
    """The labelling queue, and beside it the grid; behind the grid the map coloured by label, where one was pushed."""
    queue = fo.Panel(type=PANEL)
    left = fo.Space(children=[queue], active_child=queue.component_id)
    samples = fo.Panel(type="Samples", pinned=True)
    shown = [samples]
    if target.has_brain_run(MAP_KEY):
        # FiftyOne 1.22 keeps to itself which map its panel shows, and lists this one; older ones open it.
        shown.append(fo.Panel(type="Embeddings", state={"brainResult": MAP_KEY, "colorByField": "label.label"}))
    # Without `active_child` the App shows an empty space.
    right = fo.Space(children=shown, active_child=samples.component_id)
    return fo.Space(children=[left, right], orientation="horizontal", sizes=[0.6, 0.4])
