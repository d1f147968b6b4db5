"""Where a round's predictions come from: baselines trained as the user asked, or the user's own probabilities."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import kinds, number, takes
from dqkit.datasets.groups import group_codes
from dqkit.records import Dataset, InputError, Predictions, arguments


@dataclass(frozen=True, eq=False)
class Training:
    """Where the predictions of a round come from.

    Parameters
    ----------
    estimators, folds, pretrained, network, imbalance, groups
        As in `dqkit.cross_val_predictions`.
    own : Predictions, optional
        The user's own; nothing is trained then.
    budget_minutes, finetune
        As in `dqkit.cross_val_predictions`.
    """

    estimators: Any = None
    folds: int = 5
    pretrained: Any = None
    network: bool | int | None = None
    imbalance: str | None = None
    groups: ArrayLike | str | None = None
    own: Predictions | None = None
    budget_minutes: float | None = None
    finetune: bool | str = False

    @takes(dataset=arguments.dataset)
    def checked(self, dataset: Dataset) -> Training:
        """Return the same with own predictions in the order of the dataset.

        Parameters
        ----------
        dataset : Dataset
            As in `RoundSettings.checked`, which also says what is raised.

        Returns
        -------
        Training
        """
        from dqkit.baselines import check_finetune, check_options
        from dqkit.baselines.views import check_pretrained

        check_options(
            self.folds,
            0,
            network=self.network,
            imbalance=self.imbalance,
            groups=self.groups,
            n=len(dataset),
            pretrained=self.pretrained,
        )
        check_pretrained(self.pretrained, dataset)
        group_codes(dataset, self.groups)  # for its checks
        if self.budget_minutes is not None:
            number("budget_minutes", self.budget_minutes, above=0)
        if self.own is None:
            check_finetune(self.finetune, dataset, self.pretrained, self.folds)
            return self
        told = {"estimators": self.estimators, "pretrained": self.pretrained, "network": self.network}
        told |= {"imbalance": self.imbalance, "finetune": self.finetune or None}
        for name, value in told.items():
            if value is not None:
                raise InputError(f"predictions must come alone, because nothing is trained then; got {name} too.")
        return replace(self, own=aligned(self.own, dataset))

    @property
    def settings(self) -> dict[str, Any]:
        """For JSON: an interrupted round goes on only under the same ones. What was left out is left out."""
        told: dict[str, Any] = {"folds": self.folds}
        plain = {"pretrained": self.pretrained, "network": self.network, "imbalance": self.imbalance}
        plain |= {"budget_minutes": self.budget_minutes, "finetune": bool(self.finetune) or None}
        if isinstance(self.pretrained, tuple):  # the module's weights decide what is kept, not its place in memory
            plain["pretrained"] = f"own module {type(self.pretrained[0]).__name__}"
        told |= {name: str(value) for name, value in plain.items() if value is not None}
        if self.estimators is not None:
            from dqkit.baselines import describe_estimators

            told["estimators"] = describe_estimators(self.estimators)
        if isinstance(self.groups, str):
            told["groups"] = self.groups
        elif self.groups is not None:
            told["groups"] = _digest(pd.factorize(np.asarray(self.groups).astype(str))[0])
        if self.own is not None:
            told["predictions"] = _digest(self.own.member_probs)
        return told

    @takes(dataset=arguments.dataset)
    def grouped(self, dataset: Dataset) -> Dataset:
        """Return the dataset with the groups of this round in the place of its own.

        Parameters
        ----------
        dataset : Dataset
            As in `checked`.

        Returns
        -------
        Dataset
            The same where the round names no groups.
        """
        codes = None if self.groups is None else group_codes(dataset, self.groups)
        return dataset if codes is None else replace(dataset, groups=codes.astype(str).astype(object))

    @takes(dataset=arguments.dataset, folder=kinds.path, progress=kinds.flag)
    def predict(self, dataset: Dataset, seed: int, folder: Path, progress: bool) -> Predictions:
        """Make the predictions of the round.

        Parameters
        ----------
        dataset : Dataset
            The samples under the labels to train on.
        seed : int
            Of the round.
        folder : Path
            Finished fits are kept here.
        progress : bool
            Whether to show progress bars.

        Returns
        -------
        Predictions
            Out-of-sample probabilities of every sample; features alone where labels are too few to train on.
        """
        if self.own is not None:
            return self.own
        from dqkit.baselines import cross_val_predictions, too_few_labels, untrained_predictions

        if too_few_labels(dataset) is not None:
            return untrained_predictions(
                dataset,
                seed,
                checkpoint_dir=folder,
                pretrained=self.pretrained,
                progress=progress,
                budget_minutes=self.budget_minutes,
            )
        return cross_val_predictions(
            dataset,
            self.estimators,
            self.folds,
            seed,
            checkpoint_dir=folder,
            groups=self.groups,
            pretrained=self.pretrained,
            network=self.network,
            imbalance=self.imbalance,
            progress=progress,
            budget_minutes=self.budget_minutes,
            finetune=self.finetune,
        )


def aligned(own: Predictions, dataset: Dataset) -> Predictions:
    """The user's predictions with the samples and classes in the dataset's order; a class they lack has probability 0.

    Raises `InputError` where a sample of the dataset is not among them, one comes twice, or a class is not the
    dataset's. Predictions of other samples are left out.
    """
    if not isinstance(own, Predictions):
        raise InputError(
            f"predictions must be a dqkit.Predictions; got {type(own).__name__}. "
            "Make one with dqkit.Predictions.from_arrays(pred_probs, ids=..., classes=...)."
        )
    unknown = [name for name in own.classes if name not in dataset.classes]
    if unknown:
        raise InputError(f"predictions must be of the classes {list(dataset.classes)}; got {unknown[0]!r} too.")
    if len(set(own.classes)) < len(own.classes):
        raise InputError("predictions must name each class once.")
    rows = _positions([str(i) for i in own.ids], [str(i) for i in dataset.ids])
    columns = np.array([dataset.classes.index(name) for name in own.classes], dtype=np.int64)

    def spread(probs: NDArray[np.float32]) -> NDArray[np.float32]:
        out = np.zeros((*probs.shape[:-2], len(rows), len(dataset.classes)), dtype=np.float32)
        out[..., columns] = probs[..., rows, :]
        return out

    return replace(
        own,
        ids=dataset.ids,
        classes=dataset.classes,
        member_probs=spread(own.member_probs),
        pred_probs=spread(own.pred_probs),
        folds=own.folds[rows],
        features=None if own.features is None else own.features[rows],
        dynamics={name: np.asarray(values)[rows] for name, values in own.dynamics.items()},
    )


def _positions(there: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int64]:
    at = {sample_id: i for i, sample_id in enumerate(there)}
    if len(at) < len(there):
        twice = next(i for n, i in enumerate(there) if at[i] != n)
        raise InputError(f"predictions must hold each sample once; got {twice!r} more than once.")
    missing = [sample_id for sample_id in wanted if sample_id not in at]
    if missing:
        raise InputError(
            f"predictions must hold every sample of the workbench; {len(missing):,} of {len(wanted):,} are missing, "
            f"such as {missing[0]!r}. Use the ids of wb.dataset.ids."
        )
    return np.array([at[sample_id] for sample_id in wanted], dtype=np.int64)


def _digest(values: NDArray[Any]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=12).hexdigest()
