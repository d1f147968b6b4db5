"""The checks in the order they run: dqkit's own, a user's functions, and those that installed packages offer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import pandas as pd

from dqkit.checks import kinds, takes
from dqkit.findings.activity import activity, queue
from dqkit.findings.audit import Audit
from dqkit.findings.balance import balance
from dqkit.findings.calibration import calibration
from dqkit.findings.changes import changes
from dqkit.findings.columns import column_power, column_values
from dqkit.findings.duplicates import duplicates
from dqkit.findings.finding import FINDINGS, NAME, Finding, NotMeasured, checked
from dqkit.findings.label_errors import label_errors
from dqkit.findings.models import baselines
from dqkit.findings.order import order
from dqkit.findings.outliers import outliers
from dqkit.findings.overview import overview
from dqkit.findings.properties import properties
from dqkit.findings.uncertain import uncertain
from dqkit.findings.underperforming_groups import underperforming_groups
from dqkit.findings.valuation import valuation
from dqkit.records import InputError

Check = Callable[[Audit], Any]

ENTRY_POINTS = "dqkit.checks"
THRESHOLD = 0.5

TITLES: dict[str, str] = {
    "overview": "What the data is",
    "balance": "Class balance",
    "column_power": "Columns that give the label away",
    "label_errors": "Label errors",
    "underperforming_groups": "Underperforming groups",
    "uncertain": "Uncertain samples",
    "outliers": "Outliers",
    "duplicates": "Duplicates and leakage",
    "properties": "Properties of the samples",
    "column_values": "Odd values of columns",
    "order": "Order of the samples",
    "valuation": "What each label is worth",
    "baselines": "Baselines",
    "calibration": "Calibration",
    "activity": "Annotation",
    "queue": "Queue",
    "changes": "What changed",
}

# dqkit's own checks, in the order they run.
CHECKS: dict[str, Check] = {
    "overview": overview,
    "balance": balance,
    "column_power": column_power,
    "label_errors": label_errors,
    "underperforming_groups": underperforming_groups,
    "uncertain": uncertain,
    "outliers": outliers,
    "duplicates": duplicates,
    "properties": properties,
    "column_values": column_values,
    "order": order,
    "valuation": valuation,
    "baselines": baselines,
    "calibration": calibration,
    "activity": activity,
    "queue": queue,
    "changes": changes,
}


@dataclass(frozen=True)
class _Registered:
    function: Check
    title: str
    threshold: float


_registered: dict[str, _Registered] = {}


@overload
@takes(title=kinds.optional(kinds.text), name=kinds.optional(kinds.text))
def register_check(
    function: Check, *, name: str | None = None, title: str | None = None, threshold: float = THRESHOLD
) -> Check: ...


@overload
def register_check(
    function: None = None, *, name: str | None = None, title: str | None = None, threshold: float = THRESHOLD
) -> Callable[[Check], Check]: ...


def register_check(
    function: Check | None = None, *, name: str | None = None, title: str | None = None, threshold: float = THRESHOLD
) -> Check | Callable[[Check], Check]:
    """Add a function of your own to the checks of every audit, round and report from now on; also a decorator.

    Parameters
    ----------
    function
        Takes an `Audit`; returns a `Finding`, one score per sample, or None (nothing to say). Scores are a Series
        indexed by sample id or an array in the order of the dataset, in [0, 1], higher = look sooner; True and False
        count as 1 and 0, NaN as not measured.
    name
        The function's own name where left out. Lower-case letters, digits and underscores, and not the name of one of
        dqkit's checks. A second function of the same name replaces the first.
    title
        The heading in the report; made from the name where left out.
    threshold
        From this score on a sample counts as affected, where the function returns scores.

    Returns
    -------
    callable
        The function, unchanged.

    Raises
    ------
    InputError
        On a name or threshold that breaks a rule.

    Examples
    --------
    >>> import numpy as np
    >>> @register_check(title="Very short texts")
    ... def very_short(audit):
    ...     return np.array([len(str(text)) < 4 for text in audit.dataset.content])
    >>> unregister_check("very_short")
    """
    if function is None:
        return lambda later: register_check(later, name=name, title=title, threshold=threshold)
    if not callable(function):
        raise InputError(f"a check must be a function that takes an Audit; got {function!r}.")
    called = name if name is not None else getattr(function, "__name__", "")
    _check_name(called)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise InputError(f"threshold must lie in [0, 1]; got {threshold!r}.")
    _registered[called] = _Registered(function, title or _title(called), float(threshold))
    return function


@takes(name=kinds.text)
def unregister_check(name: str) -> None:
    """Take a check of your own out again.

    Parameters
    ----------
    name
        The name under which `register_check` took it.

    Raises
    ------
    InputError
        Where no check of your own has that name.
    """
    if name not in _registered:
        known = ", ".join(sorted(_registered)) or "none"
        raise InputError(f"no check of your own is called {name!r}; registered: {known}.")
    del _registered[name]


@takes(
    audit=kinds.a(Audit, "an Audit, such as Audit.of returns"),
    checks=kinds.optional(kinds.mapped("names to functions")),
    known=FINDINGS,
)
def find(
    audit: Audit, checks: Mapping[str, Check] | None = None, *, known: Sequence[Finding] = ()
) -> tuple[Finding, ...]:
    """Run the checks, each on its own, and return what they found.

    Parameters
    ----------
    audit
        What the checks may read.
    checks
        Name to function, in the order to run; None runs dqkit's own, then those of `register_check`, then those of
        installed packages (entry point group `dqkit.checks`).
    known
        Findings that still hold, such as those of a round; their checks are not run again.

    Returns
    -------
    tuple of Finding
        One per check that had something to say, in order. A check that raises an error gives a finding with status
        "failed" that holds the error; the others run all the same. `NotMeasured` gives status "absent".

    Examples
    --------
    >>> import dqkit as dq
    >>> found = find(Audit.of(dq.from_arrays([[0.1], [0.9], [0.8]], ["no", "yes", "yes"])))
    >>> found[1].name, found[1].metrics["imbalance_ratio"]
    ('balance', 2.0)
    """
    if checks is None:
        wanted = {name: _Registered(check, TITLES[name], THRESHOLD) for name, check in CHECKS.items()}
        wanted |= {name: known for name, known in plug_ins().items() if name not in wanted}
    else:
        wanted = {
            name: _Registered(check, TITLES.get(name) or _title(name), THRESHOLD) for name, check in checks.items()
        }
    ids = [str(sample_id) for sample_id in audit.dataset.ids]
    held = {finding.name: finding for finding in known}
    found = (held[name] if name in held else _run(name, check, audit, ids) for name, check in wanted.items())
    return tuple(finding for finding in found if finding is not None)


def _run(name: str, check: _Registered, audit: Audit, ids: list[str]) -> Finding | None:
    try:
        returned = check.function(audit)
        if returned is None:
            return None
        finding = returned if isinstance(returned, Finding) else _from_scores(returned, check, ids)
        # The name under which a check is known is the one that rules, columns and sections use.
        return checked(replace(finding, name=name, title=finding.title or check.title), ids)
    except NotMeasured as absence:
        return Finding(name=name, title=check.title, summary=str(absence), status="absent")
    except Exception as error:  # one check must not take the others with it; what failed is said
        return failed(name, check.title, error)


def failed(name: str, title: str, error: Exception) -> Finding:
    """Return the finding that says that a check raised an error."""
    return Finding(
        name=name,
        title=title,
        summary=f"{type(error).__name__}: {error}",
        severity="error",
        data={"error": type(error).__name__, "message": str(error)},
        status="failed",
    )


def _from_scores(returned: Any, check: _Registered, ids: list[str]) -> Finding:
    """A finding from one score per sample."""
    if isinstance(returned, pd.Series):
        scores = returned
    else:
        values = np.asarray(returned)
        if values.shape != (len(ids),) or values.dtype.kind not in "bfiu":
            raise InputError(
                f"a check must return a Finding, None or one score per sample ({len(ids):,}); "
                f"got {type(returned).__name__} of shape {values.shape} and type {values.dtype}."
            )
        scores = pd.Series(values.astype(np.float64), index=ids)
    found = checked(Finding(name="scores", title=check.title, scores=scores), ids).scores
    assert found is not None
    known = found.to_numpy()
    measured = np.isfinite(known)
    order = np.argsort(-np.nan_to_num(known, nan=-1.0), kind="stable")
    affected = [ids[i] for i in order if measured[i] and known[i] >= check.threshold]
    n = int(measured.sum())
    summary = f"{len(affected):,} of {n:,} samples have a score of {check.threshold:g} or more."
    return Finding(
        name="scores",
        title=check.title,
        summary=summary,
        severity="warning" if affected else "info",
        metrics={"measured": n},
        sample_ids=affected,
        scores=found,
    )


def plug_ins() -> dict[str, _Registered]:
    """The functions registered here, then those of installed packages; one that cannot be loaded fails when it runs."""
    from importlib.metadata import entry_points

    loaded: dict[str, Check] = {}
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        try:
            loaded[point.name] = point.load()
        except Exception as error:  # a broken package must not stop an audit; its finding says what happened
            loaded[point.name] = _broken(error)
    found = dict(_registered)  # loading may have registered some
    for offered, function in loaded.items():
        if any(function is known.function for known in found.values()):
            continue
        name = re.sub("[^a-z0-9_]", "_", offered.lower())[:50]
        if not NAME.fullmatch(name) or name in CHECKS or name in found:
            name = f"plug_in_{name}"
        found.setdefault(name, _Registered(function, _title(offered), THRESHOLD))
    return found


def _broken(error: Exception) -> Check:
    def run(_: Audit) -> Any:
        raise error

    return run


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError(
            "name must be lower-case letters, digits and underscores, a letter first, at most 60; "
            f"got {name!r}. Pass name=... to register_check."
        )
    if name in CHECKS:
        raise InputError(f"name must not be that of one of dqkit's own checks ({', '.join(CHECKS)}); got {name!r}.")


def _title(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
