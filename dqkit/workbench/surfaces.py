"""The workbench on other surfaces: FiftyOne and the health report."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.findings import Finding
from dqkit.findings.differences import of_means, of_shares
from dqkit.records import LabelEvent
from dqkit.rounds.classes import widened
from dqkit.rounds.settings import without_columns
from dqkit.workbench.classes import add_class
from dqkit.workbench.copying import copied
from dqkit.workbench.evidence import audit_sample, reviews
from dqkit.workbench.labelling import open_queue
from dqkit.workbench.results import Round
from dqkit.workbench.state import State
from dqkit.workbench.withdrawals import undo

# What these say changes with every answer, or with a round.
FROM_JOURNAL = ("label_errors", "activity", "queue", "changes")
# These read the signals of the round and no label that people have given since.
FROM_SIGNALS = ("column_values", "properties", "order", "outliers", "calibration", "valuation", "baselines")


def fiftyone_name(state: State) -> str:
    """The FiftyOne dataset of this workbench: its title, told apart by the start of its id."""
    return f"{state.about['title'] or state.about['name']} {state.about['id'][:6]}"


def _shown(state: State) -> dict[str, Any]:
    """What both surfaces show: the current labels, and what the newest round found."""
    labels = state.labels()  # first: it takes over classes that were added
    if not state.rounds:
        return {"labels": labels}
    newest = state.rounds[-1]
    predictions = widened(newest.predictions, state.dataset.classes)
    return {"labels": labels, "signals": newest.signals, "predictions": predictions}


def to_fiftyone(state: State, *, name: str | None) -> Any:
    """See `Workbench.to_fiftyone`."""
    from dqkit.fiftyone_bridge import push, refresh_apps

    state.fiftyone.connect()
    found, queue = _shown(state), open_queue(state) if state.rounds else None
    target = push(
        state.dataset,
        **found,
        queue=queue,
        neighbors=state.rounds[-1].neighbors if state.rounds else None,
        name=name or fiftyone_name(state),
        media_dir=state.path / "media",
        round_number=state.rounds[-1].number if state.rounds else None,
        owner=state.about["id"],
    )
    refresh_apps(target.name)
    return target


def open_fiftyone(state: State, *, name: str | None, port: int | None, annotator: str) -> Any:
    """See `Workbench.open_fiftyone`."""
    from dqkit.fiftyone_bridge import close_app, open_app

    state.fiftyone.connect()
    session = open_app(name or fiftyone_name(state), port=port, annotator=annotator, owner=state.about["id"])
    state.fiftyone.callback(close_app, session)
    return session


def from_fiftyone(state: State, *, name: str | None, annotator: str | None) -> pd.DataFrame:
    """See `Workbench.from_fiftyone`."""
    from dqkit.fiftyone_bridge import acknowledge, added_classes, pull

    state.fiftyone.connect()
    target = name or fiftyone_name(state)
    owner = state.about["id"]
    # Under the name that the workbench has for it, where both sides added look-alikes.
    stands = {added: add_class(state, added, annotator=by) for added, by in added_classes(target, owner=owner)}
    found = pull(target, labels=state.labels(), annotator=annotator, owner=owner)
    undone = [edit for edit in found if edit.kind == "undo"]
    if undone:
        # An answer undone before it was ever pulled is not in the journal: there is nothing to withdraw.
        known = [edit for edit in undone if state.store.find(edit.undoes or "")]
        for edit in known:
            undo(state, annotator=edit.annotator, undoes=edit.undoes, event_id=edit.event_id)
        acknowledge(target, undone, owner=owner)
        # What was answered after an undo is compared with the label that the undo brought back.
        found = known + pull(target, labels=state.labels(), annotator=annotator, owner=owner)
    fine = [edit for edit in found if not edit.problem and edit.kind != "undo"]
    number = max((rnd.number for rnd in state.rounds), default=0)
    events = [
        LabelEvent(
            e.event_id,
            e.sample_id,
            e.kind,
            stands.get(e.label or "", e.label),
            "fiftyone",
            e.annotator,
            e.at,
            number,
            e.why,
        )
        for e in sorted(fine, key=lambda e: e.at)
    ]
    # What was answered for a copy itself comes later and stands.
    state.store.record([*copied(state, events), *events])
    # Only now that the journal has them may FiftyOne forget that they were edits.
    acknowledge(target, fine, owner=owner)
    columns = ["sample_id", "kind", "label", "previous", "annotator", "problem"]
    rows = pd.DataFrame([[getattr(edit, column) for column in columns] for edit in found], columns=columns)
    rows.insert(5, "recorded", rows["problem"] == "")
    return rows


def write_report(state: State, path: Path) -> Path:
    """See `Workbench.report`."""
    from dqkit.report import render, write

    told = facts(state)
    page, _ = write(path, told, render(told, state.dataset))
    return Path(page)


def facts(state: State) -> dict[str, Any]:
    """The health record by the newest round and the labels as they are now."""
    from dqkit.report import health

    found = _shown(state)
    newest = state.rounds[-1] if state.rounds else None
    dataset = state.dataset if newest is None else without_columns(state.dataset, newest.settings.get("exclude", ()))
    return health(
        dataset,
        **found,
        summary=state.rounds[-1].summary if state.rounds else None,
        queue=state.rounds[-1].queue if state.rounds else None,
        rounds=round_rows(state),
        events=state.store.events(),
        title=state.about["title"],
        description=state.about["description"],
        tags=state.about["tags"],
        sample=audit_sample(state),
        known=[] if newest is None else still_true(newest, found["labels"]),
    )


def still_true(rnd: Round, labels: pd.DataFrame) -> list[Finding]:
    """The findings of a round that hold under the labels as they are now.

    While no label has changed, all but those that read the journal; later those that come from the signals of the round
    alone and name no sample whose label has changed.
    """
    before = rnd.labels_before.reindex(labels.index)  # a sample that was added since had no label
    moved = before["label"].ne(labels["label"]) & ~(before["label"].isna() & labels["label"].isna())
    moved |= before["source"].fillna("") != labels["source"].fillna("")
    changed = set(before.index[moved])
    if not changed:
        return [finding for finding in rnd.findings if finding.name not in FROM_JOURNAL]
    return [f for f in rnd.findings if f.name in FROM_SIGNALS and not changed & set(f.sample_ids)]


def round_rows(state: State) -> list[dict[str, Any]]:
    """One dict a finished round, for the report: its figures, its queue, and what was answered of it."""
    wrong = reviews(state).set_index("sample_id")["wrong"]
    rows: list[dict[str, Any]] = []
    rounds = state.rounds
    for place, rnd in enumerate(rounds):
        states = state.store.queue_states(rnd.number)
        answered = states.loc[states["state"] == "done", "sample_id"]
        relabels = states.loc[(states["action"] == "relabel") & (states["state"] == "done"), "sample_id"]
        rows.append(
            {
                "round": rnd.number,
                "budget": rnd.budget,
                "seed": rnd.seed,
                "started": rnd.started,
                "finished": rnd.finished,
                "metrics": rnd.metrics,
                "intervals": _intervals(state, rounds[place - 1], rnd) if 0 < place == len(rounds) - 1 else {},
                "queue_counts": {str(k): int(v) for k, v in states["action"].value_counts().items()},
                "answered": len(answered),
                "confirmed_errors": int(wrong.reindex(relabels).eq(True).sum()),
            }
        )
    return rows


def _intervals(state: State, before: Round, after: Round) -> dict[str, tuple[float, float]]:
    """The 95 % intervals of what changed from one round to the next, on the samples that both were judged on."""
    if not (before.predictions.is_trained and after.predictions.is_trained):
        return {}
    both = state.dataset_of(min(before.size, after.size))
    classes, usable, is_test = both.classes, both.is_usable, both.is_test
    right, loss, known = [], [], usable.copy()
    for rnd in (before, after):
        probs = widened(rnd.predictions, classes).pred_probs[: len(both)]
        label = pd.Index(classes).get_indexer(pd.Index(rnd.labels_before["label"]))[: len(both)]
        known &= label >= 0
        right.append(probs.argmax(axis=1) == label)
        loss.append(-np.log(np.clip(probs[np.arange(len(label)), label].astype(np.float64), 1e-12, 1)))
    found = {}
    for accuracy, log_loss, at in (
        ("test_accuracy", "test_log_loss", known & is_test),
        ("oos_accuracy", "log_loss", known & ~is_test),
    ):
        if at.any():
            found[accuracy] = of_shares(right[0][at], right[1][at])
            found[log_loss] = of_means(loss[0][at], loss[1][at])
    return found


def summary_html(state: State) -> str:
    """The workbench in a few lines, for the notebook."""
    ds, sources = state.dataset, state.labels()["source"].value_counts()
    labeled = ", ".join(f"{count:,} {html.escape(str(source))}" for source, count in sources.items())
    lines = [
        f"<b>{html.escape(state.about['title'])}</b> · {html.escape(str(state.path))}",
        html.escape(state.about["description"]),
        f"{len(ds):,} {ds.modality} samples, {len(ds.classes)} classes; labels: {labeled or 'none'}",
        f"{len(state.rounds)} rounds",
    ]
    return "<p>" + "<br>".join(line for line in lines if line) + "</p>"
