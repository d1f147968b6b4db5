"""What one check found: a plain value that a report draws, a rule reads and a file holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from dqkit.checks.kinds import a, each
from dqkit.records import InputError

Severity = Literal["info", "warning", "error"]
Status = Literal["ok", "absent", "failed"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")
STATUSES: tuple[Status, ...] = ("ok", "absent", "failed")
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_SHOWN_CELL = 2_000


class NotMeasured(Exception):
    """Raise it in a check that has nothing to measure; the text says in one sentence what is missing."""


@dataclass(frozen=True, eq=False, repr=False)
class Finding:
    """The result of one check.

    Parameters
    ----------
    name
        The name of the check: lower-case letters, digits and underscores. It is the key in `health.json`, the anchor in
        the page and the start of the names of its rules.
    title
        The heading in the report.
    summary
        One or two sentences in plain words.
    severity
        "info", "warning" (somebody should look) or "error" (the data or the scores cannot be trusted as they are).
    metrics
        Name to number; what a rule of `dqkit check` can address.
    table
        The rows behind the summary, any columns.
    sample_ids
        The ids of the affected samples, the one to look at first in front.
    scores
        One score per sample in [0, 1], indexed by sample id, higher = look sooner; NaN = not measured. It becomes the
        column `<name>_score` of the signals.
    data
        What the report draws beside the table: plain dicts, lists, strings and numbers.
    status
        "ok", "absent" (nothing to measure; the summary says what is missing) or "failed" (the check raised an error;
        the summary holds it).
    """

    name: str
    title: str
    summary: str = ""
    severity: Severity = "info"
    metrics: Mapping[str, float] = field(default_factory=dict)
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    sample_ids: Sequence[str] = ()
    scores: pd.Series[float] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    status: Status = "ok"

    def __repr__(self) -> str:
        affected = f", {len(self.sample_ids):,} samples" if self.sample_ids else ""
        return f"Finding({self.name!r}, {self.status}, {self.severity}{affected}: {self.summary})"


FINDINGS = each(a(Finding, "a Finding"), "Findings")


def checked(finding: Finding, ids: Sequence[str]) -> Finding:
    """Return the finding in plain types, as it comes back from a file.

    Parameters
    ----------
    finding
        What a check returned.
    ids
        The sample ids of the dataset, in order.

    Returns
    -------
    Finding
        Finite metrics as Python floats and ints, ids as strings, `data` in JSON's own types, the table with string
        column names and columns of one type each, the scores in the order of `ids`.

    Raises
    ------
    InputError
        Where a part of the finding breaks a rule: the text names the part and the rule.
    """
    if not isinstance(finding, Finding):
        raise InputError(f"a check must return a Finding, scores or None; got {type(finding).__name__}.")
    if not isinstance(finding.name, str) or not NAME.fullmatch(finding.name):
        raise InputError(
            f"name must be lower-case letters, digits and underscores, a letter first; got {finding.name!r}."
        )
    if finding.severity not in SEVERITIES:
        raise InputError(f"severity must be one of {', '.join(SEVERITIES)}; got {finding.severity!r}.")
    if finding.status not in STATUSES:
        raise InputError(f"status must be one of {', '.join(STATUSES)}; got {finding.status!r}.")
    return replace(
        finding,
        title=_text(finding.title),
        summary=_text(finding.summary),
        metrics=_metrics(finding.metrics),
        table=_table(finding.table),
        sample_ids=_sample_ids(finding.sample_ids, ids),
        scores=None if finding.scores is None else _scores(finding.scores, ids),
        data=dict(plain(finding.data)),
    )


def _metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    kept: dict[str, float] = {}
    for name, value in metrics.items():
        number = plain(value)
        if number is None:
            continue
        if isinstance(number, bool):
            number = int(number)
        if not isinstance(number, int | float):
            raise InputError(f"metrics must be numbers; {name!r} is {value!r}.")
        kept[str(name)] = number
    return kept


def _table(table: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(table, pd.DataFrame):
        raise InputError(f"table must be a DataFrame; got {type(table).__name__}.")
    if not len(table.columns):
        return pd.DataFrame()
    out = table.reset_index(drop=isinstance(table.index, pd.RangeIndex))
    names = [_text(name) for name in out.columns]
    if len(set(names)) != len(names):
        raise InputError(f"table must have distinct column names; got {', '.join(names)}.")
    return pd.DataFrame({name: _column(out.iloc[:, at]) for at, name in enumerate(names)}, columns=pd.Index(names))


def _column(values: pd.Series[Any]) -> pd.Series[Any]:
    """The column as numbers, booleans or strings; None stands for a missing string."""
    values = values.reset_index(drop=True)
    if pd.api.types.is_bool_dtype(values) and not values.isna().any():
        return values.astype(bool)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_complex_dtype(values):
        whole = pd.api.types.is_integer_dtype(values) and not values.isna().any()
        return values.astype(np.int64) if whole else values.astype(np.float64)
    missing = np.asarray(pd.isna(values), dtype=bool)
    texts = [
        None if gone else _text(value)[:_SHOWN_CELL]
        for value, gone in zip(values.tolist(), missing.tolist(), strict=True)
    ]
    return pd.Series(texts, dtype=object)


def _text(value: Any) -> str:
    if type(value) is str and value.isascii():
        return value
    # A lone surrogate cannot be written as UTF-8.
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _sample_ids(sample_ids: Sequence[str], ids: Sequence[str]) -> tuple[str, ...]:
    if isinstance(sample_ids, str):
        raise InputError(f"sample_ids must be a list of ids; got the text {sample_ids!r}.")
    kept = tuple(dict.fromkeys(str(sample_id) for sample_id in sample_ids))
    strange = set(kept).difference(map(str, ids)) if kept else set()
    if strange:
        raise InputError(f"sample_ids must be ids of this dataset; got {min(strange)!r}, which it does not have.")
    return kept


def _scores(scores: pd.Series[float], ids: Sequence[str]) -> pd.Series[float]:
    index = pd.Index([str(i) for i in ids], dtype=object, name="sample_id")
    if not isinstance(scores, pd.Series):
        raise InputError(f"scores must be a Series indexed by sample id; got {type(scores).__name__}.")
    if scores.index.has_duplicates:
        raise InputError("scores must have one entry per sample id; an id comes twice.")
    named = pd.Series(scores.to_numpy(), index=scores.index.astype(str))
    strange = named.index.difference(index)
    if len(strange):
        raise InputError(f"scores must be indexed by ids of this dataset; got {strange[0]!r}, which it does not have.")
    try:
        values = named.reindex(index).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"scores must be numbers; {error}.") from error
    found = values.dropna()
    if len(found) and not (np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1):
        raise InputError(f"scores must lie in [0, 1]; got values from {found.min():.4g} to {found.max():.4g}.")
    return values


def plain(value: Any) -> Any:
    """Return the value in JSON's own types.

    NumPy becomes Python, keys become strings, NaN and infinity become None.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [item if type(item) is str and item.isascii() else plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    return _text(value)
