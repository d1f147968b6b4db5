"""What models say of every sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import as_probabilities, distinct_names, finite_rows, rows_in_order
from dqkit.errors import InputError
from dqkit.records.ids import as_ids

CHECK_COLUMNS = ("member", "fold", "check", "ok", "found")


@dataclass(frozen=True, eq=False, repr=False)
class Predictions:
    """What the baselines say of every sample, without having been trained on that sample's label.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
        Sample ids.
    classes : tuple of str
        The c class names.
    member_probs : ndarray of float32, shape (m, n, c)
        For a labelled training sample: the fold model that did not see it. For unlabelled and test samples: the mean
        over the member's fold models.
    pred_probs : ndarray of float32, shape (n, c)
        The members' log-probabilities averaged by `weights`, calibrated; of a user's own members the plain average.
    members : tuple of str
        The m member names; empty where too few labels were there to train on (`is_trained` is False).
    weights : ndarray, shape (m,)
        Not negative, sum 1.
    folds : ndarray of int, shape (n,)
        The fold a sample was held out of, -1 if in none.
    features : ndarray of float32, shape (n, d), or None
        For neighbours, outliers and strategies.
    baselines : DataFrame
        One row per model (chance, majority, members, ensemble) with accuracy, log_loss and more.
    dynamics : mapping of str to ndarray
        Training history where a member recorded it: margins (n, epochs), by how much the logit of the given label led
        the best other after each epoch, and wrong_epochs (n,), the share of epochs in which it lost.
    checks : DataFrame
        Columns member, fold, check, ok, found: what the checks of the training found.
    """

    ids: NDArray[np.object_]
    classes: tuple[str, ...]
    member_probs: NDArray[np.float32]
    pred_probs: NDArray[np.float32]
    members: tuple[str, ...]
    weights: NDArray[np.float64]
    folds: NDArray[np.int64]
    features: NDArray[np.float32] | None = None
    baselines: pd.DataFrame = field(default_factory=pd.DataFrame)
    dynamics: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    checks: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(CHECK_COLUMNS)))

    @classmethod
    def from_arrays(
        cls,
        pred_probs: ArrayLike,
        *,
        ids: Sequence[str],
        classes: Sequence[str],
        features: ArrayLike | None = None,
        members: Sequence[str] | None = None,
    ) -> Predictions:
        """Take a user's own out-of-sample probabilities.

        Parameters
        ----------
        pred_probs : array-like, shape (n, c) or (members, n, c)
            Rows summing to one. In a DataFrame the columns are found by the class names, and the rows by the ids where
            it has an index of its own. For two classes also (n,) or (n, 1), the probabilities of the second, which a
            warning says.
        ids : sequence of str
            n distinct sample ids.
        classes : sequence of str
            c distinct names, in the order of the columns.
        features : array-like, shape (n, d), optional
            For neighbours, outliers and strategies.
        members : sequence of str, optional
            A name for each member.

        Returns
        -------
        Predictions

        Raises
        ------
        InputError
            Where shapes disagree, an id or class comes twice, a column is missing or none of the classes, a value is
            not finite or negative, or a row does not sum to one.

        Examples
        --------
        >>> frame = pd.DataFrame({"yes": [0.9, 0.2], "no": [0.1, 0.8]}, index=["b", "a"])
        >>> Predictions.from_arrays(frame, ids=["a", "b"], classes=["no", "yes"]).pred_probs.argmax(axis=1)
        array([0, 1])
        """
        known = distinct_names("ids", ids)
        names_of_classes = distinct_names("classes", classes)
        if len(names_of_classes) == 0:
            raise InputError("classes must name at least one class; got none.")
        array = as_probabilities(
            "pred_probs",
            rows_in_order("pred_probs", pred_probs, known),
            dims=(2, 3),
            n=len(known),
            classes=names_of_classes,
            one_column=True,
        )
        probs = np.asarray(array, dtype=np.float32)
        probs = probs[None] if probs.ndim == 2 else probs
        m = len(probs)
        names = [f"member_{i}" for i in range(m)] if members is None else distinct_names("members", members, length=m)
        matrix = None
        if features is not None:
            rows = finite_rows("features", rows_in_order("features", features, known), n=len(known))
            matrix = _single(rows)
        return cls(
            ids=as_ids(known),
            classes=tuple(names_of_classes),
            member_probs=probs,
            pred_probs=probs.mean(axis=0),
            members=tuple(names),
            weights=np.full(m, 1.0 / m),
            folds=np.full(len(known), -1, dtype=np.int64),
            features=matrix,
        )

    @property
    def is_trained(self) -> bool:
        """Whether a model stands behind these; if not, only `features` say anything."""
        return len(self.members) > 0

    def __repr__(self) -> str:
        m, n, c = self.member_probs.shape
        if not self.is_trained:
            return f"Predictions({n:,} samples, {c} classes, no model yet: too few labels)"
        d = "no" if self.features is None else str(self.features.shape[1])
        return f"Predictions({n:,} samples, {c} classes, {m} members: {', '.join(self.members)}; {d} features)"


def _single(rows: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        out = np.asarray(rows, dtype=np.float32)
    if not np.isfinite(out).all():
        raise InputError(
            f"features must fit into float32; got values up to {np.abs(rows).max():.4g}. Scale them first."
        )
    return out
