"""Samples that belong together (a patient, a video), told by a column, by a pattern on the path or by a folder."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.records import Dataset, InputError


def groups_by_pattern(pattern: str | re.Pattern[str], paths: Sequence[str]) -> list[str | None]:
    r"""The group in each path: what the pattern's group "group" matches, else its first group, else the whole match.

    Raises `InputError` where the pattern is none, or is found in no path.

    >>> groups_by_pattern(r"patient_(\d+)", ["cat/patient_7/a.png", "cat/b.png"])
    ['7', None]
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(f"groups must be a regular expression; {pattern!r} is none: {error}.") from error
    if not isinstance(compiled.pattern, str):
        raise InputError(f"groups must be a regular expression of text; {pattern!r} is one of bytes.")
    at = "group" if "group" in compiled.groupindex else min(compiled.groups, 1)
    found = [match[at] or None if (match := compiled.search(path)) else None for path in paths]
    if paths and not any(found):
        raise InputError(
            f"groups must be a regular expression that is found in the paths; {compiled.pattern!r} is in none of "
            f"{len(paths):,}. The first path is {paths[0]!r}."
        )
    return found


def column_groups(frame: pd.DataFrame, groups: str | re.Pattern[str] | None, paths: str | None) -> ArrayLike | None:
    """The group of each row: the values of a column, or what a pattern finds in the column `paths`."""
    if groups is None:
        return None
    if not isinstance(groups, re.Pattern):
        return frame[groups].to_numpy(dtype=object)
    if paths is None:
        raise InputError("groups as a pattern needs a column to look in: image='column' or id='column'.")
    found = groups_by_pattern(groups, ["" if _is_missing(value) else str(value) for value in frame[paths]])
    return np.array(found, dtype=object)


def group_codes(dataset: Dataset, groups: ArrayLike | str | None) -> NDArray[np.int64] | None:
    """(n,) ints that samples of one group share, or None where there are no groups.

    Parameters
    ----------
    groups : (n,) values, the name of a metadata column, or None for the dataset's own groups
        A missing value (None, NaN, an empty text) is a group of one.

    Raises
    ------
    InputError
        For a column that is not there or values of another length.
    """
    names = group_names_of(dataset, groups)
    if names is None:
        return None
    found, distinct = pd.factorize(names, sort=True)
    codes = found.astype(np.int64)
    codes[found < 0] = len(distinct) + np.arange(int((found < 0).sum()))
    return codes


def group_names_of(dataset: Dataset, groups: ArrayLike | str | None) -> NDArray[np.object_] | None:
    """(n,) the names of the groups as text, None where a sample is of none; see `group_codes`."""
    values: ArrayLike | pd.Series[Any] | None = groups
    if groups is None:
        if dataset.groups is None:
            return None
        values = dataset.groups
    elif isinstance(groups, str):
        columns = [str(column) for column in dataset.metadata.columns]
        if groups not in columns:
            known = ", ".join(map(repr, columns[:30])) or "none"
            raise InputError(
                f"groups must be one value a sample or a column of the metadata; got {groups!r}. Columns: {known}."
            )
        values = dataset.metadata.iloc[:, columns.index(groups)]
    given: NDArray[np.object_] = np.asarray(values, dtype=object)
    n = len(dataset)
    if given.shape != (n,):
        raise InputError(f"groups must have shape ({n},), one value a sample; got {given.shape}.")
    return np.array([None if _is_missing(value) else str(value) for value in given], dtype=object)


def warn_of_groups_in_test(codes: NDArray[np.int64], is_test: NDArray[np.bool_], *, stacklevel: int = 2) -> None:
    """Warn where samples held out for test are of a group that is trained on."""
    shared = np.isin(codes[is_test], codes[~is_test])
    if shared.any():
        warnings.warn(
            f"{int(shared.sum()):,} of {int(is_test.sum()):,} test samples are of groups that are outside the test "
            "split too, so the test score may be too good; give each group to one split",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))
