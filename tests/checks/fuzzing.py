"""One fuzzed call: a valid one with one or two arguments changed, and what must hold of it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import dqkit as dq
from tests.checks.calls import CALLS
from tests.checks.calls_of_loading import CHECKING, LOADING
from tests.checks.calls_on_disk import BENCH, RECORDS, STORE
from tests.checks.mutations import Draw, odd_or_changed
from tests.checks.places import Place, make

ON_DISK = {**LOADING, **CHECKING, **BENCH, **STORE, **RECORDS}
CALLED = [*CALLS, *ON_DISK]

# Calls of tens or hundreds of milliseconds: fewer of them.
COSTLY = {
    "dqkit.report.health": 4,
    "dqkit.report.render": 4,
    "dqkit.Round.plot": 4,
    "dqkit.Workbench.run_round": 2,
    "dqkit.Workbench.gallery": 4,
    "dqkit.baselines.check_training": 4,
}


# The sections that could not be drawn are added to the record, as its docstring says.
ADDS_TO_ITS_ARGUMENT = {"dqkit.report.render"}
# Where a result may hold NaN: what could not be measured is told as NaN there, as the docstrings say.
MAY_BE_NAN = [
    r"\.families\[\d\]",  # a family of scorers that was not tested
    r"error_probability|noise_rate",  # labels that the predictions cannot judge
    r"wrong_labels_left",  # nothing to estimate it from
    r"\.metadata\.|checks\.(as_array|rows_in_order|numbers|distinct_names|mapping)",  # as they were given
    r"times_random",  # no random rows to compare with
    r"\.criteria\[\d\]\.value|criteria.*|stopping \[\d\]\.value",  # a criterion that cannot be judged yet
    r"\.control\.|control_estimates",  # a share of nothing
    r"agreement .*kappa",  # people without a sample in common
    r"cross_val_predictions \.baselines\.|predict \.baselines\.|predictions\.baselines\.",  # not measured
    r"with_scores \..*_score|\.my_check_score",  # the user's own scores
]


def weight(name: str) -> int:
    return COSTLY.get(name, 1)


class Template:
    """The folder that every call with files begins as."""

    def __init__(self, folder: Path) -> None:
        self.template, self.folder = folder / "template", folder / "now"
        self.template.mkdir()
        self.folder.mkdir()
        make(self.template)
        self._place: Place | None = None
        self.pristine = ""

    def place(self) -> Place:
        if self._place is None:
            self._place = Place(self.template, self.folder)
            self.pristine = self._place.state()
        return self._place

    def drop(self) -> None:
        if self._place is not None:
            self._place.close()
            self._place = None

    close = drop


def attempt(template: Template, name: str, draw: Draw | None, log: list[str] | None = None) -> None:
    """Make one drawn call, or without `draw` the valid one: a foreign error leaves it, a broken promise is an
    AssertionError.
    """
    on_disk = name in ON_DISK
    place = template.place() if on_disk else None
    function, valid = ON_DISK[name](place) if place is not None else CALLS[name]
    before = place.state() if place is not None else None
    arguments = dict(valid)
    odd = st.lists(st.sampled_from(list(valid)), min_size=1, max_size=2, unique=True) if valid else st.just([])
    for key in draw(odd) if draw else []:
        arguments[key] = odd_or_changed(draw, valid[key])
        (log if log is not None else []).append(f"{key}={_told(arguments[key])}")
    kept = {key: fingerprint(value) for key, value in arguments.items()}
    result, refusal = _outcome(function, arguments)
    try:
        assert refusal is None or draw, f"the valid call of {name} was refused: {refusal}"
        assert refusal is None or str(refusal), f"{name} raised an error without words"
        same = {key: fingerprint(value) for key, value in arguments.items()} == kept
        assert same or name in ADDS_TO_ITS_ARGUMENT, f"{name} changed its arguments"
        if place is not None and refusal is not None:
            assert place.state() == before, f"{name} changed files before it refused: {refusal}"
        if refusal is None:
            missing = [path for path in nans(result) if not any(re.search(p, f"{name} {path}") for p in MAY_BE_NAN)]
            assert not missing, f"{name} returned NaN in {missing}"
    finally:
        if hasattr(result, "close"):
            result.close()
        if place is not None and (refusal is None or place.state() != template.pristine):
            template.drop()


def _outcome(function: Callable[..., Any], arguments: dict[str, Any]) -> tuple[Any, Exception | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy's warnings are foreign too
        for kind in (UserWarning, DeprecationWarning):
            warnings.simplefilter("ignore", kind)
        try:
            return function(**arguments), None
        except (dq.DqkitError, dq.NotMeasured) as error:
            return None, error


def nans(value: Any, path: str = "") -> list[str]:
    """Where a result holds a float that is no number."""
    if isinstance(value, float | np.floating):
        return [path or "value"] if np.isnan(value) else []
    if isinstance(value, np.ndarray):
        return [path or "array"] if value.dtype.kind in "fc" and bool(np.isnan(value).any()) else []
    if isinstance(value, pd.DataFrame):
        return [where for at, name in enumerate(value) for where in nans(value.iloc[:, at], f"{path}.{name}")]
    if isinstance(value, pd.Series):
        return nans(value.to_numpy(), path) if value.dtype.kind == "f" else []
    if isinstance(value, dict):
        return [where for key, entry in value.items() for where in nans(entry, f"{path}.{key}")]
    if isinstance(value, list | tuple):
        return [where for at, entry in enumerate(value) for where in nans(entry, f"{path}[{at}]")]
    if is_dataclass(value) and not isinstance(value, type):
        return [where for f in fields(value) for where in nans(getattr(value, f.name), f"{path}.{f.name}")]
    return []


def _told(value: Any) -> str:
    try:
        return f"{type(value).__name__} {str(value)[:200]!r}"
    except Exception:
        return type(value).__name__


def fingerprint(value: Any) -> Any:
    """What tells whether an argument was changed."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, repr(value.tolist()) if value.dtype.kind == "O" else value.tobytes()
    if isinstance(value, pd.DataFrame | pd.Series):
        return type(value), value.shape, value.to_csv()
    if isinstance(value, list | tuple | dict):
        return repr(value)
    return None
