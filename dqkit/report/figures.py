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

# The figures have no ground of their own: these are read on white and on black alike.
INK, MUTED, ACCENT, WARM, VIOLET = "#767676", "#767676", "#3b82f6", "#d97706", "#a855f7"


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
    given = signals["given_label"].notna()
    known = signals[~given]["least_confidence"].notna()
    # A panel for what there is: of a dataset that is labelled throughout none about samples without a label.
    panels = [name for name, there in (("given", given.any()), ("open", known.any()), ("queue", True)) if there]
    figure = _figure((10 * len(panels) / 3, 3.2))
    axes = {name: figure.add_subplot(1, len(panels), i + 1) for i, name in enumerate(panels)}
    bins = np.linspace(0, 1, 26).tolist()
    flagged = signals["label_flag"].astype(bool)
    if "given" in axes:
        left = axes["given"]
        for rows, color, name in ((given & ~flagged, ACCENT, "not flagged"), (given & flagged, WARM, "flagged")):
            if rows.any():
                left.hist(signals.loc[rows, "label_score"], bins=bins, color=color, alpha=0.85, label=name)
        left.set_yscale("log")
        _legend(left)
        _name(left, "Given labels: does the label look wrong?", "label score", "samples")
    if "open" in axes:
        axes["open"].hist(signals.loc[~given, "least_confidence"].dropna(), bins=bins, color=ACCENT, alpha=0.85)
        _name(axes["open"], "Unlabelled: how unsure are the baselines?", "least confidence", "samples")
    right = axes["queue"]
    right.scatter(signals["entropy"], signals["js_divergence"], s=5, color=MUTED, alpha=0.35, label="all", linewidths=0)
    if queue is not None and len(queue):
        for action, color, mark in (("relabel", WARM, "o"), ("label", ACCENT, "^"), ("second_opinion", VIOLET, "s")):
            queued = signals.loc[queue.loc[queue["action"] == action, "sample_id"]]
            if len(queued):
                right.scatter(queued["entropy"], queued["js_divergence"], s=18, color=color, marker=mark, label=action)
    _legend(right)
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
    for (name, (x, y)), color, mark in zip(curves.items(), (ACCENT, MUTED, WARM, VIOLET), "os^D", strict=False):
        axes.plot(np.asarray(x), np.asarray(y), marker=mark, color=color, label=name)
    _legend(axes)
    _name(axes, "", "answers given", ylabel)
    return figure


def _figure(size: tuple[float, float]) -> Figure:
    import matplotlib.pyplot as plt

    # Through pyplot, since that is what registers a figure's picture with the notebook; closed, so that pyplot neither
    # keeps it alive nor shows it a second time.
    figure = plt.figure(figsize=size, layout="constrained")
    figure.patch.set_alpha(0)
    plt.close(figure)
    return figure


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)


def _name(axes: Axes, title: str, x: str, y: str) -> None:
    options: dict[str, Any] = {"color": MUTED, "fontsize": 9}
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel(x, **options)
    axes.set_ylabel(y, **options)
    axes.patch.set_alpha(0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(MUTED)
    axes.tick_params(labelsize=8, colors=MUTED)
