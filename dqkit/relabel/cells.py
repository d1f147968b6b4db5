"""Which cell of a notebook shows which widget, so that a widget whose cells are gone can be let go."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Protocol
from weakref import WeakKeyDictionary


class Shown(Protocol):
    """A widget."""

    def close(self) -> None:
        """Take it out of the kernel."""


class Cells:
    """The widgets that cells show.

    JupyterLab, Notebook 7 and VS Code send with each run of a cell its id, and the ids of the cells that were deleted.
    A run clears what the cell showed before. Where a front end sends neither, every widget is kept.
    """

    def __init__(self) -> None:
        self._cells: WeakKeyDictionary[Shown, dict[str, int]] = WeakKeyDictionary()  # cell -> the run that showed it

    def add(self, widget: Shown) -> None:
        """Note that the cell that runs now shows a widget; close the widgets that no cell shows any more."""
        run, told = _running()
        gone, cell = set(told.get("deletedCells") or ()), told.get("cellId")
        if cell is not None:
            self._cells.setdefault(widget, {})[str(cell)] = run
        for other, cells in list(self._cells.items()):
            for name in [name for name, at in cells.items() if name in gone or (name == cell and at != run)]:
                del cells[name]
            if not cells:
                del self._cells[other]
                other.close()


def _running() -> tuple[int, Mapping[str, Any]]:
    """The number of the run of a cell, and what the page said of it; nothing outside a kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    parent = getattr(getattr(shell, "kernel", None), "get_parent", None)
    if parent is None:
        return 0, {}
    told = (parent() or {}).get("metadata")
    return int(getattr(shell, "execution_count", 0)), told if isinstance(told, Mapping) else {}
