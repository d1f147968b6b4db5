"""Pictures for a notebook: thumbnails of chosen samples, the signals of a round, learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dqkit.records import Dataset, InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, ACCENT, WARM = "#1f2937", "#6b7280", "#2563eb", "#d97706"


def gallery(
    dataset: Dataset, sample_ids: ArrayLike, *, captions: Sequence[str] | None = None, columns: int = 8
) -> Figure:
    """Return a figure of image samples in the order given, each under its caption.

    Parameters
    ----------
    dataset
        Holds images.
    sample_ids
        The samples to show.
    captions
        One text per sample; its id where None.
    columns
        Pictures in a row.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        For a dataset without images, an unknown id or captions of another length.
    """
    if dataset.modality != "image":
        raise InputError(
            f"gallery shows images; this dataset holds {dataset.modality} samples. Look at dataset.content."
        )
    at = dataset.positions(sample_ids)
    texts = [str(dataset.ids[i]) for i in at] if captions is None else [str(c) for c in captions]
    if len(texts) != len(at):
        raise InputError(f"captions must have one entry per sample ({len(at)}); got {len(texts)}.")
    rows = max(1, -(-len(at) // columns))
    figure = _figure((1.25 * columns, 1.62 * rows))
    for place, (i, text) in enumerate(zip(at, texts, strict=True)):
        axes = figure.add_subplot(rows, columns, place + 1)
        pixels = np.asarray(dataset.content[i]).squeeze()
        # Greys are told apart from colours by their shape; the range is fixed so that dark images stay dark.
        axes.imshow(pixels, interpolation="nearest", cmap="gray", vmin=0, vmax=255)
        # A dollar sign would start a formula.
        axes.set_title(text.replace("$", r"\$"), fontsize=8, color=INK)
        axes.set_axis_off()
    return figure


def overview(signals: pd.DataFrame, queue: pd.DataFrame | None = None) -> Figure:
    """Return a figure of a round: scores of given labels, uncertainty of the unlabelled, and where the queue lies.

    Parameters
    ----------
    signals, queue
        As in `Round`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = _figure((10, 3.2))
    given = signals["given_label"].notna()
    left, middle, right = (figure.add_subplot(1, 3, i) for i in (1, 2, 3))
    bins = np.linspace(0, 1, 26).tolist()
    flagged = signals["label_flag"].astype(bool)
    left.hist(signals.loc[given & ~flagged, "label_score"], bins=bins, color=ACCENT, alpha=0.85, label="not flagged")
    left.hist(signals.loc[given & flagged, "label_score"], bins=bins, color=WARM, label="flagged")
    if given.any():
        left.set_yscale("log")
        left.legend(frameon=False, fontsize=8)
    _name(left, "Given labels: does the label look wrong?", "label score", "samples")
    middle.hist(signals.loc[~given, "least_confidence"].dropna(), bins=bins, color=ACCENT, alpha=0.85)
    _name(middle, "Unlabelled: how unsure are the baselines?", "least confidence", "samples")
    right.scatter(signals["entropy"], signals["js_divergence"], s=5, color=MUTED, alpha=0.35, label="all", linewidths=0)
    if queue is not None and len(queue):
        for action, color, mark in (("relabel", WARM, "o"), ("label", ACCENT, "^"), ("second_opinion", INK, "s")):
            rows = signals.loc[queue.loc[queue["action"] == action, "sample_id"]]
            if len(rows):
                right.scatter(rows["entropy"], rows["js_divergence"], s=18, color=color, marker=mark, label=action)
    right.legend(frameon=False, fontsize=8)
    _name(right, "The queue among all samples", "entropy", "disagreement")
    return figure


def learning_curve(curves: Mapping[str, tuple[ArrayLike, ArrayLike]], *, ylabel: str = "test accuracy") -> Figure:
    """Return a figure of accuracy over answers given.

    Parameters
    ----------
    curves
        Name to (answers, accuracies); one line each.
    ylabel
        What the vertical axis shows.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = _figure((5.6, 3.4))
    axes = figure.add_subplot()
    for (name, (x, y)), color, mark in zip(curves.items(), (ACCENT, MUTED, WARM, INK), "os^D", strict=False):
        axes.plot(np.asarray(x), np.asarray(y), marker=mark, color=color, label=name)
    axes.legend(frameon=False)
    _name(axes, "", "answers given", ylabel)
    return figure


def _figure(size: tuple[float, float]) -> Figure:
    import matplotlib.pyplot as plt

    # Through pyplot, since that is what registers a figure's picture with the notebook; closed, so that pyplot neither
    # keeps it alive nor shows it a second time.
    figure = plt.figure(figsize=size, layout="constrained")
    plt.close(figure)
    return figure


def _name(axes: Axes, title: str, x: str, y: str) -> None:
    options: dict[str, Any] = {"color": MUTED, "fontsize": 9}
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel(x, **options)
    axes.set_ylabel(y, **options)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=MUTED)
