"""Progress as a person sees it: in a notebook plain HTML that outlives the kernel, in a terminal tqdm's line.

A widget's bar is gone when a saved notebook is opened again ("Error displaying widget"); HTML is part of the notebook.
"""

from __future__ import annotations

import html
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

State = Literal["running", "done", "stopped"]
Item = TypeVar("Item")

COLORS: dict[State, str] = {"running": "#1976d2", "done": "#2e7d32", "stopped": "#c62828"}
SECONDS_BETWEEN = 0.1  # a notebook that gets more updates a second than a screen shows falls behind


class Bar:
    """One line with a bar; a bar that is opened while another is open stands below it and goes when it ends.

    Parameters
    ----------
    total
        The steps that make it full; None as long as nobody knows.
    title
        What is being done.
    show
        Whether anything is shown.
    clock
        Seconds.

    Notes
    -----
    Use it with `with`: it ends full and green, or where an error or an interruption ended it, red. Several threads may
    report.
    """

    def __init__(
        self, total: int | None, title: str = "", *, show: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total, self.title, self.detail, self.done = total, title, "", 0
        self.state: State = "running"
        self.disable = not show
        self._clock = clock
        self.began = clock()
        self._screen: Any = None if self.disable else _screen_for(self)
        self._draw(now=True)

    def step(self, count: int = 1) -> None:
        """So many steps more are done."""
        self.done += count
        self._draw()

    def say(self, *, title: str | None = None, detail: str | None = None) -> None:
        """Change what stands before the bar, or behind it."""
        self.title = self.title if title is None else title
        self.detail = self.detail if detail is None else detail
        self._draw()

    def note(self, line: str) -> None:
        """Print a line that stays."""
        if self._screen is not None:
            self._screen.note(line)

    def close(self, state: State = "done") -> None:
        """End it: full where it is done. A second call changes nothing."""
        if self.state != "running":
            return
        self.state = state
        if state == "done" and self.total is not None:
            self.done = self.total
        if self._screen is not None:
            self._screen.remove(self)

    def elapsed(self) -> float:
        """Seconds since it began."""
        return self._clock() - self.began

    def _draw(self, *, now: bool = False) -> None:
        if self._screen is not None:
            self._screen.draw(self, now=now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close("done" if kind is None else "stopped")


class Stages(Bar):
    """A bar over named stages that ends with the time of each.

    Parameters
    ----------
    title
        What is being done in all.
    names
        The stages in order.
    show, clock
        See `Bar`.
    """

    def __init__(
        self, title: str, names: Sequence[str], *, show: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.whole, self.names = title, tuple(names)
        self.seconds: dict[str, float] = {}
        self._now: tuple[str, float] | None = None
        super().__init__(len(self.names), f"{title}: starting", show=show, clock=clock)

    def begin(self, name: str) -> None:
        """A stage begins, and the one before it ends."""
        self._end()
        self._now = name, self._clock()
        self.done = self.names.index(name)
        self.title = f"{self.whole}: {name}"
        self.detail = self.times()
        self._draw(now=True)

    def rename(self, title: str) -> None:
        """Call the whole by another name from now on."""
        self.whole = title
        self.say(title=f"{title}: {self._now[0]}" if self._now else title)

    def times(self) -> str:
        """The stages that have ended, each with its time."""
        return ", ".join(f"{name} {spoken(seconds)}" for name, seconds in self.seconds.items())

    def close(self, state: State = "done") -> None:
        if self.state == "running":
            stage = self._now[0] if self._now else "the start"
            self._end()
            self.title = self.whole if state == "done" else f"{self.whole}: stopped at {stage}"
            times = self.times()
            self.detail = (
                f"done in {spoken(self.elapsed())}{f' ({times})' if times else ''}" if state == "done" else times
            )
        super().close(state)

    def _end(self) -> None:
        if self._now is not None:
            name, began = self._now
            self.seconds[name] = self._clock() - began
            self._now = None


def over(items: Iterable[Item], *, total: int, title: str, show: bool = True) -> Iterator[Item]:
    """Return the items one by one, with a bar that takes a step with each."""
    with Bar(total, title, show=show) as bar:
        for item in items:
            yield item
            bar.step()


def spoken(seconds: float) -> str:
    """Return a duration as people say it: 40 s, 3 min, 2 h 5 min.

    >>> spoken(41.3), spoken(190), spoken(7500)
    ('41 s', '3 min', '2 h 5 min')
    """
    if seconds < 100:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def as_html(bars: Sequence[Bar]) -> str:
    """Return the bars as HTML, the outermost first."""
    return "".join(_line(bar) for bar in bars)


def _line(bar: Bar) -> str:
    share = 0.0 if not bar.total else min(bar.done / bar.total, 1.0)
    percent = 100 if bar.state == "done" else round(100 * share)
    known = f' aria-valuenow="{percent}" aria-valuemin="0" aria-valuemax="100"'
    said = html.escape(" · ".join(part for part in (bar.title, bar.detail) if part))
    return (
        f'<div class="dqkit-bar" data-state="{bar.state}" role="progressbar"{known} '
        f'aria-label="{html.escape(bar.title)}" style="max-width:60em;margin:2px 0">'
        f"<div>{said}</div>"
        '<div style="height:6px;border-radius:3px;background:rgba(128,128,128,.3)">'
        f'<div style="height:6px;border-radius:3px;width:{percent}%;background:{COLORS[bar.state]}"></div></div></div>'
    )


class _Notebook:
    """The outermost bar of a cell and those inside it, in one output that is drawn again."""

    def __init__(self, cell: int) -> None:
        self.cell = cell
        self.bars: list[Bar] = []
        self._lock = threading.RLock()
        self._handle: Any = None
        self._drawn = 0.0

    def draw(self, bar: Bar, *, now: bool) -> None:
        with self._lock:
            if bar not in self.bars:
                self.bars.append(bar)
            if now or time.monotonic() - self._drawn >= SECONDS_BETWEEN:
                self._show()

    def remove(self, bar: Bar) -> None:
        with self._lock:
            self.bars = self.bars[: self.bars.index(bar)] if bar in self.bars[1:] else self.bars[:1]
            self._show()
            if self.bars[0].state != "running" and _open.get("notebook") is self:
                _open.pop("notebook")

    def note(self, line: str) -> None:
        print(line)

    def _show(self) -> None:
        import IPython.display as notebook

        show: Any = notebook  # it has no types
        self._drawn = time.monotonic()
        shown = show.HTML(as_html(self.bars))
        if self._handle is None:
            self._handle = show.display(shown, display_id=True)
        else:
            self._handle.update(shown)


class _Terminal:
    """tqdm's line, one a bar; the outermost stays."""

    def __init__(self, bar: Bar, *, keep: bool) -> None:
        from tqdm.std import tqdm

        form = "{desc} |{bar}| {n_fmt}/{total_fmt}{postfix}" if bar.total is not None else "{desc}{postfix}"
        self._bar: Any = tqdm(total=bar.total, desc=bar.title, bar_format=form, leave=keep, file=sys.stderr)

    def draw(self, bar: Bar, *, now: bool) -> None:
        self._bar.set_description_str(bar.title, refresh=False)
        self._bar.set_postfix_str(bar.detail, refresh=False)
        if now:
            self._bar.n = bar.done
            self._bar.refresh()
        else:
            self._bar.update(bar.done - self._bar.n)

    def remove(self, bar: Bar) -> None:
        self.draw(bar, now=True)
        self._bar.close()
        if _open.get("terminal") is self:
            _open.pop("terminal")

    def note(self, line: str) -> None:
        self._bar.write(line, file=sys.stderr)


_open: dict[str, Any] = {}


def _screen_for(bar: Bar) -> _Notebook | _Terminal:
    if in_notebook():
        screen, cell = _open.get("notebook"), _cell()
        if screen is None or screen.cell != cell:  # what an earlier cell left open is no frame for this one
            screen = _open["notebook"] = _Notebook(cell)
        return screen
    line = _Terminal(bar, keep="terminal" not in _open)
    _open.setdefault("terminal", line)
    return line


def in_notebook() -> bool:
    """Return whether a Jupyter kernel runs this; nothing is imported to find out."""
    return getattr(_shell(), "kernel", None) is not None


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None


def _cell() -> int:
    return int(getattr(_shell(), "execution_count", 0))
