"""`Workbench`: one dataset, its journal of decisions and its rounds, in one folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dqkit.records import UNLABELED, Dataset, InputError, LabelEvent, Predictions, StoreError
from dqkit.store import Store
from dqkit.store.added_classes import names_and_keys
from dqkit.workbench import classes, evidence, project, surfaces, withdrawals
from dqkit.workbench.classes import with_added
from dqkit.workbench.decisions import check_texts, checked_event, recorded_before
from dqkit.workbench.exchange import Exchange
from dqkit.workbench.results import Round

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dqkit.acquisition import Advice
    from dqkit.relabel import Labeler
    from dqkit.weak_labels import Model, WeakLabels
    from dqkit.workbench.agreement import Agreement


class Workbench(Exchange):
    """A folder that holds a dataset, every decision ever made about it, and every round.

    Make one with `Workbench.create`, come back to it with `Workbench.open`. Several processes may use one folder.
    """

    def __init__(self, path: Path, about: dict[str, Any], store: Store) -> None:
        self.path = path
        self.about = about
        self.store = store
        self._rounds: dict[int, Round] = {}
        self._fiftyone = surfaces.FiftyOneHeld()

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        dataset: Dataset,
        *,
        title: str = "",
        description: str = "",
        tags: Sequence[str] = (),
        store_url: str | None = None,
    ) -> Workbench:
        """A new workbench at `path`, which must not exist or be an empty folder; the dataset is copied into it.

        store_url: where the label events are kept, e.g. postgresql://name@host/database; by default a SQLite file in
        the folder. A password in it is used now and not stored (see docs/journal.md).
        Raises `StoreError` where the folder is in use or cannot be written, `InputError` for what is no dataset.
        """
        if not isinstance(dataset, Dataset):
            raise InputError(
                f"dataset must be a dqkit Dataset; got {type(dataset).__name__}. "
                "Make one with dqkit.from_arrays, from_folder or from_table."
            )
        if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
            raise InputError(f"tags must be a list of texts; got {tags!r}.")
        check_texts({"title": title, "description": description})
        folder = project.folder_of(path)
        about = project.create(
            folder, dataset, title=title or dataset.name, description=description, tags=tags, store_url=store_url
        )
        try:
            store = project.journal(folder, about, store_url=store_url, may_create=True)
        except Exception:
            # A folder without its journal could neither be opened nor made again.
            shutil.rmtree(folder)
            raise
        return cls(folder, about, store)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, store_url: str | None = None) -> Workbench:
        """The workbench at `path`; raises `StoreError` where there is none, its labels are missing or a newer one's.

        store_url: where its labels are now, where that is not what its project.json says, or with the password for it.
        """
        folder = project.folder_of(path)
        about = project.read(folder)
        return cls(folder, about, project.journal(folder, about, store_url=store_url, may_create=False))

    def close(self) -> None:
        """Release the database, close the Apps of `open_fiftyone`, and stop the `mongod` that was started for them.

        What was recorded is on disk with or without.
        """
        self._fiftyone.close()
        self.store.close()

    def __enter__(self) -> Workbench:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset as it came in, under its given labels; classes that were added stand after its own."""
        try:
            added = [name for name, _ in names_and_keys(self.store)]
            return with_added(project.load_dataset(self.path / "dataset", self.about), added)
        except FileNotFoundError as error:
            raise StoreError(
                f"The workbench {str(self.path)!r} is damaged: {error}. Bring the file back from a copy; "
                "the labels are in labels.sqlite and are not touched."
            ) from error

    def dataset_now(self, *, weak: bool = False) -> Dataset:
        """The dataset under its current labels: people's, else given ones, else (weak=True) weak ones."""
        table = self.labels()
        label = table["label"] if weak else table["label"].where(table["source"] != "weak", None)
        codes = label.map({name: i for i, name in enumerate(self.dataset.classes)})
        return self.dataset.with_labels(codes.fillna(UNLABELED).to_numpy(dtype=np.int64))

    # --- labels

    def record(
        self,
        sample_id: str,
        label: str | None,
        *,
        annotator: str,
        kind: str = "label",
        why: str = "",
        source: str = "human",
        event_id: str | None = None,
    ) -> LabelEvent:
        """Write down one decision about one sample; when the call returns it is on disk.

        label: a class name; None for kind "skip", "flag" or "note". A skipped sample stays out of the next round's
        queue, a flagged one out of all that follow until the flag is undone or a label recorded. why: a reason, or
        the text of a note. event_id: makes sending the same decision again harmless; made up when left out.
        Raises `InputError` for an unknown sample, class or kind, or no annotator; then nothing was written.
        """
        if kind == "label" and label not in self.dataset.classes:
            classes.refresh(self)
        event = checked_event(
            self.dataset,
            sample_id,
            label,
            annotator=annotator,
            kind=kind,
            why=why,
            source=source,
            event_id=event_id,
            round_number=self._round_number(),
        )
        if not self.store.record([event]):
            return recorded_before(self.store, event)
        return event

    def add_class(self, name: str, *, annotator: str) -> str:
        """Append a class to this workbench; returns the name it stands under: an older one where case or spaces differ.

        The next round trains on it once samples carry it. Raises `InputError` for an empty or overlong name.
        """
        return classes.add_class(self, name, annotator=annotator)

    def undo(self, *, annotator: str, undoes: str | None = None, event_id: str | None = None) -> LabelEvent:
        """Withdraw this annotator's newest decision, or anybody's with the event id `undoes`; itself an event.

        Raises `InputError` where there is nothing to undo.
        """
        return withdrawals.undo(
            self, annotator=annotator, undoes=undoes, event_id=event_id, number=self._round_number()
        )

    def undo_batch(
        self,
        *,
        annotator: str,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        round: int | None = None,
        by: str | None = None,
        why: str = "",
    ) -> list[LabelEvent]:
        """Withdraw everything this annotator decided in a stretch of time or a round; the undo events, newest first.

        since, until: "2024-05-03T12:00" or a datetime, both included; UTC unless they say otherwise, as is `at` in
        `history`. by: who withdraws (default: the annotator). All or nothing; the samples are open again in the newest
        queue, which `rerank` puts in order. Raises `InputError` on bad times or where there is nothing to undo.
        """
        return withdrawals.undo_batch(
            self,
            annotator=annotator,
            since=since,
            until=until,
            round_number=round,
            by=by,
            why=why,
            number=self._round_number(),
        )

    def labels(self) -> pd.DataFrame:
        """The current label of every sample, by sample_id: label (class name), source, annotator, at, round.

        source: "human" or "fiftyone" (a person's newest decision), else "given", else "weak", else None. Unlabelled
        samples have None throughout; a given label has no annotator and no time.
        """
        classes.refresh(self)
        ds = self.dataset
        names = np.array([*ds.classes, None], dtype=object)
        columns: dict[str, Any] = {
            "label": names[ds.labels],
            "source": np.array([None, "given"], dtype=object)[ds.is_labeled.astype(int)],
            "annotator": np.full(len(ds), None, dtype=object),
            "at": np.full(len(ds), None, dtype=object),
            "round": np.zeros(len(ds), dtype=np.int64),
        }
        weak, people = self.store.current_labels(weak=True), self.store.current_labels(weak=False)
        weak = weak[ds.labels[ds.positions(weak["sample_id"])] == UNLABELED]
        for rows in (weak, people):
            at = ds.positions(rows["sample_id"])
            for column, values in columns.items():
                values[at] = rows[column].to_numpy(dtype=values.dtype)
        index = pd.Index(ds.ids, name="sample_id")
        # Objects, so that a missing value stays None and pandas does not turn it into NaN.
        return pd.DataFrame({k: pd.Series(v, index=index, dtype=v.dtype) for k, v in columns.items()})

    def history(self, sample_id: str) -> pd.DataFrame:
        """Every event of one sample, oldest first: label, kind, source, annotator, at, why."""
        check_texts({"sample_id": sample_id})
        self.dataset.positions([sample_id])
        rows = self.store.events(sample_id=sample_id)[["label", "kind", "source", "annotator", "at", "why"]]
        # A column of None alone, or beside texts, is not numbers that are missing.
        return rows.assign(label=rows["label"].astype(object).where(rows["label"].notna(), None))

    def reviews(self) -> pd.DataFrame:
        """What became of the rows people looked at, one row a sample: sample_id, round, action, detector, score, wrong.

        score: the chance, before any review, that an answer changes the class; wrong: it did (the label, or where there
        was none the model's guess). The next round's queue is shared out by these.
        """
        return evidence.reviews(self)

    def advice(self, *, budget_left: float | None = None) -> Advice:
        """One paragraph on whether more labels pay; its repr prints every criterion with its verdict, and the yields.

        budget_left: answers that can still be paid for, if there is such a limit. From the random control slice: error
        rate and accuracy with 95 % intervals, answers saved against random review, confirmed / reviewed by detector.
        """
        return evidence.advise(self, budget_left=budget_left)

    # --- rounds

    @property
    def rounds(self) -> list[Round]:
        """The finished rounds, oldest first."""
        done = [about for about in self.store.rounds() if about["status"] == "done"]
        for about in done:
            number, folder = about["round"], self.path / "rounds" / f"{about['round']:04d}"
            if self.store.fetch_files(number, folder) or number not in self._rounds:
                self._rounds[number] = Round(folder, about)
        return [self._rounds[about["round"]] for about in done]

    def run_round(
        self,
        *,
        budget: int = 100,
        seed: int = 0,
        estimators: Any = None,
        folds: int = 5,
        control: float = 0.1,
        strategy: str = "auto",
        pretrained: str | Path | None = None,
        network: bool | int | None = None,
        imbalance: str | None = None,
        groups: ArrayLike | str | None = None,
        predictions: Predictions | None = None,
        progress: bool = True,
        **sharing: Any,
    ) -> Round:
        """Train baselines on the current labels, find what is wrong, and queue what is most worth a look.

        budget: how many samples to queue. seed: the same labels and seed give the same round. estimators, folds,
        pretrained, network, imbalance, groups: see `dqkit.cross_val_predictions`. predictions: your own model's
        out-of-sample probabilities of every sample (`Predictions.from_arrays`, in any order); nothing is trained then.
        control: share of the budget drawn at random. strategy: see `dqkit.acquisition.select`. sharing: costs,
        min_share, class_quota and human_error, as in `dqkit.acquisition.build_queue`.
        Interrupted or killed and called again with the same arguments, it goes on where it was: a fold of a member
        that was finished is not trained again. Features and near copies of an earlier round are taken over.
        With labels of fewer than two classes nothing is trained: the queue then holds samples typical of the parts of
        the data. Raises `InputError` on bad arguments, `StoreError` while another process runs a round here.
        """
        from dqkit.workbench.running import run_round
        from dqkit.workbench.training import Training

        training = Training(estimators, folds, pretrained, network, imbalance, groups, predictions)
        return run_round(self, budget, seed, training, control, strategy, progress, sharing)

    def rerank(self, *, budget: int | None = None, strategy: str | None = None) -> Round:
        """The newest round, what is open in its queue drawn anew from the labels as they are now; nothing is trained.

        For when labels changed since, such as after `undo_batch`. Answered rows stay. budget, strategy: those of the
        round unless given. The same labels and the same seed give the same queue. Raises `InputError` before a round.
        """
        from dqkit.workbench.running import rerank

        return rerank(self, budget=budget, strategy=strategy)

    def open_queue(self) -> pd.DataFrame:
        """The rows of the newest queue that nobody has answered, in order; see `Round.queue` for the columns."""
        if not self.rounds:
            raise InputError("There is no queue yet; run wb.run_round(budget=...) first.")
        states = self.store.queue_states()
        still_open = states.loc[states["state"] == "open", "sample_id"]
        queue = self.rounds[-1].queue
        return queue[queue["sample_id"].isin(still_open)].reset_index(drop=True)

    def gallery(self, sample_ids: ArrayLike, *, captions: Sequence[str] | None = None) -> Figure:
        """Thumbnails of these samples, in this order, under their captions (a matplotlib figure)."""
        from dqkit.report.figures import gallery

        return gallery(self.dataset, sample_ids, captions=captions)

    def labeler(self, annotator: str | None = None, **options: Any) -> Labeler:
        """The labelling widget on the newest queue; every answer is a durable event of its annotator.

        annotator: your name; without one the widget asks for it, once. options: mode, overlap, overlap_share and gold,
        as `dqkit.workbench.labelling.make_labeler` explains them. Raises `InputError` before a round or on a bad one.
        """
        from dqkit.workbench.labelling import make_labeler

        return make_labeler(self, annotator, **options)

    def agreement(self) -> Agreement:
        """How far people agree (Cohen's and Fleiss' kappa, per class) and how good each one's answers are."""
        from dqkit.workbench.agreement import agreement

        return agreement(self)

    def add_weak_labels(
        self,
        functions: Sequence[Callable[[Any], Any]],
        *,
        min_probability: float = 0.8,
        model: Model = "auto",
        progress: bool = True,
        seed: int = 0,
    ) -> WeakLabels:
        """Label with Snorkel labelling functions what nobody has labelled; returns their probabilities and analysis.

        functions: see `dqkit.weak_labels.apply_functions`; model: `label_model`. Labels outside the test split serve as
        dev labels. A sample without a given or human label gets the weak label if its probability reaches
        `min_probability`; `why` says who voted. New weak labels replace the old; no other label is touched.
        """
        from dqkit.workbench.weak import add_weak_labels as add

        return add(self, functions, min_probability=min_probability, model=model, progress=progress, seed=seed)

    # --- other surfaces

    def to_fiftyone(self, *, name: str | None = None) -> Any:
        """The `fiftyone.Dataset` with samples, labels, signals and the view "queue"; pushing again updates it.

        Raises `MissingExtra` where FiftyOne or its database is missing, with the command that mends it.
        """
        return surfaces.to_fiftyone(self, name=name)

    def open_fiftyone(self, *, name: str | None = None, port: int | None = None, annotator: str = "") -> Any:
        """The `fiftyone.Session` of the App on the queue, on 127.0.0.1, answers as `annotator`; push first."""
        return surfaces.open_fiftyone(self, name=name, port=port, annotator=annotator)

    def from_fiftyone(self, *, name: str | None = None, annotator: str | None = None) -> pd.DataFrame:
        """Record what was changed in FiftyOne since the last push or pull; returns the new events, one row each.

        annotator: of edits made outside the queue panel, which asks for a name of its own; by default the one that
        `open_fiftyone` was given, else "fiftyone".
        """
        return surfaces.from_fiftyone(self, name=name, annotator=annotator)

    def report(self, path: str | os.PathLike[str] = "health.html") -> Path:
        """Write the health report: HTML at `path`, the same as JSON beside it; returns the path of the HTML."""
        return surfaces.write_report(self, Path(path))

    def _round_number(self) -> int:
        rounds = self.store.rounds()
        done = [about["round"] for about in rounds if about["status"] == "done"]
        return max(done, default=0)

    def __repr__(self) -> str:
        return f"Workbench({self.about['title']!r} at {str(self.path)!r}: {self.dataset!r}, {len(self.rounds)} rounds)"

    def _repr_html_(self) -> str:
        return surfaces.summary_html(self)
