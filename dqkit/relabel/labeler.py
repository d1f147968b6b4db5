"""The widget: a small class with few synced traits beside its JavaScript and CSS.

It carries the messages of `protocol` over the comm; its handlers may run on any thread (JupyterLab's comm subshells).
"""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

from dqkit.records import InputError

from .cards import CardSource
from .cells import Cells
from .messages import name_of
from .protocol import Desk, replies

SCRIPTS = (
    *("element.js", "codes.js", "keys.js", "storage.js", "state.js", "single.js", "kernel.js", "classes.js", "grid.js"),
    *("reduce.js", "exhibit.js", "why.js", "view.js", "gridview.js", "team.js", "pointer.js", "labeler.js", "start.js"),
)
shown_by = Cells()
STYLES = ("frame.css", "sample.css", "controls.css", "grid.css", "team.css")


@cache
def script() -> str:
    """The page's scripts as one ES module: joined in order, their imports of one another dropped.

    anywidget takes one module. Only names that begin a line with `export` or import a sibling are touched, so each
    file stays a module of its own for node's test runner.
    """
    parts = [(files(__package__) / "static" / name).read_text("utf-8") for name in SCRIPTS]
    joined = "\n".join(re.sub(r'^import .* from "\./.*";\n', "", part, flags=re.MULTILINE) for part in parts)
    return re.sub(r"^export (?!default)", "", joined, flags=re.MULTILINE)


@cache
def stylesheet() -> str:
    """The widget's CSS."""
    return "\n".join((files(__package__) / "static" / name).read_text("utf-8") for name in STYLES)


class Labeler(anywidget.AnyWidget):
    """A widget in which a person answers a queue from the keyboard.

    Parameters
    ----------
    source : CardSource
        The queue, and where answers become durable.
    annotator : str
        A name, written on every answer. Without one the page asks for it once and remembers it in that browser.
    key : str
        Names the queue and must be the same after a restart of the kernel (a workbench passes its own id). Answers that
        are not durable yet wait in the page under this key and are sent again. Without it they survive a reload of the
        page, but not a restart of the kernel.
    prefetch : int
        How many samples the page holds ahead, at least 1.

    Raises
    ------
    InputError
        Before anything is shown.

    Notes
    -----
    Keys: 1-9 and 0 choose the classes in the order shown. With more than ten classes two letters choose the others, and
    / searches them. Enter takes the suggestion, which is the most probable label: it keeps the given one or changes it,
    and the button says which. k keeps the given label, Space skips, f flags, Backspace undoes, ? shows what the
    suggestion rests on, n adds a note, z zooms, g shows the grid, + adds a class, p shows how the annotators agree,
    Escape leaves. In the grid Enter confirms a page, k keeps all its given labels, x takes a sample out.

    It is registered with the kernel when it is first shown, and no longer once the cell that shows it was run again or
    deleted, or its workbench closed: whatever is registered is held in memory.

    It runs in JupyterLab 4, Notebook 7 and marimo. In VS Code and Colab it runs through their ipywidgets support.
    There, answers given while a cell runs wait in the page until it ends ("3 not saved yet"), and key combinations that
    the application itself uses (such as Ctrl+S) go to the application. An exported notebook shows a summary.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    annotator = traitlets.Unicode().tag(sync=True)
    _storage = traitlets.Unicode().tag(sync=True)
    _prefetch = traitlets.Int(24).tag(sync=True)
    _summary = traitlets.Unicode().tag(sync=True)
    _may_open = False

    def __init__(self, source: CardSource, *, annotator: str | None = None, key: str = "", prefetch: int = 24) -> None:
        if not len(source.classes):
            raise InputError("the 'source' argument must have classes to choose from; got none.")
        if prefetch < 1:
            raise InputError(f"the 'prefetch' argument must be at least 1; got {prefetch}.")
        name = "" if annotator is None else name_of(annotator)
        self._source = source
        super().__init__(
            annotator=name,
            _storage=f"dqkit/{key}" if key else f"dqkit-once/{uuid.uuid4().hex}",
            _prefetch=prefetch,
            _esm=script(),
            _css=stylesheet(),
        )
        self._summary = self._sentence()
        self.on_msg(self._receive)

    def open(self) -> None:
        """Register with the kernel; ipywidgets asks for it when a widget is made, which is too early."""
        if self._may_open:
            self.layout.open()  # a widget of its own
            super().open()

    @property
    def model_id(self) -> str | None:
        """What a page knows the widget by; it is registered by then."""
        self._may_open = True
        self.open()
        found: str | None = super().model_id
        return found

    def close(self) -> None:
        """Take it off the page and out of the kernel. Shown again, it is there again."""
        if self._may_open:
            self.layout.close()
        self._may_open = False
        super().close()
        self.__dict__.pop("_repr_mimebundle_", None)  # ipywidgets puts None there for good

    def _receive(self, _widget: Any, message: dict[str, Any], _buffers: list[Any]) -> None:
        for reply, buffers in replies(Desk(self._source, self.annotator), message):
            self.send(reply, buffers)

    def _sentence(self) -> str:
        answered, total = self._source.progress()
        who = f"; annotator: {self.annotator}" if self.annotator else ""
        return f"{answered:,} of {total:,} samples answered{who}."

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The live widget, and beside it a static summary for notebooks that are exported or shown without a kernel."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, *rest = bundle if isinstance(bundle, tuple) else (bundle,)
        names = ", ".join(html.escape(str(name)) for name in list(self._source.classes)[:20])
        summary = (
            '<div class="dqkit-labeler-summary"><p><strong>Labelling queue</strong>: '
            f"{html.escape(self._sentence())} Classes: {names}{', …' if len(self._source.classes) > 20 else ''}.</p>"
            "<p>Run this cell in JupyterLab to label.</p></div>"
        )
        data = {**data, "text/html": summary}
        return (data, *rest) if rest else data

    def _ipython_display_(self) -> None:
        """The summary as an output of its own, which the live widget's style hides, and then the widget.

        A page made from an executed notebook shows nothing in place of a widget where its scripts cannot be fetched.
        """
        from IPython.display import display

        bundle = self._repr_mimebundle_()
        if bundle is None:
            return
        data, *rest = bundle if isinstance(bundle, tuple) else (bundle,)
        live = {kind: value for kind, value in data.items() if kind != "text/html"}
        shown_by.add(self)
        show: Callable[..., Any] = display
        show({"text/html": data["text/html"], "text/plain": self._sentence()}, raw=True)
        show(live, raw=True, metadata=rest[0] if rest else None)
