"""What the panel shows of a queued sample: its picture or text, what the models say, and what it looks like most."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dqkit.datasets.pixels.originals import original, small_png
from dqkit.files import read_file
from dqkit.records import Dataset, InputError, Predictions
from dqkit.relabel import Card
from dqkit.relabel.sentences import evidence_sentence

SHOWN_NEIGHBORS = 5
THUMBNAIL = 96
SNIPPET = 120
DEALT = (
    *("dqkit_id", "filepath", "content", "label", "prediction"),
    *("queue_action", "queue_suggestion", "queue_reasons", "queue_evidence"),
)


def queue_evidence(
    dataset: Dataset,
    queue: pd.DataFrame,
    labels: pd.DataFrame,
    predictions: Predictions | None,
    neighbors: ArrayLike | None,
) -> list[dict[str, Any]]:
    """What a push keeps with each queued sample for its card, as its database holds it.

    probability: that the suggested label is right, where the queue says so. sentence: what speaks for it. votes:
    [class, share of the members that choose it], most first; left out for a single model. near: the ids of the nearest
    samples, nearest first. neighbors: (n, k) positions in the dataset, -1 for none.
    """
    near = None if neighbors is None else np.asarray(neighbors)
    if near is not None and (near.ndim != 2 or len(near) != len(dataset) or not np.issubdtype(near.dtype, np.integer)):
        raise InputError(
            f"the 'neighbors' argument must hold positions, one row per sample ({len(dataset)}); "
            f"got shape {near.shape} of {near.dtype}."
        )
    sample_ids = list(queue["sample_id"])
    current = labels["label"].reindex(dataset.ids) if "label" in labels else pd.Series(None, index=dataset.ids)
    rows: list[dict[str, Any]] = []
    at_predicted = {} if predictions is None else {str(key): at for at, key in enumerate(predictions.ids)}
    told = zip(queue["suggested_label"], queue.get("probability", [None] * len(queue)), strict=True)
    for sample_id, at, (suggested, prob) in zip(sample_ids, dataset.positions(sample_ids), told, strict=True):
        found: dict[str, Any] = {} if prob is None or pd.isna(prob) else {"probability": float(prob)}
        models: dict[str, int] = {}
        alike: dict[str, int] = {}
        row = at_predicted.get(str(sample_id))
        if predictions is not None and row is not None and predictions.is_trained:
            tops = predictions.member_probs[:, row].argmax(axis=1).tolist()
            models = {str(predictions.classes[c]): count for c, count in Counter(tops).items()}
        if predictions is not None and row is not None and len(predictions.member_probs) > 1:
            chosen = predictions.member_probs[:, row].argmax(axis=1)
            shares = np.bincount(chosen, minlength=len(predictions.classes)) / len(chosen)
            order = np.argsort(-shares, kind="stable")
            found["votes"] = [[str(predictions.classes[c]), float(shares[c])] for c in order if shares[c] > 0]
        if near is not None:
            others = [int(j) for j in near[at] if j >= 0 and j != at][:SHOWN_NEIGHBORS]
            found["near"] = [str(dataset.ids[j]) for j in others]
            around = [int(j) for j in near[at] if j >= 0 and j != at]
            alike = dict(Counter(name for name in current.iloc[around] if isinstance(name, str)))
        said = evidence_sentence(models, alike, suggested if isinstance(suggested, str) else None)
        if said:
            found["sentence"] = said
        rows.append(found)
    return rows


def make_card(row: Mapping[str, Any], about: Mapping[str, Any], near: Mapping[str, Mapping[str, Any]]) -> Card:
    """The card of one sample. row: its fields in `DEALT`. about: what `push` wrote into `info`. near: rows by id."""
    modality = str(about.get("modality", "image"))
    label, suggested = row.get("label"), row.get("queue_suggestion")
    media, mime = _media(row, about)
    action = str(row.get("queue_action"))
    blind = row["dqkit_id"] in about.get("blind", ())
    known = row.get("queue_evidence") or {}
    if action == "second_opinion" and label and suggested == label["label"]:
        suggested = None  # what somebody said is not to be told by what is suggested
    others = [near[key] for key in known.get("near", ()) if key in near] if modality != "table" else []
    return Card(
        sample_id=row["dqkit_id"],
        action=action,
        given_label=label["label"] if label else None,
        suggested_label=suggested,
        suggested_prob=(
            known["probability"]
            if "probability" in known and suggested is not None
            else _probability(row.get("prediction"), suggested, about.get("classes", []))
        ),
        sentence=str(known.get("sentence", "")),
        reasons=tuple(part for part in (row.get("queue_reasons") or "").split("; ") if part),
        media=media,
        mime=mime,
        votes={str(name): float(share) for name, share in known.get("votes", ())},
        neighbors=tuple((_sign(other, about), (other.get("label") or {}).get("label")) for other in others),
        mode="blind" if blind else "second_opinion" if action == "second_opinion" else "review",
    )


def _probability(prediction: Mapping[str, Any] | None, label: str | None, classes: Sequence[str]) -> float | None:
    import fiftyone.core.utils as fou

    if prediction is None or label is None or label not in classes or prediction.get("logits") is None:
        return None
    logits = fou.deserialize_numpy_array(prediction["logits"])
    at = list(classes).index(label)
    return min(1.0, math.exp(float(logits[at]))) if at < len(logits) else 0.0  # no model knew a class that was added


def _media(row: Mapping[str, Any], about: Mapping[str, Any]) -> tuple[bytes, str]:
    """The sample as bytes and their type; no bytes where its file cannot be shown."""
    if about.get("modality", "image") != "image":
        return str(row.get("content") or "").encode(), "text/plain"
    try:
        return original(read_file(row["filepath"]), window=_window(about))
    except Exception:  # a file that changed since it was pushed may break in any way: the panel says so
        return b"", "image/png"


def _window(about: Mapping[str, Any]) -> tuple[float, float] | None:
    found = about.get("window")
    return None if found is None else (float(found[0]), float(found[1]))


def _sign(row: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """A neighbour in small: its picture as PNG, or the start of its text."""
    if about.get("modality", "image") != "image":
        text = " ".join(str(row.get("content") or "").split())
        return (text if len(text) <= SNIPPET else f"{text[:SNIPPET]}…").encode()
    try:
        return small_png(str(row["filepath"]), Path(row["filepath"]).stat().st_mtime_ns, _window(about), THUMBNAIL)
    except Exception:  # see _media
        return b"picture missing"
