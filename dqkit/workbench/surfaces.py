"""The workbench on other surfaces: FiftyOne and the health report."""

from __future__ import annotations

import html
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from dqkit.records import LabelEvent
from dqkit.workbench.classes import widened

if TYPE_CHECKING:
    from dqkit.workbench.bench import Workbench


class FiftyOneHeld(ExitStack):
    """What an open workbench keeps of FiftyOne: its database, then the sessions of its Apps, which are closed first."""

    _connected = False

    def connect(self) -> None:
        """Hold the database, from the first call until `close`."""
        from dqkit.fiftyone_bridge.connection import database_in_use

        if not self._connected:
            self.enter_context(database_in_use())
            self.callback(setattr, self, "_connected", False)
            self._connected = True


def fiftyone_name(bench: Workbench) -> str:
    """The FiftyOne dataset of this workbench: its title, told apart by the start of its id."""
    return f"{bench.about['title'] or bench.about['name']} {bench.about['id'][:6]}"


def to_fiftyone(bench: Workbench, *, name: str | None) -> Any:
    """See `Workbench.to_fiftyone`."""
    from dqkit.fiftyone_bridge import push, refresh_apps

    bench._fiftyone.connect()
    rounds, labels = bench.rounds, bench.labels()
    newest = rounds[-1] if rounds else None
    target = push(
        bench.dataset,
        labels=labels,
        signals=None if newest is None else newest.signals,
        predictions=None if newest is None else widened(newest.predictions, bench.dataset.classes),
        queue=None if newest is None else bench.open_queue(),
        neighbors=None if newest is None else newest.neighbors,
        name=name or fiftyone_name(bench),
        media_dir=bench.path / "media",
        round_number=None if newest is None else newest.number,
        owner=bench.about["id"],
    )
    refresh_apps(target.name)
    return target


def open_fiftyone(bench: Workbench, *, name: str | None, port: int | None, annotator: str) -> Any:
    """See `Workbench.open_fiftyone`."""
    from dqkit.fiftyone_bridge import close_app, open_app

    bench._fiftyone.connect()
    session = open_app(name or fiftyone_name(bench), port=port, annotator=annotator, owner=bench.about["id"])
    bench._fiftyone.callback(close_app, session)
    return session


def from_fiftyone(bench: Workbench, *, name: str | None, annotator: str | None) -> pd.DataFrame:
    """See `Workbench.from_fiftyone`."""
    from dqkit.fiftyone_bridge import acknowledge, added_classes, pull

    bench._fiftyone.connect()
    target = name or fiftyone_name(bench)
    owner = bench.about["id"]
    # Under the name that the workbench has for it, where both sides added look-alikes.
    stands = {added: bench.add_class(added, annotator=by) for added, by in added_classes(target, owner=owner)}
    found = pull(target, labels=bench.labels(), annotator=annotator, owner=owner)
    undone = [edit for edit in found if edit.kind == "undo"]
    if undone:
        # An answer undone before it was ever pulled is not in the journal: there is nothing to withdraw.
        known = [edit for edit in undone if bench.store.find(edit.undoes or "")]
        for edit in known:
            bench.undo(annotator=edit.annotator, undoes=edit.undoes, event_id=edit.event_id)
        acknowledge(target, undone, owner=owner)
        # What was answered after an undo is compared with the label that the undo brought back.
        found = known + pull(target, labels=bench.labels(), annotator=annotator, owner=owner)
    fine = [edit for edit in found if not edit.problem and edit.kind != "undo"]
    number = max((rnd.number for rnd in bench.rounds), default=0)
    bench.store.record(
        [
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
    )
    # Only now that the journal has them may FiftyOne forget that they were edits.
    acknowledge(target, fine, owner=owner)
    columns = ["sample_id", "kind", "label", "previous", "annotator", "problem"]
    rows = pd.DataFrame([[getattr(edit, column) for column in columns] for edit in found], columns=columns)
    rows.insert(5, "recorded", rows["problem"] == "")
    return rows


def write_report(bench: Workbench, path: Path) -> Path:
    """See `Workbench.report`."""
    from dqkit.report import health, render, write

    rounds, labels = bench.rounds, bench.labels()
    newest = rounds[-1] if rounds else None
    facts = health(
        bench.dataset,
        labels=labels,
        signals=None if newest is None else newest.signals,
        summary=None if newest is None else newest.summary,
        predictions=None if newest is None else widened(newest.predictions, bench.dataset.classes),
        queue=None if newest is None else newest.queue,
        rounds=round_rows(bench),
        events=bench.store.events(),
        title=bench.about["title"],
        description=bench.about["description"],
        tags=bench.about["tags"],
    )
    page, _ = write(path, facts, render(facts, bench.dataset))
    return Path(page)


def round_rows(bench: Workbench) -> list[dict[str, Any]]:
    """One dict a finished round, for the report: its figures, its queue, and what was answered of it."""
    reviews = bench.reviews().set_index("sample_id")["wrong"]
    rows = []
    for rnd in bench.rounds:
        states = bench.store.queue_states(rnd.number)
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
                "queue_counts": {str(k): int(v) for k, v in states["action"].value_counts().items()},
                "answered": len(answered),
                "confirmed_errors": int(reviews.reindex(relabels).eq(True).sum()),
            }
        )
    return rows


def summary_html(bench: Workbench) -> str:
    """The workbench in a few lines, for the notebook."""
    ds, sources = bench.dataset, bench.labels()["source"].value_counts()
    labeled = ", ".join(f"{count:,} {html.escape(str(source))}" for source, count in sources.items())
    lines = [
        f"<b>{html.escape(bench.about['title'])}</b> · {html.escape(str(bench.path))}",
        html.escape(bench.about["description"]),
        f"{len(ds):,} {ds.modality} samples, {len(ds.classes)} classes; labels: {labeled or 'none'}",
        f"{len(bench.rounds)} rounds",
    ]
    return "<p>" + "<br>".join(line for line in lines if line) + "</p>"
