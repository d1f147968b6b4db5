"""Which given labels are wrong, how sure that is, and how much noise there is in all."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import as_array, as_labels, as_probabilities, finite_rows, one_of, seed_number
from dqkit.records import InputError
from dqkit.signals.label_noise.confident_learning import confident_learning
from dqkit.signals.label_noise.families import training_history
from dqkit.signals.label_noise.found_errors import LabelErrors
from dqkit.signals.label_noise.judging import judged_errors
from dqkit.signals.label_noise.noise_model import Ints
from dqkit.signals.label_noise.regression import TargetErrors, regression_errors
from dqkit.signals.neighbors import Neighbors
from dqkit.signals.neighbors import neighbors as nearest_rows

Method = Literal["auto", "confident_learning"]
METHODS: tuple[Method, ...] = ("auto", "confident_learning")
Task = Literal["classification", "regression"]
TASKS: tuple[Task, ...] = ("classification", "regression")


def label_errors(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    method: Method = "auto",
    task: Task | None = None,
    features: ArrayLike | None = None,
    neighbors: Neighbors | None = None,
    dynamics: Mapping[str, ArrayLike] | ArrayLike | None = None,
    seed: int = 0,
) -> LabelErrors:
    """Find given labels that are probably wrong, and estimate how many are wrong in all.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
        Class positions; -1 = unlabelled (score 0, never flagged). Floats are taken where they are whole numbers.
    pred_probs : array-like, shape (n, c) or (members, n, c)
        Out-of-sample probabilities, rows summing to one. (n,) or (n, 1): the probability of the second of two classes.
    method : {"auto", "confident_learning"}
        "confident_learning" gives cleanlab's own flags over the members' plain average.
    task : {"classification", "regression"}, optional
        "regression": `labels` are a continuous target and `pred_probs` its predictions, see `regression_errors`.
        Without it labels that are not whole numbers are still taken for such a target, with a DeprecationWarning.
    features : array-like, shape (n, d), optional
        For the labels of near neighbours.
    neighbors : Neighbors, optional
        Their graph, where it is known already.
    dynamics : mapping or array-like, optional
        Training history. A mapping of "margins" (logit margins of the given label; higher = safer) and "wrong_epochs"
        (counts, or true where wrong) to arrays (n,) or (n, epochs); or one array, (n,) or (n, epochs) of margins, or
        (n, epochs, c) of probabilities or logits after each epoch.
    seed : int
        For what is sampled: rows to fit on, planted errors.

    Returns
    -------
    LabelErrors
        Scores, flags and suggested labels, the noise rate with its interval, the noise matrix.

    Raises
    ------
    InputError
        Where shapes disagree, n = 0, c < 2, a label is out of range, a row is no distribution, or the columns are in
        another order than the classes.

    Warns
    -----
    UserWarning
        Where some columns of `pred_probs` look exchanged; the text names them.
    DeprecationWarning
        Where labels that are not whole numbers come without `task`.

    Notes
    -----
    Members are mixed by how well they predict the given labels. A judge that was trained on thousands of simulated
    audits (datasets, kinds of noise, models) then says how probable it is that each label is wrong, from the evidence
    of the row and from what the dataset is like as a whole. As many rows are flagged as give the highest expected F1;
    the rate is the mean probability. Neighbours and training history join only where a test on planted errors shows
    that they help. The page "Label errors" of the documentation explains each step, how the judge was made and what it
    reaches on datasets, kinds of noise and models that it was not trained on.

    Predictions that say no more about the labels than chance allows (a permutation test at 0.1 %) judge nothing, see
    `LabelErrors.not_judged`. The order of the rows does not matter, but for what is sampled.

    References
    ----------
    G. Patrini et al., Making Deep Neural Networks Robust to Label Noise, CVPR 2017. C. Northcutt et al., Confident
    Learning, JAIR 2021. C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017. Z. Lipton, C. Elkan, B.
    Naryanaswamy, Optimal Thresholding of Classifiers to Maximize F1 Measure, ECML 2014.

    Examples
    --------
    >>> import numpy as np
    >>> probs = np.array([[0.9, 0.1]] * 40 + [[0.1, 0.9]] * 40)
    >>> given = np.array([0] * 40 + [1] * 39 + [0])
    >>> found = label_errors(given, probs)
    >>> found.table.loc[found.table["flag"], ["suggested_label", "kind"]].to_dict("index")
    {79: {'suggested_label': 1, 'kind': 'mislabelled'}}
    """
    one_of("method", method, METHODS)
    if task is not None:
        one_of("task", task, TASKS)
    seed = seed_number(seed)
    if task == "regression" or (task is None and _continuous(labels)):
        found = _of_targets(regression_errors(labels, pred_probs, features=features, neighbors=neighbors))
        if task is None:
            warnings.warn(
                "labels must be whole numbers; others are taken for a continuous target in this release only. Write "
                'label_errors(..., task="regression"), or call regression_errors.',
                DeprecationWarning,
                stacklevel=2,
            )
        return found
    array, given = _checked(labels, pred_probs)
    probs = np.asarray(array, dtype=np.float32)
    graph = _graph(features, neighbors, len(given))
    history = training_history(dynamics, given, probs.shape[2])
    if method == "confident_learning":
        return LabelErrors(*confident_learning(given, array))
    return judged_errors(probs, given, graph, history, seed, in_order=False)


def _of_targets(found: TargetErrors) -> LabelErrors:
    return LabelErrors(
        table=found.table,
        noise_rate=found.error_rate,
        noise_rate_interval=found.error_rate_interval,
        noise_matrix=np.empty((0, 0)),
        weights=found.weights,
        scorers=("residuals",),
    )


def _continuous(labels: ArrayLike) -> bool:
    values = as_array("labels", labels, shape="(n,)")
    return values.dtype.kind == "f" and bool((np.isfinite(values) & (values != np.floor(values))).any())


def _checked(labels: ArrayLike, pred_probs: ArrayLike) -> tuple[NDArray[Any], Ints]:
    """(members, n, c) probabilities in the type that they came in, and the labels."""
    array = as_probabilities("pred_probs", pred_probs, dims=(2, 3), least_classes=2, one_column=True)
    array = array[None] if array.ndim == 2 else array
    _, n, c = array.shape
    if n == 0:
        raise InputError(f"pred_probs must hold at least one row; got shape {array.shape}.")
    return array, as_labels(labels, classes=c, n=n)


def _graph(features: ArrayLike | None, neighbors: Neighbors | None, n: int) -> Neighbors | None:
    if neighbors is not None:
        if not isinstance(neighbors, Neighbors):
            raise InputError(f"neighbors must be what dqkit.signals.neighbors returns; got {type(neighbors).__name__}.")
        if len(neighbors.indices) != n:
            raise InputError(f"neighbors must describe the {n} rows of labels; got {len(neighbors.indices)} rows.")
        return neighbors
    if features is None:
        return None
    rows = finite_rows("features", features, n=n)
    return nearest_rows(rows, k=min(10, n - 1)) if n > 1 else None
