"""Everything that a round was told, in one value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dqkit.acquisition import QueueOptions
from dqkit.checks import takes
from dqkit.records import Dataset, InputError, arguments
from dqkit.rounds.training import Training


@dataclass(frozen=True)
class RoundSettings:
    """What a round was told.

    Parameters
    ----------
    budget : int
        How many samples to queue; 0 for an audit without a queue.
    seed : int
        The same snapshot, settings and machine give the same round.
    training : Training
        Where the predictions come from.
    queue : QueueOptions
        How the budget is shared out.
    exclude : tuple of str
        Columns of a table that are no features in this round.
    """

    budget: int = 100
    seed: int = 0
    training: Training = field(default_factory=Training)
    queue: QueueOptions = field(default_factory=QueueOptions)
    exclude: tuple[str, ...] = ()

    @takes(dataset=arguments.dataset)
    def checked(self, dataset: Dataset) -> RoundSettings:
        """Return the same settings, fit for this dataset.

        Parameters
        ----------
        dataset : Dataset
            The samples of the round.

        Returns
        -------
        RoundSettings
            With own predictions in the order of the dataset.

        Raises
        ------
        InputError
            Where something does not fit. A round takes minutes, so all of it is checked before anything is trained or
            written.
        """
        if not is_whole(self.budget) or self.budget < 0:
            raise InputError(f"budget must be a whole number of samples, at least 1; got {self.budget!r}.")
        if not is_whole(self.seed) or not 0 <= self.seed < 2**32:
            raise InputError(f"seed must be a whole number from 0 to 2**32 - 1; got {self.seed!r}.")
        strange = [name for name in self.queue.class_quota or () if name not in dataset.classes]
        if strange:
            raise InputError(f"class_quota must name classes of {list(dataset.classes)}; got {strange[0]!r}.")
        without_columns(dataset, self.exclude)  # for its checks
        return replace(self, budget=int(self.budget), seed=int(self.seed), training=self.training.checked(dataset))

    def described(self) -> dict[str, Any]:
        """Return everything but budget and seed, for JSON.

        Returns
        -------
        dict
            An interrupted round goes on only under the same settings.
        """
        told: dict[str, Any] = as_json({**self.training.settings, **self.queue.described()})
        return told | ({"exclude": sorted(self.exclude)} if self.exclude else {})


def without_columns(dataset: Dataset, exclude: Sequence[str]) -> Dataset:
    """Return the dataset without some columns of its table.

    Parameters
    ----------
    dataset : Dataset
        Of any modality; only a table has columns to leave out.
    exclude : sequence of str
        Names of columns.

    Returns
    -------
    Dataset
        The same where `exclude` is empty.

    Raises
    ------
    InputError
        For what is no column of it, and where none would be left.
    """
    if isinstance(exclude, str) or not isinstance(exclude, Sequence):
        raise InputError(f"exclude must be a list of columns; got {exclude!r}. Write exclude=[{exclude!r}].")
    if not exclude:
        return dataset
    columns = [str(name) for name in dataset.content.columns] if dataset.modality == "table" else []
    strange = [name for name in exclude if str(name) not in columns]
    if strange:
        has = ", ".join(columns[:20]) or f"none, it holds {dataset.modality} samples"
        raise InputError(f"exclude must name feature columns of the dataset; got {strange[0]!r}. It has: {has}.")
    left = [place for place, name in enumerate(columns) if name not in set(map(str, exclude))]
    if not left:
        raise InputError("exclude leaves no feature; name fewer columns in it.")
    return replace(dataset, content=dataset.content.iloc[:, left])


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, and no bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def as_json(value: Any) -> Any:
    """The value for JSON: plain numbers and lists, and None in the place of NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(k): as_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [as_json(v) for v in value]
    if isinstance(value, np.generic):
        return as_json(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
