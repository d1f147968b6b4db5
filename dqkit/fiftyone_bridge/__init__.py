"""FiftyOne as a second surface beside the notebook: push a workbench into it, pull the decisions made there.

FiftyOne itself is imported, and its database started, only when a function of this package is called.
"""

from __future__ import annotations

from .connection import connect
from .edits import Edit, acknowledge, discard, pull
from .samples import push
from .source import Source, from_fiftyone

__all__ = ["Edit", "Source", "acknowledge", "connect", "discard", "from_fiftyone", "pull", "push"]
