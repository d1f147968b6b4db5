"""Labelling functions over a dataset: one column of votes each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.bars import over
from dqkit.checks import instance, is_iterable, shown
from dqkit.records import ABSTAIN, Dataset, InputError


def apply_functions(
    dataset: Dataset, functions: Iterable[Callable[[Any], Any]], *, progress: bool = True
) -> NDArray[np.int64]:
    """Run labelling functions over a dataset and return their votes.

    Parameters
    ----------
    dataset : Dataset
        The samples to vote on. A sample with a fatal problem gets no votes.
    functions : iterable of callables
        Snorkel labelling functions (`@labeling_function()`) or plain functions. Each is called once per sample with a
        point that has `sample_id`, `image` (uint8), `text` or a table row's columns, and the metadata columns. It
        returns a class position, a class name, or ABSTAIN (also None). A number is a position even where classes have
        numbers for names.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    ndarray of int64, shape (n, functions)
        Positions in `dataset.classes`, -1 (`ABSTAIN`) where a function abstains.

    Raises
    ------
    InputError
        Where a function fails or votes for something that is no class; the text names the function and the sample.
    """
    if not isinstance(dataset, Dataset):
        raise InputError(f"dataset must be a dqkit.Dataset; got {type(dataset).__name__}.")
    if callable(functions) or not is_iterable(functions):
        raise InputError("functions must be a list of labelling functions; put a single one in brackets.")
    functions = list(functions)
    if not all(callable(f) for f in functions):
        raise InputError("functions must be a list of labelling functions; put a single one in brackets.")
    if not functions:
        raise InputError("functions must hold at least one labelling function; got none.")
    instance("progress", progress, (bool, np.bool_), "True or False")
    names = function_names(functions)
    of_name = {name: i for i, name in enumerate(dataset.classes)}
    usable = dataset.is_usable
    votes = np.full((len(dataset), len(functions)), ABSTAIN, dtype=np.int64)
    for i in over(range(len(dataset)), total=len(dataset), title="labelling functions", show=progress):
        if not usable[i]:
            continue
        point = _point(dataset, i)
        for j, function in enumerate(functions):
            try:
                vote = function(point)
            except Exception as error:
                raise InputError(
                    f"Labelling function {names[j]!r} failed on sample {dataset.ids[i]!r}: "
                    f"{type(error).__name__}: {error}. No vote was kept."
                ) from error
            votes[i, j] = _class_position(vote, of_name, names[j], str(dataset.ids[i]))
    return votes


def function_names(functions: Sequence[Callable[[Any], Any]]) -> list[str]:
    """The functions' names, which must differ."""
    names = [str(getattr(f, "name", getattr(f, "__name__", f"function_{j}"))) for j, f in enumerate(functions)]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"Labelling functions must have different names; got {sorted(twice)[0]!r} more than once.")
    return names


def _point(dataset: Dataset, i: int) -> SimpleNamespace:
    fields: dict[str, Any] = {str(k): v for k, v in dataset.metadata.iloc[i].items()}
    if dataset.modality == "table":
        fields |= {str(k): v for k, v in dataset.content.iloc[i].items()}
    else:
        fields[dataset.modality] = dataset.content[i]
    fields["sample_id"] = dataset.ids[i]
    return SimpleNamespace(**fields)


def _class_position(vote: Any, of_name: dict[str, int], name: str, sample_id: str) -> int:
    if vote is None:
        return ABSTAIN
    told, here = f"Labelling function {name!r} must return", f"on sample {sample_id!r}"
    if isinstance(vote, bool | np.bool_):
        # False would count as a vote for the first class, where "no vote" is meant.
        raise InputError(
            f"{told} a class, and True or False is none; got {shown(vote)} {here}. "
            f"Return a class name such as {next(iter(of_name), 'spam')!r}, its position, or None where the function "
            'has no opinion: `return "spam" if "win" in x.text else None`.'
        )
    if isinstance(vote, str):
        if vote not in of_name:
            known = ", ".join(repr(each) for each in list(of_name)[:10]) + (", ..." if len(of_name) > 10 else "")
            raise InputError(f"{told} a class of the dataset, one of {known}; got {shown(vote)} {here}.")
        return of_name[vote]
    whole = isinstance(vote, int | np.integer) or (isinstance(vote, float | np.floating) and float(vote).is_integer())
    if not whole or not ABSTAIN <= int(vote) < len(of_name):
        raise InputError(
            f"{told} a class position from 0 to {len(of_name) - 1}, a class name, or ABSTAIN (-1); "
            f"got {shown(vote)} {here}."
        )
    return int(vote)
