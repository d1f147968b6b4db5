"""The stopping criteria and the random audit sample in words: one paragraph, and the table behind it."""

from __future__ import annotations

import html
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dqkit.acquisition.control import ControlEstimates
from dqkit.acquisition.stopping import Criterion
from dqkit.checks import instance, shown
from dqkit.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class Advice:
    """One paragraph of plain words; a notebook shows it with the criteria and figures behind it.

    Attributes
    ----------
    text : str
        The paragraph; `str` of an advice gives it too.
    criteria : tuple of Criterion
        Every stopping criterion with its verdict.
    control : ControlEstimates or None
        What the random audit sample shows.
    """

    text: str
    criteria: tuple[Criterion, ...] = ()
    control: ControlEstimates | None = None

    def __str__(self) -> str:
        return self.text

    def __contains__(self, words: str) -> bool:
        return words in self.text

    def __getattr__(self, name: str) -> Any:
        """The methods of a text, which an advice was until 0.1; they go with the next release."""
        if name.startswith("_") or not hasattr(str, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        message = f"Advice.{name} is deprecated: an advice is no text any more. Use advice.text.{name}."
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return getattr(self.text, name)

    def __repr__(self) -> str:
        lines = [textwrap.fill(self.text, 100)]
        if self.criteria:
            wide = max(len(c.name) for c in self.criteria)
            lines += ["", *(f"  {c.verdict:<11}  {c.name:<{wide}}  {_number(c)}" for c in self.criteria)]
        figures = _figures(self.control)
        if figures:
            lines += ["", *(f"  {name}: {value}" for name, value in figures)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        cell = "<td style='text-align:left'>"
        rows = "".join(
            f"<tr>{cell}<b>{html.escape(c.verdict)}</b></td>{cell}{html.escape(c.name)}</td>{cell}{html.escape(c.text)}</td></tr>"
            for c in self.criteria
        )
        table = f"<table><tr><th>verdict</th><th>criterion</th><th>why</th></tr>{rows}</table>" if rows else ""
        facts = "".join(
            f"<tr>{cell}{html.escape(name)}</td>{cell}{html.escape(value)}</td></tr>"
            for name, value in _figures(self.control)
        )
        shown = f"<table><tr><th>measured</th><th>value</th></tr>{facts}</table>" if facts else ""
        return f"<p>{html.escape(self.text)}</p>{table}{shown}"


def advice(criteria: Sequence[Criterion], control: ControlEstimates | None = None) -> Advice:
    """Put the verdicts and what the random audit sample shows into one paragraph.

    Parameters
    ----------
    criteria : sequence of Criterion
        From `stopping`.
    control : ControlEstimates, optional
        From `control_estimates`.

    Returns
    -------
    Advice
        `str` gives the paragraph; the repr prints each criterion with its verdict.

    Examples
    --------
    >>> from dqkit.acquisition import stopping
    >>> print(advice(stopping(budget_left=0)))
    Stop: 1 of 1 criteria says it is enough. The budget is spent. The decision is yours.
    """
    if criteria is None or isinstance(criteria, str | bytes) or not isinstance(criteria, Sequence):
        raise InputError(f"criteria must be a list of Criterion, as stopping returns it; got {shown(criteria)}.")
    for each in criteria:
        instance("criteria", each, Criterion, "a list of Criterion, as stopping returns it")
    if control is not None:
        instance("control", control, ControlEstimates, "what control_estimates returns, or None")
    if not criteria:
        return Advice("Nothing is known yet: finish a round first.")
    stops = sum(c.stop is True for c in criteria)
    goes = sum(c.stop is False for c in criteria)
    spent = any(c.name == "budget" and c.stop for c in criteria)
    if not spent and stops + goes == 1 and len(criteria) > 2:
        told = "that it is enough" if stops else "that more labels pay"
        head = f"Too early to say: 1 of {len(criteria)} criteria can tell, and it says {told}."
    elif spent or stops > goes:
        head = f"Stop: {stops} of {len(criteria)} criteria {'says' if stops == 1 else 'say'} it is enough."
    elif goes > stops:
        head = f"Go on: {goes} of {len(criteria)} criteria {'says' if goes == 1 else 'say'} that more labels pay."
    elif goes:
        head = "Undecided: the criteria do not agree."
    else:
        head = "Undecided: no criterion can tell yet."
    said = [head, *(c.text for c in criteria), _measured(control), "The decision is yours."]
    return Advice(" ".join(part for part in said if part), criteria=tuple(criteria), control=control)


def _measured(control: ControlEstimates | None) -> str:
    """What the random audit sample shows, in sentences."""
    if control is None or not (control.label_error_rate.of or control.model_accuracy.of):
        return ""
    out = []
    if control.label_error_rate.of:
        rate = control.label_error_rate
        out.append(f"Of {rate.of:,} answered rows of the random audit sample {rate.hits:,} had a wrong label.")
    if control.model_accuracy.of:
        out.append(f"The random audit sample puts the model's accuracy at {control.model_accuracy}.")
    text = " ".join(out)
    if control.saved is not None:
        verb = "saved" if control.saved >= 0 else "cost"
        text += f" Against random review the queue has {verb} about {abs(control.saved):,.0f} answers so far."
    return text


def _figures(control: ControlEstimates | None) -> list[tuple[str, str]]:
    """Name and value of everything measured so far."""
    if control is None:
        return []
    out = [
        ("wrong labels left", _left(control)),
        ("wrong in the random audit sample", f"{control.label_error_rate.hits:,} of {control.label_error_rate.of:,}"),
        ("accuracy of the model, by the random audit sample", str(control.model_accuracy)),
        ("answers saved against random review", _saved(control)),
    ]
    out += [(f"yield of {name!r} picks", _yield(row)) for name, row in control.yields.iterrows() if row["reviewed"]]
    out += [
        (f"yield of detector {name!r}", _yield(row)) for name, row in control.detectors.iterrows() if row["reviewed"]
    ]
    return out


def _left(control: ControlEstimates) -> str:
    value, low, high = control.errors_left
    return "not known yet" if np.isnan(value) else f"{value:,.0f} [{low:,.0f}, {high:,.0f}]"


def _saved(control: ControlEstimates) -> str:
    low, high = control.saved_range
    if control.saved is None:
        return "not known yet"
    top = "any number" if np.isinf(high) else f"{high:,.0f}"
    return f"{control.saved:,.0f} [{low:,.0f}, {top}]"


def _yield(row: pd.Series) -> str:
    text = f"{row['changed']:.0f} of {row['reviewed']:.0f} confirmed, {100 * row['share']:.0f} %"
    text += f" [{100 * row['low']:.0f}, {100 * row['high']:.0f}]"
    return text if np.isnan(row["times_random"]) else f"{text}, {row['times_random']:.1f} times random"


def _number(criterion: Criterion) -> str:
    return "not known yet" if np.isnan(criterion.value) else f"{criterion.value:.4g}"
