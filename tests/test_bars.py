"""Bars end full and green, say which stage took how long, and are still there when a saved notebook is opened again."""

from __future__ import annotations

import io
import re

import pytest

from dqkit import bars
from dqkit.bars import Bar, Stages, as_html, over


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(bar: Bar) -> tuple[str, str, str]:
    page = as_html([bar])
    state = re.search(r'data-state="(\w+)"', page)
    percent = re.search(r'aria-valuenow="(\d+)"', page)
    width = re.search(r"width:(\d+)%", page)
    assert state is not None
    assert percent is not None
    assert width is not None
    assert percent[1] == width[1]
    return state[1], percent[1], re.sub("<[^>]*>", "", page)


def test_a_bar_that_was_left_short_ends_full_and_green() -> None:
    with Bar(3, "reading", show=False) as bar:
        bar.step(2)
        assert told(bar) == ("running", "67", "reading")
        assert bars.COLORS["running"] in as_html([bar])
    assert told(bar) == ("done", "100", "reading")
    assert bars.COLORS["done"] in as_html([bar])
    assert bars.COLORS["stopped"] not in as_html([bar])


def test_a_bar_that_an_error_ended_stays_where_it_was_and_is_red() -> None:
    bar = Bar(4, "reading", show=False)
    bar.step()
    with pytest.raises(ZeroDivisionError), bar:
        _ = 1 / 0
    assert told(bar)[:2] == ("stopped", "25")
    assert bars.COLORS["stopped"] in as_html([bar])


def test_stages_end_with_the_time_of_each() -> None:
    clock = Clock()
    with Stages("round", ("baselines", "signals"), show=False, clock=clock) as stages:
        assert told(stages) == ("running", "0", "round: starting")
        stages.begin("baselines")
        stages.rename("round 1")
        clock.now = 12
        stages.begin("signals")
        assert told(stages) == ("running", "50", "round 1: signals · baselines 12 s")
        clock.now = 200
    assert told(stages) == ("done", "100", "round 1 · done in 3 min (baselines 12 s, signals 3 min)")


def test_stages_that_an_error_ended_say_where() -> None:
    clock = Clock()
    stages = Stages("round 1", ("baselines", "signals"), show=False, clock=clock)
    stages.begin("baselines")
    clock.now = 5
    with pytest.raises(KeyboardInterrupt), stages:
        raise KeyboardInterrupt
    assert told(stages) == ("stopped", "0", "round 1: stopped at baselines · baselines 5 s")


def test_words_from_data_are_escaped() -> None:
    page = as_html([Bar(1, "<script>", show=False)])
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_in_a_terminal_the_first_line_stands_at_once_and_the_last_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    with Stages("round 1", ("baselines", "signals")) as stages:
        assert "round 1: starting" in shown.getvalue()
        stages.begin("baselines")
        assert list(over("abc", total=3, title="fits")) == ["a", "b", "c"]
        stages.begin("signals")
    last = [line for line in shown.getvalue().split("\r") if line.strip()][-1]
    assert last.startswith("round 1 |")
    assert "2/2" in last
    assert "done in" in last


def test_nothing_is_shown_where_nothing_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with Stages("round 1", ("baselines",), show=False) as stages:
        stages.begin("baselines")
        stages.note("hello")
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_a_notebook_keeps_its_bars_as_html_and_no_widget_is_needed_to_show_them_again() -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    cells = [
        "import dqkit as dq\nfrom pathlib import Path\nimport tempfile\n"
        "ds = dq.load_digits(label_noise=0.1, unlabeled=0.5, seed=0).take(range(300))\n"
        "wb = dq.Workbench.create(Path(tempfile.mkdtemp()) / 'wb', ds)",
        "_ = wb.run_round(budget=10)",
        "_ = wb.add_weak_labels([lambda x: 0 if x.image.mean() > 90 else None])",
        "from dqkit.bars import Bar\nwith Bar(2, 'never'):\n    1 / 0",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3", allow_errors=True).execute()
    outputs = [output for cell in book.cells for output in cell.outputs]
    assert not any("widget" in kind for output in outputs for kind in output.get("data", {}))
    ends = []
    for cell in book.cells[1:]:
        (page,) = [o["data"]["text/html"] for o in cell.outputs if "text/html" in o.get("data", {})]
        ends.append(re.findall(r'data-state="(\w+)".*?width:(\d+)%', page))
    assert ends == [[("done", "100")], [("done", "100")], [("stopped", "0")]]
    html = book.cells[1].outputs[0]["data"]["text/html"]
    for stage in ("baselines", "signals", "findings", "queue", "saving"):
        assert re.search(rf"{stage} \d+ s", html)
