"""A finished round, read from its folder when it is looked at."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Hashable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.findings import Finding
from dqkit.records import Predictions
from dqkit.rounds import result
from dqkit.workbench.alike import pages
from dqkit.workbench.review_plan import review_plan, review_slider

SHOWN = 8
LARGE = ("predictions", "signals", "labels_before", "summary", "findings", "neighbors", "pages", "copies")
MOST_BYTES = 200_000  # of the pictures in the HTML of a round, which a notebook keeps

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Round:
    """What one round found. Tables and arrays are read from its folder when they are first used.

    Attributes
    ----------
    folder : Path
        The folder of the round.
    number : int
        From 1, in the order of the rounds.
    budget, seed : int
        As `Workbench.run_round` was told.
    started, finished : str
        When, in UTC.
    metrics : dict
        The figures of the round, such as oos_accuracy, test_accuracy and label_error_rate.
    settings : dict
        What else the round was told.
    """

    def __init__(
        self, folder: Path, about: Mapping[str, Any], *, sign: Callable[[str], tuple[bytes, str]] | None = None
    ) -> None:
        self.folder = folder
        self._sign = sign  # a sample in small, as bytes and their type
        self.number: int = about["round"]
        self.budget: int = about["budget"]
        self.seed: int = about["seed"]
        self.started: str = about["started"]
        self.finished: str = about["finished"]
        self.metrics: dict[str, Any] = about["metrics"]
        self.settings: dict[str, Any] = about["settings"]
        self.version: str | None = about["version"]  # of its files; another process may write others

    @cached_property
    def size(self) -> int:
        """How many samples the workbench had; those that were added since come after them."""
        return len(self.labels_before)

    @cached_property
    def predictions(self) -> Predictions:
        """Out-of-sample probabilities, features and the table of baselines."""
        return result.read_predictions(self.folder)

    @cached_property
    def signals(self) -> pd.DataFrame:
        """One row per sample id; see `dqkit.signals.signal_table` for the columns."""
        return result.read_table(self.folder / "signals.parquet")

    @cached_property
    def labels_before(self) -> pd.DataFrame:
        """The labels this round was computed from, as `Workbench.labels` gave them."""
        return result.read_labels(self.folder)

    @cached_property
    def standing(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """(n,) the label scores, and whether each sample had its given label; needed of every round."""
        given = (self.labels_before["source"] == "given").to_numpy()
        return self.signals["label_score"].to_numpy(float, copy=True), given

    @cached_property
    def drawn(self) -> pd.DataFrame | None:
        """What was known of the queue's rows when they were drawn, or None where an older dqkit did not keep it."""
        return result.read_drawn(self.folder)

    @cached_property
    def queue(self) -> pd.DataFrame:
        """What to look at, best first: sample_id, action, score, suggested_label, reasons, control."""
        return result.read_table(self.folder / "queue.parquet")

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Figures of the whole dataset: label errors, balance, calibration, duplicates."""
        return result.read_summary(self.folder)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What every check found, checks of your own included; see `dqkit.findings.find`."""
        return result.read_findings(self.folder)

    @cached_property
    def neighbors(self) -> NDArray[np.int64] | None:
        """(n, k) positions of the nearest samples, nearest first, or None where there were no features."""
        return result.read_neighbors(self.folder)

    @cached_property
    def pages(self) -> dict[str, tuple[int, int]]:
        """Sample id -> page and place of the queue's samples that look alike; see `dqkit.workbench.alike.pages`."""
        features, queue = self.predictions.features, self.queue
        if features is None:
            return pages(queue, None)
        at = pd.Index(self.predictions.ids).get_indexer(pd.Index(queue["sample_id"]))
        return pages(queue, features[at])

    @cached_property
    def copies(self) -> dict[str, tuple[str, ...]]:
        """Sample id -> the other samples with identical content; only samples that have some."""
        if "copy_of" not in self.signals:  # an older dqkit ran it
            return {}
        first = self.signals["copy_of"]
        groups = first[first.notna() & (first != "")]
        members = {key: tuple(map(str, part.index)) for key, part in groups.groupby(groups)}
        return {str(name): tuple(o for o in members[key] if o != name) for name, key in groups.items()}

    @property
    def baselines(self) -> pd.DataFrame:
        """Chance, majority, the members and the ensemble, side by side."""
        return self.predictions.baselines

    def plot(self) -> Figure:
        """The signals at a glance, and where the queue stands among all samples.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from dqkit.report.figures import overview

        return overview(self.signals, self.queue)

    def review_plan(self, labels: int) -> str:
        """Say what checking so many labels is expected to find.

        Parameters
        ----------
        labels : int
            How many of the most suspicious given labels to check.

        Returns
        -------
        str
            Such as "Check 50 labels: about 41 wrong ones found, 12 left."

        Raises
        ------
        InputError
            For a number that is none, or negative.
        """
        return review_plan(self._unseen_chances, labels)

    def review_slider(self) -> Any:
        """Show the same under a slider, in a notebook.

        Returns
        -------
        ipywidgets.VBox
        """
        return review_slider(self._unseen_chances)

    @property
    def _unseen_chances(self) -> NDArray[np.float64]:
        """The error probabilities of the given labels; those that people gave are no part of it."""
        return self.signals["error_probability"].to_numpy(float)[self.standing[1]]

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {action}" for action, count in self.queue["action"].value_counts().items())
        return f"Round({self.number}: queue of {len(self.queue)} ({counts}); {_figures(self.metrics)})"

    def _repr_html_(self) -> str:
        head = f"<p><b>Round {self.number}</b> · {html.escape(_figures(self.metrics))}</p>"
        shown = self.queue.drop(columns=["control", "other_label"], errors="ignore").head(SHOWN)
        table = shown.to_html(index=False, escape=True, float_format=lambda v: f"{v:.2f}")
        for cell in ("th", "td"):  # notebooks set cells to the right, which is no way to read words
            table = table.replace(f"<{cell}>", f'<{cell} style="text-align: left">')
        return f"{head}<p>The queue, {len(self.queue)} samples, best first:</p>{self._strip()}{table}"

    def _strip(self) -> str:
        """The head of the queue in small: pictures, or the first words of texts; nothing for rows of a table."""
        cells, size = [], 0
        sign = self._sign
        if sign is None:
            return ""
        for row in self.queue.head(SHOWN).to_dict("records"):
            media, mime = sign(str(row["sample_id"]))
            size += len(media)
            if not media or size > MOST_BYTES:
                continue
            if mime == "image/png":
                encoded = base64.b64encode(media).decode()
                inside = f'<img alt="" style="max-width: 96px; max-height: 96px" src="data:image/png;base64,{encoded}">'
            else:
                inside = f'<span style="font-size: 11px">{html.escape(media.decode())}</span>'
            said = html.escape(_proposal(row))
            style = "display: inline-block; width: 104px; margin: 0 8px 8px 0; vertical-align: top; text-align: left"
            cells.append(f'<div style="{style}">{inside}<div style="font-size: 11px">{said}</div></div>')
        return f"<div>{''.join(cells)}</div>" if cells else ""


def release(rnd: Round) -> None:
    """Drop what is large of a round; it is read again when it is used again."""
    for name in LARGE:
        rnd.__dict__.pop(name, None)


def _proposal(row: Mapping[Hashable, Any]) -> str:
    """What Enter does on a row, in words; the random audit sample is not given away."""
    if row.get("control") or not isinstance(row["suggested_label"], str):
        return "no suggestion"
    verb = {"keep": "keep", "change": "change to"}.get(str(row.get("proposal")), "label")
    return f"{verb} {row['suggested_label']}"


def _figures(metrics: Mapping[str, Any]) -> str:
    named = (
        ("oos_accuracy", "out-of-sample accuracy {:.1%}"),
        ("test_accuracy", "test accuracy {:.1%}"),
        ("label_error_rate", "estimated label errors {:.1%}"),
    )
    said = ", ".join(text.format(metrics[name]) for name, text in named if metrics.get(name) is not None)
    if metrics.get("labels_not_judged"):
        said += (". " if said else "") + str(metrics["labels_not_judged"])
    return said or "accuracy not known yet"
