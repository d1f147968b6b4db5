"""Numbers as people read them."""

from __future__ import annotations

from typing import Any

from dqkit.findings.metrics import METRICS, Unit

NARROW = "\u202f"
MISSING = "–"


def percent(share: float | None) -> str:
    """A share as a percentage: one decimal below ten, none when it is whole.

    >>> percent(0.0412).replace(NARROW, " "), percent(0.5).replace(NARROW, " ")
    ('4.1 %', '50 %')
    """
    if share is None:
        return MISSING
    value = 100 * share
    digits = 2 if 0 < abs(value) < 0.1 else 1
    text = f"{value:.{digits}f}"
    return f"{text.removesuffix('.0')}{NARROW}%"


def fixed(share: float | None, digits: int = 1) -> str:
    """A share as a percentage with as many decimals as said, so that a column of them lines up."""
    return MISSING if share is None else f"{100 * share:.{digits}f}{NARROW}%"


def span(low: float, high: float) -> str:
    """An interval of shares: `3.6–4.7 %`."""
    return f"{percent(low).removesuffix(NARROW + '%')}–{percent(high)}"


def number(value: Any, unit: Unit = "ratio") -> str:
    """A figure in its unit; an en dash where there is none."""
    if value is None or isinstance(value, str | bool):
        return MISSING if value is None else str(value)
    if unit == "share":
        return percent(value)
    if unit == "count" or (float(value).is_integer() and abs(value) >= 10):
        return f"{round(value):,}"
    if value == 0:
        return "0"
    return f"{value:.3f}" if unit == "nats" or abs(value) < 1 else f"{value:,.2f}".rstrip("0").rstrip(".")


def change(difference: float | None, unit: Unit) -> str:
    """A difference with its sign; shares in percentage points."""
    if difference is None:
        return MISSING
    if unit == "share":
        text = f"{100 * difference:+.1f}"
    else:
        text = f"{round(difference):+,}" if unit == "count" else f"{difference:+.3f}"
    if not float(text.replace(",", "")):
        text = text[1:]  # nothing has no sign
    return text.replace("-", "−") + (" points" if unit == "share" else "")


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """The number with its noun.

    >>> counted(1, "sample"), counted(1204, "sample"), counted(2, "class", "classes")
    ('1 sample', '1,204 samples', '2 classes')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def metric(name: str, value: Any) -> str:
    """A figure of the flat metrics, in its own unit."""
    return number(value, METRICS[name].unit if name in METRICS else "ratio")


SHARE_COLUMNS = ("accuracy", "balanced_accuracy", "ece", "calibration_error", "macro_f1", "f1")


def cell(value: Any, column: str) -> str:
    """A value of the table of baselines, told by the name of its column."""
    if isinstance(value, int | float) and not isinstance(value, bool) and column in SHARE_COLUMNS:
        return fixed(value)
    return number(value, "nats" if column == "log_loss" else "ratio")


HEADINGS = {"ece": "calibration error", "predict_ms_p50": "ms per sample", "log_loss": "log-loss"}


def heading(column: str) -> str:
    """The name of a column of the table of baselines, in words."""
    return HEADINGS.get(column, column.replace("_", " "))
