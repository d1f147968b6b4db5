"""One round, from a snapshot to a result: predictions, signals, findings, queue, figures. It touches no store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.acquisition import QueueOptions, build_queue
from dqkit.acquisition.queue.budget import QUEUE_COLUMNS
from dqkit.acquisition.queue.copies import with_copies
from dqkit.bars import Stages
from dqkit.checks import kinds, takes
from dqkit.datasets.pixels.sharpness import sharpness
from dqkit.findings import Audit, find, with_scores
from dqkit.records import Predictions
from dqkit.rounds.content import kept_content
from dqkit.rounds.drawn import drawn_rows, noise_rate
from dqkit.rounds.metrics import metrics
from dqkit.rounds.result import RoundResult
from dqkit.rounds.settings import RoundSettings, as_json
from dqkit.rounds.snapshot import Snapshot
from dqkit.signals import SignalTable, signal_table

STAGES = ("baselines", "signals", "findings", "queue")
WITHOUT_LABELS = {"column_values"}  # findings on the content alone, which other labels do not change


@takes(
    snapshot=kinds.a(Snapshot, "a Snapshot"),
    settings=kinds.a(RoundSettings, "RoundSettings"),
    checkpoints=kinds.path,
    progress=kinds.flag,
    title=kinds.text,
)
def run(
    snapshot: Snapshot,
    settings: RoundSettings,
    *,
    checkpoints: Path,
    progress: bool = True,
    title: str = "round",
    stages: Stages | None = None,
) -> RoundResult:
    """Train baselines on the labels of a snapshot, find what is wrong, and queue what is most worth a look.

    Parameters
    ----------
    snapshot : Snapshot
        The dataset and every label, read once.
    settings : RoundSettings
        As `RoundSettings.checked` gives them.
    checkpoints : Path
        A folder for finished fits: called again after an interruption, a fold that was finished is not trained again.
    progress : bool
        Whether to show progress bars.
    title : str
        What stands before the bar.
    stages : Stages, optional
        A bar that is open already and has the stages of `STAGES`; whoever opened it closes it.

    Returns
    -------
    RoundResult
        The same for the same snapshot, settings and machine, bit for bit on a CPU.

    Raises
    ------
    InputError
        Where the labels cannot be trained on as the settings ask.
    """
    own = stages is None
    told = Stages(title, STAGES, show=progress) if stages is None else stages
    with told if own else nullcontext():
        told.begin("baselines")
        predictions = settings.training.predict(snapshot.training, settings.seed, checkpoints, progress)
        told.begin("signals")
        found = _signals(snapshot, predictions, settings, checkpoints, progress)
        told.begin("findings")
        findings = find(_audit(snapshot, predictions, found))
        signals = suggested(with_scores(found.table, findings))
        told.begin("queue")
        queue = _queue(snapshot, signals, predictions, settings, reviews=_reviews(snapshot, found))
        return RoundResult(
            labels=snapshot.labels,
            predictions=predictions,
            signals=signals,
            summary=as_json(found.summary),
            neighbors=_indices(found),
            queue=queue,
            drawn=drawn_rows(queue, signals, snapshot.labels, snapshot.in_play),
            metrics=as_json(metrics(snapshot, predictions, found)),
            findings=findings,
        )


@takes(
    snapshot=kinds.a(Snapshot, "a Snapshot"),
    settings=kinds.a(RoundSettings, "RoundSettings"),
    checkpoints=kinds.optional(kinds.path),
    before=kinds.a(RoundResult, "a RoundResult"),
    answered=kinds.texts,
)
def rerank(
    snapshot: Snapshot,
    before: RoundResult,
    settings: RoundSettings,
    *,
    answered: Collection[str],
    checkpoints: Path | None = None,
) -> tuple[RoundResult, pd.DataFrame]:
    """The same round with what is open in its queue drawn anew from the labels of a snapshot; nothing is trained.

    Parameters
    ----------
    snapshot : Snapshot
        The labels as they are now.
    before : RoundResult
        The round, its predictions over the classes of the snapshot.
    settings : RoundSettings
        Budget, seed and options of the queue.
    answered : collection of str
        Ids of the queue's rows that are no longer open; they stay.
    checkpoints : Path, optional
        That of the round: what does not depend on labels is taken from there.

    Returns
    -------
    RoundResult, DataFrame
        The round as it is now, and the rows of its queue that are new.
    """
    found = _signals(snapshot, before.predictions, settings, checkpoints, progress=False)
    still = [finding for finding in before.findings if finding.name in WITHOUT_LABELS]
    findings = find(_audit(snapshot, before.predictions, found), known=still)
    signals = suggested(with_scores(found.table, findings))
    kept = before.queue[before.queue["sample_id"].isin(list(answered))]
    price = kept["action"].map(settings.queue.cost).astype(float)
    left = max(float(settings.budget - price.sum()), 0.0)
    # The share of the random audit sample holds for the whole round, whatever of it is answered.
    missing = settings.queue.audit_share * settings.budget - float(price[kept["control"]].sum())
    share = min(max(missing / left, 0.0), 1.0) if left else 0.0
    options = replace(settings.queue, audit_share=share)
    again = replace(settings, queue=options)
    answers = kept["sample_id"].tolist()
    reviews = _reviews(snapshot, found)
    fresh = _queue(snapshot, signals, before.predictions, again, reviews=reviews, budget=left, answered=answers)
    drawn = drawn_rows(fresh, signals, snapshot.labels, snapshot.in_play)
    result = replace(
        before,
        signals=signals,
        findings=findings,
        summary=as_json(found.summary),
        queue=pd.concat([kept, fresh], ignore_index=True),
        drawn=pd.concat([before.drawn.loc[kept["sample_id"]], drawn]),
    )
    return result, fresh


def _signals(
    snapshot: Snapshot, predictions: Predictions, settings: RoundSettings, checkpoints: Path | None, progress: bool
) -> SignalTable:
    dataset = settings.training.grouped(snapshot.audited)
    seed, sharp = settings.seed, sharpness(snapshot.given, progress=progress)
    content = kept_content(checkpoints, dataset, predictions.features, seed=seed, sharpness=sharp)
    answers, _ = snapshot.reviewed()
    return signal_table(dataset, predictions, seed=seed, sharpness=sharp, content=content, reviewed=answers)


def _queue(
    snapshot: Snapshot,
    signals: pd.DataFrame,
    predictions: Predictions,
    settings: RoundSettings,
    *,
    reviews: pd.DataFrame,
    budget: float | None = None,
    answered: Sequence[str] = (),
) -> pd.DataFrame:
    size = settings.budget if budget is None else budget
    if settings.budget == 0:
        return pd.DataFrame(columns=list(QUEUE_COLUMNS)).astype({"control": bool, "score": float})
    rate = noise_rate(signals, snapshot.unseen)
    options: QueueOptions = replace(settings.queue, noise_rate=rate)
    return build_queue(
        signals,
        budget=size,
        seed=settings.seed,
        predictions=predictions,
        status=snapshot.status(),
        reviewed=reviews,
        exclude=[*snapshot.given.ids[~snapshot.in_play], *with_copies(signals, [*answered, *snapshot.put_aside])],
        options=options,
    )


def suggested(signals: pd.DataFrame) -> pd.DataFrame:
    """The signals with wrong_probability, the one posterior of suggestions, reasons and queue: it is the judge's, which
    knows the answers so far."""
    return signals.assign(wrong_probability=signals["error_probability"].to_numpy(float))


def _reviews(snapshot: Snapshot, found: SignalTable) -> pd.DataFrame:
    """The reviews, each with what the judge says of it now: what it has learned from them must not count twice."""
    errors, (reviewed, index) = found.label_errors, snapshot.reviewed()
    if errors is None or len(errors.reviewed_probability) != len(reviewed.rows):
        return snapshot.reviews
    out = snapshot.reviews.copy()
    out.loc[index, "score"] = errors.reviewed_probability
    return out


def _audit(snapshot: Snapshot, predictions: Predictions, found: SignalTable) -> Audit:
    return Audit.of(
        snapshot.given,
        labels=snapshot.labels,
        predictions=predictions,
        signals=found.table,
        summary=found.summary,
        neighbors=_indices(found),
        sample=snapshot.sample,
    )


def _indices(found: SignalTable) -> Any:
    return None if found.neighbors is None else np.asarray(found.neighbors.indices)
