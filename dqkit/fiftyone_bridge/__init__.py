"""FiftyOne as a second surface beside the notebook: push a workbench into it, pull the decisions made there.

FiftyOne itself is imported, and its database started, only when a function of this package is called.
"""

from __future__ import annotations

from dqkit.fiftyone_bridge.app import open_app
from dqkit.fiftyone_bridge.brain import brain_signals
from dqkit.fiftyone_bridge.connection import connect
from dqkit.fiftyone_bridge.edits import Edit, acknowledge, added_classes, discard, pull
from dqkit.fiftyone_bridge.samples import push
from dqkit.fiftyone_bridge.sessions import close_app, refresh_apps
from dqkit.fiftyone_bridge.source import from_fiftyone

__all__ = [
    "Edit",
    "acknowledge",
    "added_classes",
    "brain_signals",
    "close_app",
    "connect",
    "discard",
    "from_fiftyone",
    "open_app",
    "pull",
    "push",
    "refresh_apps",
]
