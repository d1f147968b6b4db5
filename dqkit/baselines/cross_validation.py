"""K folds times M members: out-of-sample probabilities for every labelled sample, votes for all others."""

from __future__ import annotations

import importlib.util
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.arrays.threads import fitting_threads
from dqkit.baselines.calibration import fit_calibration, pool_exponents
from dqkit.baselines.checkpoints import Checkpoints, call_fingerprint
from dqkit.baselines.comparison import ensemble_row, reference_rows, table
from dqkit.baselines.estimators import estimator_members, named_estimators
from dqkit.baselines.feature_cache import Shelf
from dqkit.baselines.finetuning.consent import check_finetune
from dqkit.baselines.folds import copy_groups, join_groups, stratified_folds
from dqkit.baselines.members import Task
from dqkit.baselines.runs import BaselineWarning, Run, run_all
from dqkit.baselines.untrained import too_few_labels, trained_labels
from dqkit.baselines.views import check_pretrained, starting_point, view_of, with_finetuned
from dqkit.checks import as_array, number, shown, whole_number
from dqkit.datasets.groups import group_codes, warn_of_groups_in_test
from dqkit.datasets.paths import local_path
from dqkit.records import Dataset, DqkitError, InputError, MissingExtra, Predictions

MOST_NETWORKS = 20


def cross_val_predictions(
    ds: Dataset,
    estimators: Any = None,
    folds: int = 5,
    seed: int = 0,
    *,
    checkpoint_dir: str | Path | None = None,
    groups: ArrayLike | str | None = None,
    pretrained: Any = None,
    network: bool | int | None = None,
    imbalance: str | None = None,
    tensorboard: str | Path | None = None,
    progress: bool = True,
    budget_minutes: float | None = None,
    finetune: bool | str = False,
) -> Predictions:
    """Predict every sample of a dataset by models that were not trained on that sample's label.

    Parameters
    ----------
    ds : Dataset
        The samples and their labels.
    estimators : estimator, list or mapping, optional
        One or several with scikit-learn's fit and predict_proba (or decision_function); a mapping names them. None: the
        defaults of the modality.
    folds : int
        2 or more, how many parts the labelled samples are cut into. Where labelled samples or their groups are fewer,
        there are fewer parts, and a warning.
    seed : int
        0 to 2**32 - 1. The same seed gives the same result, bit for bit on the same CPU.
    checkpoint_dir : str or Path, optional
        Finished fits are saved there and not trained again by a later call on the same data and settings. What does not
        depend on labels (features, near copies) is kept there across relabelling.
    groups : array-like, shape (n,), or str, optional
        Values, or the name of a metadata column; by default `ds.groups`. Samples that share a value (a patient, a
        video) are held out together; a missing value is a group of one. Copies are always held out together.
    pretrained : str, Path, pair or False, optional
        A transformers model (name or folder), or for images a pair (torch module, transform); see `embed`. Its
        embeddings replace the features of images and texts. If it cannot be loaded, a warning says so and the defaults
        are used. None: images larger than 48 pixels get the embeddings of the network that is installed with dqkit,
        texts those of the sentence encoder where the extra `texts` is installed. Members on them stand beside those on
        pixels or words. False: no pretrained model.
    network : bool or int, optional
        Whether images get a small convolutional network among the default members, or how many (they differ by their
        seeds). None: one on a GPU, for few or small images, and for more than 60,000; beside a pretrained network none.
        On a CPU it takes at least four times the time of the other members together, which pays for tens of thousands
        of images.
    imbalance : {None, "weighted", "focal"}
        "weighted": the network's batches hold all classes equally often. "focal": its loss dwells on doubtful samples.
    tensorboard : str or Path, optional
        A folder for the network's logs, one run per fold. Fits found in `checkpoint_dir` are not logged again.
    progress : bool
        Whether to show a progress bar.
    budget_minutes : float, optional
        About how long the call may take, above 0. The installed network then sees photos at the largest of 224, 160 and
        128 pixels that fits, timed on 32 of them; where none fits it is left out and a warning says so. The choice is
        kept in `checkpoint_dir`; without it, it may differ from run to run, and so may the result.
    finetune : {False, True, "anyway"}
        Whether images get one more member, `finetuned`: the network that is installed (or the transformers model of
        `pretrained`) whose last blocks learn from your labels. When to stop is decided on a fifth of a fold's training
        samples. True needs a GPU; "anyway" does it on a processor too, which takes many times as long as all else.

    Returns
    -------
    Predictions
        Probabilities of every member and their calibrated mix, the features, the folds, and the table of baselines.
        Unlabelled, unusable and test samples get the mean of a member's fold models.

    Raises
    ------
    InputError
        Where fewer than two classes have labelled samples, two classes of which one has a single sample, or an argument
        does not fit; with `finetune=True` where there is no GPU.
    MissingExtra
        Where `tensorboard` is asked for and not installed.

    Warns
    -----
    BaselineWarning
        Where a member fails or a class is too small. The other members go on.

    Notes
    -----
    Labelled samples outside the test split are cut into stratified folds. Each member is fitted once per fold and
    predicts the samples that were held out. Features are learned without labels and never from test samples. Each
    member's scores are calibrated out of sample. `pred_probs` is their weighted mean of log-probabilities, calibrated
    once more. A class with a single sample is absent from training whenever that sample is predicted.

    Examples
    --------
    >>> import dqkit as dq, numpy as np
    >>> x = np.random.default_rng(0).normal(size=(60, 3)); y = (x[:, 0] > 0).astype(int)
    >>> from sklearn.linear_model import LogisticRegression
    >>> p = cross_val_predictions(dq.from_arrays(x, y), LogisticRegression(), progress=False)
    >>> p.pred_probs.shape
    (60, 2)
    """
    if not isinstance(ds, Dataset):
        raise InputError(
            f"ds must be a dqkit.Dataset; got {type(ds).__name__}. Make one, such as with dqkit.from_arrays."
        )
    check_options(folds, seed, network=network, imbalance=imbalance, groups=groups, n=len(ds), pretrained=pretrained)
    check_pretrained(pretrained, ds)
    check_finetune(finetune, ds, pretrained, folds)
    minutes = None if budget_minutes is None else number("budget_minutes", budget_minutes, above=0)
    if tensorboard is not None and importlib.util.find_spec("tensorboard") is None:
        raise MissingExtra("tensorboard= needs TensorBoard. Run: pip install 'dqkit[tensorboard]'")
    if estimators is not None:
        named_estimators(estimators)  # for its checks
    logs = None if tensorboard is None else local_path("tensorboard", tensorboard)
    folds, seed = int(folds), int(seed)
    codes = group_codes(ds, groups)
    checkpoint_dir = None if checkpoint_dir is None else local_path("checkpoint_dir", checkpoint_dir)
    if codes is not None:
        warn_of_groups_in_test(codes, ds.is_test & ds.is_usable)
    given = not (estimators is None and (pretrained is None or pretrained is False))
    with fitting_threads(len(ds), pooled=ds.modality == "image" and not given):
        shelf = Shelf.of(checkpoint_dir, ds)
        task, folds = _task(ds, folds, seed, codes, shelf)
        task = replace(
            task,
            network=None if network is None else int(network),
            imbalance=imbalance,
            minutes=minutes,
            logs=logs,
        )
        return _predictions(task, estimators, folds, checkpoint_dir, pretrained, progress, bool(finetune))


def check_options(
    folds: object,
    seed: object,
    *,
    network: object,
    imbalance: object,
    groups: ArrayLike | str | None,
    n: int,
    pretrained: object = None,
) -> None:
    """Raise `InputError` where `cross_val_predictions` would refuse these options.

    Parameters
    ----------
    folds, seed, network, imbalance, groups
        As in `cross_val_predictions`.
    n : int
        The number of samples.
    pretrained : object
        As in `cross_val_predictions`; whether the model can be loaded is not tried.

    Raises
    ------
    InputError
        Naming the first option that does not fit.
    """
    _check_whole("folds", folds, 2, None)
    _check_whole("seed", seed, 0, 2**32 - 1)
    if imbalance is not None and not (isinstance(imbalance, str) and imbalance in ("weighted", "focal")):
        raise InputError(f"imbalance must be None, 'weighted' or 'focal'; got {shown(imbalance)}.")
    if network is not None and (not isinstance(network, int | np.integer) or not 0 <= network <= MOST_NETWORKS):
        raise InputError(f"network must be None, True, False or how many, 0 to {MOST_NETWORKS}; got {network!r}.")
    named = pretrained is None or pretrained is False or isinstance(pretrained, str | os.PathLike)
    if not named and not (isinstance(pretrained, tuple | list) and len(pretrained) == 2):
        raise InputError(
            "pretrained must be a model's name or folder, a pair (torch module, transform), False for none, or None "
            f"for the default; got {shown(pretrained)}."
        )
    if groups is not None and not isinstance(groups, str):
        n = whole_number("n", n, least=0)
        shape = as_array("groups", groups, shape=f"({n},), one value a sample").shape
        if shape != (n,):
            raise InputError(f"groups must have shape ({n},), one value a sample; got {shape}.")


def _predictions(
    task: Task,
    estimators: Any,
    folds: int,
    checkpoint_dir: str | Path | None,
    pretrained: Any,
    progress: bool,
    finetune: bool,
) -> Predictions:
    ds = task.dataset
    start = starting_point(task, pretrained) if finetune else None
    view = view_of(task, pretrained, checkpoint_dir, progress)
    members = view.members() if estimators is None else estimator_members(task, estimators)
    folder = None if checkpoint_dir is None else Path(checkpoint_dir)
    members = members if start is None else with_finetuned(task, members, start, folder)
    call = call_fingerprint(task.shelf.content, ds.classes, task.y, task.folds, task.seed)
    runs = run_all(task, members, folds, Checkpoints(folder, call), progress)
    good = [run for run in runs if run.error is None]
    if not good:
        raise DqkitError(
            f"every member failed, so there are no predictions; the first error: {runs[0].name}: {runs[0].error!r}."
        ) from runs[0].error

    y = task.y[task.labeled]
    fair = _seen_in_training(task)
    for run in good:
        run.calibrate(task, y, fair)
    member_probs = np.stack([run.probs for run in good])
    logs = np.log(np.maximum(member_probs, 1e-7))
    weights = pool_exponents(logs[:, task.labeled[fair]], y[fair])
    weights = weights / weights.sum()
    pred_probs = _combine(logs, weights, task, fair)
    rows = reference_rows(task, view.features, view.plain)
    member_rows = [run.row(task, dict(zip([r.name for r in good], weights, strict=True))) for run in runs]
    fine = [row for row in member_rows if row["status"] == "ok"]
    rows += [*member_rows, ensemble_row(pred_probs[task.labeled], y, fine)]
    return Predictions(
        ids=ds.ids,
        classes=ds.classes,
        member_probs=member_probs,
        pred_probs=pred_probs,
        members=tuple(run.name for run in good),
        weights=weights,
        folds=task.folds,
        features=np.ascontiguousarray(view.features, dtype=np.float32),
        baselines=table(rows),
        dynamics=_dynamics(good),
        checks=_checks(good),
    )


def _dynamics(runs: list[Run]) -> dict[str, NDArray[Any]]:
    """margins (n, epochs) and wrong_epochs (n,), the mean over the folds a sample was trained on in; NaN for none."""
    kept = [r.margins for run in runs for r in run.results if r.margins is not None]
    if not kept:
        return {}
    epochs = min(margins.shape[1] for margins in kept)
    stack = np.stack([margins[:, :epochs] for margins in kept])
    count = np.isfinite(stack).sum(axis=0)
    with np.errstate(invalid="ignore"):
        margins = (np.nansum(stack, axis=0) / count).astype(np.float32)
        wrong = ((stack < 0).sum(axis=(0, 2)) / count.sum(axis=1)).astype(np.float32)
    return {"margins": margins, "wrong_epochs": wrong}


def _checks(runs: list[Run]) -> pd.DataFrame:
    """One row a member and check; a warning for each that did not hold in any fold."""
    rows = []
    for run in runs:
        for fold, result in enumerate(run.results):
            for check, ok, found in result.checks:
                rows.append((run.name, fold, check, ok, found))
                if not ok:
                    warnings.warn(
                        f"training check of {run.name!r}, fold {fold}: {check}: {found}", BaselineWarning, stacklevel=4
                    )
    return pd.DataFrame(rows, columns=["member", "fold", "check", "ok", "found"])


def _task(ds: Dataset, folds: int, seed: int, groups: NDArray[np.int64] | None, shelf: Shelf) -> tuple[Task, int]:
    """The labels to train on, cut into folds, and how many folds there are."""
    missing = too_few_labels(ds)
    if missing is not None:
        raise InputError(missing)
    y = trained_labels(ds)
    together = shelf.array("copies", {}, lambda: copy_groups(ds))
    if groups is not None:
        together = join_groups(groups, together)
    fold_of = _most_folds(y, folds, seed, together)
    if fold_of is None and groups is None:
        together = np.arange(len(y))
        fold_of = _most_folds(y, folds, seed, together)
        if fold_of is not None:
            warnings.warn(
                "so many samples are copies of each other that folds cannot keep copies together; they are split, "
                "and accuracies may be too good",
                BaselineWarning,
                stacklevel=3,
            )
    if fold_of is None:
        raise InputError(
            f"ds must leave at least two classes to train on in each of the {folds} folds; it has "
            f"{int((y >= 0).sum())} labelled samples whose groups do not allow it. "
            "Label more samples, or ask for fewer folds or finer groups."
        )
    used = int(fold_of.max()) + 1
    if used < folds:
        warnings.warn(
            f"{folds} folds are too many for {int((y >= 0).sum())} labelled samples and their groups; "
            f"{used} folds are used",
            BaselineWarning,
            stacklevel=3,
        )
    return Task(ds, y, fold_of, seed, together, shelf=shelf), used


def _check_whole(name: str, value: object, least: int, most: int | None) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        upper = "" if most is None else f" and at most {most}"
        raise InputError(f"{name} must be at least {least}{upper} and a whole number; got {shown(value)}.")


def _most_folds(y: NDArray[np.int64], folds: int, seed: int, groups: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """The folds, as many as asked for or as few fewer as the labelled samples and their groups need; None if none."""
    for count in range(min(folds, len(np.unique(groups[y >= 0]))), 1, -1):
        fold_of = _feasible(y, count, seed, groups)
        if fold_of is not None:
            return fold_of
    return None


def _feasible(y: NDArray[np.int64], folds: int, seed: int, groups: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """The folds, or None where a fold would be empty or leave one class to train on."""
    fold_of = stratified_folds(y, folds=folds, seed=seed, groups=groups)
    enough = all(len(np.unique(y[(y >= 0) & (fold_of != fold)])) >= 2 for fold in range(folds))
    return fold_of if enough and len(np.unique(fold_of[y >= 0])) == folds else None


def _seen_in_training(task: Task) -> NDArray[np.bool_]:
    """(labelled,) False where the sample is its class: no model that judges it has seen the class."""
    folds, y = task.folds[task.labeled], task.y[task.labeled]
    per_fold = np.zeros((int(folds.max()) + 1, task.n_classes), dtype=np.int64)
    np.add.at(per_fold, (folds, y), 1)
    return np.asarray(per_fold.sum(axis=0)[y] > per_fold[folds, y])


def _combine(
    logs: NDArray[np.float32], weights: NDArray[np.float64], task: Task, fair: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The weighted mean of the members' log-probabilities, calibrated: it is as modest as its members on average."""
    mean = np.tensordot(weights.astype(np.float32), logs, axes=1)
    at = task.labeled[fair]
    return fit_calibration(mean[at], task.y[at])(mean)
