"""The part of `Workbench` that shows its work elsewhere: in FiftyOne and in the health report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dqkit.checks import kinds, takes

if TYPE_CHECKING:
    import pandas as pd

    from dqkit.workbench.state import State


class Elsewhere:
    """Methods of `Workbench`."""

    state: State

    def to_fiftyone(self, *, name: str | None = None) -> Any:
        """Push samples, labels, signals and the queue to FiftyOne. Pushing again updates the dataset there.

        Parameters
        ----------
        name : str, optional
            The name of the dataset in FiftyOne; by default the title of the workbench with the start of its id.

        Returns
        -------
        fiftyone.Dataset
            With the saved view "queue".

        Raises
        ------
        MissingExtra
            Where FiftyOne or its database is missing; the text names the command that installs it.
        """
        from dqkit.workbench import surfaces

        return surfaces.to_fiftyone(self.state, name=name)

    def open_fiftyone(self, *, name: str | None = None, port: int | None = None, annotator: str = "") -> Any:
        """Open the FiftyOne App on the queue, on this machine alone (127.0.0.1). Push first.

        Parameters
        ----------
        name : str, optional
            As in `to_fiftyone`.
        port : int, optional
            A free port by default.
        annotator : str
            Who answers in the App.

        Returns
        -------
        fiftyone.Session

        Raises
        ------
        InputError
            Where the dataset was not pushed.
        MissingExtra
            Where FiftyOne or its database is missing.
        """
        from dqkit.workbench import surfaces

        return surfaces.open_fiftyone(self.state, name=name, port=port, annotator=annotator)

    def from_fiftyone(self, *, name: str | None = None, annotator: str | None = None) -> pd.DataFrame:
        """Record what was changed in FiftyOne since the last push or pull.

        Parameters
        ----------
        name : str, optional
            As in `to_fiftyone`.
        annotator : str, optional
            Of edits made outside the queue panel, which asks for a name of its own; by default the one that
            `open_fiftyone` was given, else "fiftyone".

        Returns
        -------
        DataFrame
            One row an edit: sample_id, kind, label, previous, annotator, recorded (bool) and problem: why it was not
            recorded.

        Raises
        ------
        InputError, MissingExtra
            As in `open_fiftyone`.
        """
        from dqkit.workbench import surfaces

        return surfaces.from_fiftyone(self.state, name=name, annotator=annotator)

    @takes(path=kinds.path)
    def report(self, path: str | os.PathLike[str] = "health.html") -> Path:
        """Write the health report: HTML at `path`, the same as JSON beside it.

        Parameters
        ----------
        path : path
            The HTML file.

        Returns
        -------
        Path
            The HTML file.

        Raises
        ------
        InputError
            Where `path` ends in .json or its folder cannot be written to; what was there stays.
        """
        from dqkit.workbench import surfaces

        return surfaces.write_report(self.state, Path(path))
