"""The queue as cards: what the widget shows, read from a workbench, and answers back into its journal."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dqkit.records import InputError
from dqkit.relabel import Answer, Card

if TYPE_CHECKING:
    from dqkit.workbench.bench import Workbench

# What every browser shows as it is; anything else is sent as PNG made from the decoded pixels.
BROWSER_MIMES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
LARGEST_FILE = 2_000_000
SHOWN_NEIGHBORS = 5
MODE_OF = {"second_opinion": "second_opinion"}


class QueueCards:
    """A `CardSource` over a workbench's newest queue."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    @property
    def classes(self) -> Sequence[str]:
        """The class names, in key order."""
        return self._bench.dataset.classes

    def cards(self, n: int, annotator: str, exclude: Collection[str]) -> list[Card]:
        """Up to n open samples, held for this annotator, in queue order."""
        taken = self._bench.store.lease(n, annotator, exclude=exclude)
        if not taken:
            return []
        rnd = self._bench.rounds[-1]
        rows = {row["sample_id"]: row for _, row in rnd.queue[rnd.queue["sample_id"].isin(taken)].iterrows()}
        labels = self._bench.labels()["label"]
        return [self._card(sample_id, rows[sample_id], labels, rnd) for sample_id in taken]

    def record(self, answer: Answer, annotator: str) -> None:
        """Make one answer an event; durable on return, and one event however often it is sent."""
        if answer.kind == "undo":
            self._bench.undo(annotator=annotator, undoes=answer.undoes, event_id=answer.event_id)
            return
        self._bench.record(
            answer.sample_id,
            answer.label,
            annotator=annotator,
            kind=answer.kind,
            why=answer.why,
            event_id=answer.event_id,
        )

    def progress(self) -> tuple[int, int]:
        """How many samples of the queue are answered, and how many it has."""
        states = self._bench.store.queue_states()["state"]
        return int((states != "open").sum()), len(states)

    def history(self, annotator: str, n: int) -> list[Answer]:
        """This annotator's newest live answers in this round, oldest first."""
        number = self._bench.rounds[-1].number if self._bench.rounds else 0
        found = self._bench.store.latest_live(annotator, limit=n)
        return [
            Answer(event_id=e.event_id, sample_id=e.sample_id, kind=e.kind, label=e.label, why=e.why)
            for e in reversed(found)
            if e.round == number and e.kind in {"label", "skip", "flag"}
        ]

    def _card(self, sample_id: str, row: pd.Series[Any], labels: pd.Series[Any], rnd: Any) -> Card:
        i = int(self._bench.dataset.positions([sample_id])[0])
        media, mime = media_of(self._bench, i)
        predictions = rnd.predictions
        suggested = row["suggested_label"] if isinstance(row["suggested_label"], str) else None
        chosen = predictions.member_probs[:, i].argmax(axis=1)
        votes = {predictions.classes[c]: float(np.mean(chosen == c)) for c in np.unique(chosen)}
        given = labels.loc[sample_id]
        prob = None if suggested is None else float(predictions.pred_probs[i, predictions.classes.index(suggested)])
        return Card(
            sample_id=sample_id,
            action=str(row["action"]),
            given_label=given if isinstance(given, str) else None,
            suggested_label=suggested,
            suggested_prob=prob,
            reasons=tuple(part for part in str(row["reasons"]).split("; ") if part),
            media=media,
            mime=mime,
            votes=votes,
            neighbors=self._neighbors(i, labels, rnd),
            mode="blind" if bool(row["control"]) else MODE_OF.get(str(row["action"]), "review"),
        )

    def _neighbors(self, i: int, labels: pd.Series[Any], rnd: Any) -> tuple[tuple[bytes, str | None], ...]:
        if rnd.neighbors is None or self._bench.dataset.modality != "image":
            return ()
        near = [int(j) for j in rnd.neighbors[i] if j >= 0 and j != i][:SHOWN_NEIGHBORS]
        named = [labels.iloc[j] if isinstance(labels.iloc[j], str) else None for j in near]
        return tuple((png(self._bench, j), label) for j, label in zip(near, named, strict=True))


def media_of(bench: Workbench, i: int) -> tuple[bytes, str]:
    """The sample as bytes and their type; no bytes where its file cannot be shown."""
    dataset = bench.dataset
    if dataset.modality == "text":
        return str(dataset.content[i]).encode(), "text/plain"
    if dataset.modality == "table":
        row = {str(k): _cell(v) for k, v in dataset.content.iloc[i].items()}
        return json.dumps(row, ensure_ascii=False).encode(), "application/json"
    if not dataset.is_usable[i]:
        return b"", "image/png"
    file = None if dataset.paths is None else Path(dataset.paths[i])
    if file is not None and file.suffix.lower() in BROWSER_MIMES:
        try:
            if file.stat().st_size <= LARGEST_FILE:
                return file.read_bytes(), BROWSER_MIMES[file.suffix.lower()]
        except OSError:
            # The file moved since it was read; its decoded pixels are still in the workbench.
            return png(bench, i), "image/png"
    return png(bench, i), "image/png"


@lru_cache(maxsize=4096)
def png(bench: Workbench, i: int) -> bytes:
    """The decoded pixels of sample i as PNG."""
    from PIL import Image

    pixels = np.asarray(bench.dataset.content[i])
    if pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4):
        pixels = pixels[..., :3] if pixels.shape[2] > 4 else pixels[..., :1]
    out = io.BytesIO()
    Image.fromarray(pixels.squeeze(axis=2) if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels).save(out, "PNG")
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | float | np.integer | np.floating):
        return value.item() if isinstance(value, np.generic) else value
    return str(value)


def checked_source(bench: Workbench) -> QueueCards:
    """The card source of a workbench, or `InputError` before its first round."""
    if not bench.rounds:
        raise InputError("There is no queue yet; run wb.run_round(budget=...) first.")
    return QueueCards(bench)
