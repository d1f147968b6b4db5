"""Every signal of a dataset side by side: one row per sample for people and queues, one summary for the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.checks import seed_number
from dqkit.records import Dataset, InputError, Predictions
from dqkit.signals.calibration import best_temperature
from dqkit.signals.content import ContentSignals, blank_where_unusable, content_signals
from dqkit.signals.copies import copies, settle_copies
from dqkit.signals.label_noise.families import training_history
from dqkit.signals.label_noise.found_errors import LabelErrors
from dqkit.signals.label_noise.judging import judged_errors
from dqkit.signals.label_noise.taught import Reviewed
from dqkit.signals.neighbors import Neighbors
from dqkit.signals.signal_summary import Measured, summarize
from dqkit.signals.uncertainty import disagreement, uncertainty
from dqkit.signals.underperforming_groups import feature_clusters, underperforming_groups
from dqkit.signals.valuation import knn_shapley

DOUBT = (
    "entropy",
    "margin",
    "least_confidence",
    "top_spread",
    "vote_entropy",
    "js_divergence",
    "variation_ratio",
)


@dataclass(frozen=True, eq=False, repr=False)
class SignalTable:
    """All signals of a dataset.

    Attributes
    ----------
    table : DataFrame
        Indexed by sample id, in the order of the dataset; `signal_table` lists the columns.
    summary : dict
        Plain dicts, lists, strings and numbers (JSON), one entry per check. A check that could not run, and label
        errors that the predictions cannot judge, have {"skipped": why}.
    neighbors : Neighbors or None
        The graph over all samples; None without features. A sample that cannot be used (an unreadable file) has indices
        -1 and distances inf.
    label_errors : LabelErrors or None
        One row per sample in dataset order; None where the check could not run.
    """

    table: pd.DataFrame
    summary: dict[str, Any]
    neighbors: Neighbors | None
    label_errors: LabelErrors | None

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        return f"SignalTable({len(self):,} samples, {int(self.table['label_flag'].sum()):,} labels flagged)"


def signal_table(
    dataset: Dataset,
    predictions: Predictions,
    *,
    seed: int = 0,
    sharpness: NDArray[np.float64] | None = None,
    content: ContentSignals | None = None,
    reviewed: Reviewed | None = None,
) -> SignalTable:
    """Compute every signal of a dataset from out-of-sample predictions for its samples.

    Parameters
    ----------
    dataset : Dataset
        The samples.
    predictions : Predictions
        The same ids in the same order, and the same classes.
    seed : int
        For what is sampled.
    sharpness : ndarray, shape (n,), optional
        Of the originals of pictures, see `image_properties`.
    content : ContentSignals, optional
        What `dqkit.signals.content.content_signals` found for this dataset, these features, seed and sharpness, however
        the labels were then; made here where None.
    reviewed : Reviewed, optional
        Rows that people have looked at, the labels that they carried, and which of these were wrong: they teach the
        judge of label errors.

    Returns
    -------
    SignalTable
        Its `table` has the columns of the Notes.

    Raises
    ------
    InputError
        Where ids or classes disagree, or `content` is of another number of samples.

    Notes
    -----
    Columns are floats in [0, 1], higher = look sooner, unless said.

    - given_label (name or None), predicted_label (name), confidence (largest probability, higher = surer).
    - label_score, error_probability, label_flag (bool), suggested_label (name), label_kind, reasons (text, "; " between
      reasons): from `label_errors` on the labelled usable rows. Elsewhere 0, 0, False, the predicted label, "", "".
      Where the predictions say no more about the labels than chance, no row is flagged and error_probability is NaN.
    - entropy, margin, least_confidence, top_spread: `uncertainty` of the mean probabilities.
    - vote_entropy, js_divergence, variation_ratio: `disagreement` of the members, each tempered on the labelled rows; 0
      with one member.
    - outlier_score, outlier (bool), nearest_distance, exact_duplicate (bool, another sample has the same content, see
      `dqkit.near_copies.identical_content`), near_duplicate (bool), duplicate_group (int, -1 = none), uniqueness,
      representativeness: from `neighbors`. For a sample without features or that is not usable 0, False, -1, and NaN
      for nearest_distance. The duplicates of texts are those of `similar_texts`. Those of images are joined with
      `dqkit.signals.duplicates.lone_pairs` and with what `dqkit.near_copies.similar_images` sees in their pixels.
    - copy_of (id, "" = none): the first sample with identical content, see `dqkit.signals.copies.copies`. Where the
      labels of copies differ one of them is certainly wrong, and their label_score add up to 1 or more.
    - knn_agreement: the share of the labelled neighbours that carry this sample's label (the predicted one if it has
      none), higher = agrees; NaN where no neighbour is labelled or there are no features.
    - knn_shapley: what the label is worth to its neighbours, higher = worth more, 0.5 = nothing, below = it misleads;
      0.5 without a label or features.
    - feature_cluster: int, the cluster of the features, -1 = none; a grouping of `underperforming_groups`.
    - For images the columns of `image_properties`, for texts those of `text_properties`.

    Without a model (`Predictions.is_trained` is False) predicted_label and suggested_label are None, the columns about
    its doubt are NaN, and no label is judged. Images are taken as fitted onto a black canvas where the metadata have
    the width and height of the originals.
    """
    _check(dataset, predictions)
    seed = seed_number(seed)
    n = len(dataset)
    names = np.asarray(dataset.classes, dtype=object)
    usable = np.asarray(dataset.is_usable, dtype=bool)
    labels = np.asarray(dataset.labels, dtype=np.int64)
    judged = usable & (labels >= 0)
    trained = predictions.is_trained
    predicted = predictions.pred_probs.argmax(axis=1) if n and trained else np.full(n, -1, dtype=np.int64)
    temperatures = [best_temperature(labels[judged], member[judged]) for member in predictions.member_probs]

    if content is None:
        content = content_signals(dataset, predictions.features, seed=seed, sharpness=sharpness)
    elif len(content) != n:
        raise InputError(f"content must be of this dataset of {n:,} samples; got one of {len(content):,}.")
    graph, first = content.graph, content.first
    known = np.where(usable, labels, -1)
    errors = _label_errors(known, predictions, graph, seed, reviewed) if trained else None
    index = pd.Index(dataset.ids, name="sample_id")
    table = pd.DataFrame(
        {
            # As objects, so that a missing label stays None and does not become NaN.
            "given_label": pd.Series(_names(names, labels), index=index, dtype=object),
            "predicted_label": pd.Series(_names(names, predicted), index=index, dtype=object),
            "confidence": np.where(trained, predictions.pred_probs.max(axis=1), np.nan).astype(np.float64),
        },
        index=index,
    )
    for column, values in _label_columns(errors, judged, names, predicted).items():
        table[column] = values
    properties = content.properties
    frames = [*_doubt_columns(predictions, temperatures), content.neighbor_columns()]
    if properties is not None:
        frames.append(blank_where_unusable(properties, usable))
    for frame in frames:
        for column in frame.columns:
            table[column] = frame[column].to_numpy()
    table["duplicate_group"], table["near_duplicate"] = content.duplicate_group, content.near_duplicate
    table["exact_duplicate"] = np.bincount(first, minlength=len(first))[first] > 1
    table["copy_of"] = pd.Series(copies(dataset, first), index=index, dtype=object)
    table["knn_agreement"] = _agreement(graph, labels, predicted, usable)
    table["knn_shapley"] = np.full(n, 0.5) if graph is None else knn_shapley(known, graph.indices)
    clusters = _clusters(predictions, judged, seed)
    table["feature_cluster"] = clusters
    measured = Measured(
        judged=judged,
        temperatures=temperatures,
        errors=errors,
        graph=graph,
        order=content.order,
        groups=_groups(dataset, clusters, judged, predicted != labels) if trained else None,
        properties=None if properties is None else properties[usable],
    )
    rate = 0.0 if errors is None or errors.not_judged else errors.noise_rate
    table = settle_copies(table, known, predictions.pred_probs if trained else None, dataset.classes, rate)
    summary = summarize(dataset, predictions, table, measured)
    return SignalTable(table=table, summary=summary, neighbors=graph, label_errors=errors)


def _check(dataset: Dataset, predictions: Predictions) -> None:
    for name, value, kind in (("dataset", dataset, Dataset), ("predictions", predictions, Predictions)):
        if not isinstance(value, kind):
            raise InputError(f"{name} must be a dqkit.{kind.__name__}; got {type(value).__name__}.")
    if tuple(dataset.classes) != tuple(predictions.classes):
        raise InputError(
            f"predictions must have the classes of the dataset, in order; got {predictions.classes} "
            f"for {dataset.classes}."
        )
    if len(dataset) != len(predictions.ids) or not (np.asarray(dataset.ids) == np.asarray(predictions.ids)).all():
        raise InputError(
            f"predictions must have the ids of the dataset, in order; got {len(predictions.ids)} ids "
            f"for {len(dataset)} samples that differ."
        )


def _names(classes: NDArray[np.object_], labels: NDArray[np.int64]) -> NDArray[np.object_]:
    out = np.full(len(labels), None, dtype=object)
    out[labels >= 0] = classes[labels[labels >= 0]]
    return out


def _agreement(
    graph: Neighbors | None, labels: NDArray[np.int64], predicted: NDArray[np.int64], usable: NDArray[np.bool_]
) -> NDArray[np.float64]:
    out = np.full(len(labels), np.nan)
    if graph is not None:
        own = np.where(labels >= 0, labels, predicted)
        around = np.where(graph.indices >= 0, labels[graph.indices], -1)
        known = (around >= 0).sum(axis=1)
        np.divide((around == own[:, None]).sum(axis=1), known, out=out, where=(known > 0) & usable & (own >= 0))
    return out


def _label_errors(
    known: NDArray[np.int64], predictions: Predictions, graph: Neighbors | None, seed: int, reviewed: Reviewed | None
) -> LabelErrors | None:
    if not (known >= 0).any() or len(predictions.classes) < 2:
        return None
    # Trained here, the columns are in order. Where nothing can be learned, each fold's commonest class is the one that
    # the rows held out have less of, and the model agrees with them less often than by chance.
    own = bool((predictions.folds < 0).all())
    history = training_history(predictions.dynamics or None, known, len(predictions.classes))
    return judged_errors(
        np.asarray(predictions.member_probs, np.float32),
        known,
        graph,
        history,
        seed,
        in_order=not own,
        reviewed=reviewed,
    )


def _label_columns(
    errors: LabelErrors | None, judged: NDArray[np.bool_], names: NDArray[np.object_], predicted: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    n = len(judged)
    columns: dict[str, NDArray[Any]] = {
        "label_score": np.zeros(n),
        "error_probability": np.zeros(n),
        "label_flag": np.zeros(n, dtype=bool),
        "suggested_label": predicted.copy(),
        "label_kind": np.full(n, "", dtype=object),
        "reasons": np.full(n, "", dtype=object),
    }
    if errors is not None:
        for name, column in columns.items():
            source = {"label_score": "score", "label_flag": "flag", "label_kind": "kind"}.get(name, name)
            column[judged] = errors.table[source].to_numpy()[judged]
    columns["suggested_label"] = _names(names, columns["suggested_label"].astype(np.int64))
    return columns


def _doubt_columns(predictions: Predictions, temperatures: list[float]) -> list[pd.DataFrame]:
    """How unsure the models are and how far they disagree; NaN where there is no model."""
    if predictions.is_trained:
        return [
            uncertainty(predictions.pred_probs),
            disagreement(predictions.member_probs, temperatures=temperatures),
        ]
    return [pd.DataFrame(np.nan, index=range(len(predictions.ids)), columns=list(DOUBT))]


def _clusters(predictions: Predictions, judged: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """(n,) the cluster of the features of each judged row; -1 for the others, and without features or a model."""
    clusters = np.full(len(judged), -1, dtype=np.int64)
    if predictions.features is not None and predictions.is_trained and judged.any():
        clusters[judged] = feature_clusters(predictions.features[judged], seed=seed)
    return clusters


def _groups(
    dataset: Dataset, clusters: NDArray[np.int64], judged: NDArray[np.bool_], wrong: NDArray[np.bool_]
) -> pd.DataFrame | None:
    """Where the predictions differ from the labels more often than elsewhere."""
    if not judged.any():
        return None
    groupings: dict[str, Any] = {str(name): dataset.metadata[name].to_numpy()[judged] for name in dataset.metadata}
    if (clusters >= 0).any():
        groupings["cluster"] = clusters[judged]
    return underperforming_groups(wrong[judged], groupings)
