"""The part of `Workbench` that shows its work elsewhere: in FiftyOne and in the health report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from dqkit.workbench.state import State


class Elsewhere:
    """Methods of `Workbench`."""

    state: State

    def to_fiftyone(self, *, name: str | None = None) -> Any:
        """The `fiftyone.Dataset` with samples, labels, signals and the view "queue"; pushing again updates it.

        Raises `MissingExtra` where FiftyOne or its database is missing, with the command that mends it.
        """
        from dqkit.workbench import surfaces

        return surfaces.to_fiftyone(self.state, name=name)

    def open_fiftyone(self, *, name: str | None = None, port: int | None = None, annotator: str = "") -> Any:
        """The `fiftyone.Session` of the App on the queue, on 127.0.0.1, answers as `annotator`; push first."""
        from dqkit.workbench import surfaces

        return surfaces.open_fiftyone(self.state, name=name, port=port, annotator=annotator)

    def from_fiftyone(self, *, name: str | None = None, annotator: str | None = None) -> pd.DataFrame:
        """Record what was changed in FiftyOne since the last push or pull; returns the new events, one row each.

        annotator: of edits made outside the queue panel, which asks for a name of its own; by default the one that
        `open_fiftyone` was given, else "fiftyone".
        """
        from dqkit.workbench import surfaces

        return surfaces.from_fiftyone(self.state, name=name, annotator=annotator)

    def report(self, path: str | os.PathLike[str] = "health.html") -> Path:
        """Write the health report: HTML at `path`, the same as JSON beside it; returns the path of the HTML."""
        from dqkit.workbench import surfaces

        return surfaces.write_report(self.state, Path(path))
