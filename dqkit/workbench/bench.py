"""`Workbench`: one dataset, its journal of decisions and its rounds, in one folder."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import ArrayLike

from dqkit.records import Dataset, InputError, LabelEvent, Predictions
from dqkit.store import Store
from dqkit.workbench import classes, decisions, evidence, project, withdrawals
from dqkit.workbench.decisions import check_texts
from dqkit.workbench.elsewhere import Elsewhere
from dqkit.workbench.exchange import Exchange
from dqkit.workbench.results import Round
from dqkit.workbench.state import State

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dqkit.acquisition import Advice
    from dqkit.relabel import Labeler
    from dqkit.weak_labels import Model, WeakLabels
    from dqkit.workbench.agreement import Agreement


class Workbench(Exchange, Elsewhere):
    """A folder that holds a dataset, every decision ever made about it, and every round.

    Make one with `Workbench.create`, come back to it with `Workbench.open`. Several processes may use one folder.
    """

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def path(self) -> Path:
        """The folder of the workbench."""
        return self.state.path

    @property
    def about(self) -> dict[str, Any]:
        """What project.json says: title, description, tags, classes, and when it was made."""
        return self.state.about

    @property
    def store(self) -> Store:
        """The journal, the queue and the list of rounds."""
        return self.state.store

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
        return cls(State(folder, about, store))

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, store_url: str | None = None) -> Workbench:
        """The workbench at `path`; raises `StoreError` where there is none, its labels are missing or a newer one's.

        store_url: where its labels are now, where that is not what its project.json says, or with the password for it.
        """
        folder = project.folder_of(path)
        about = project.read(folder)
        return cls(State(folder, about, project.journal(folder, about, store_url=store_url, may_create=False)))

    def close(self) -> None:
        """Release the database, close the Apps of `open_fiftyone`, and stop the `mongod` that was started for them.

        Labels are already saved; closing loses nothing.
        """
        self.state.close()

    def __enter__(self) -> Workbench:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def dataset(self) -> Dataset:
        """The dataset as it came in, under its given labels; classes that were added stand after its own."""
        self.state.refresh()
        return self.state.dataset

    def dataset_now(self, *, weak: bool = False) -> Dataset:
        """The dataset under its current labels: people's, else given ones, else (weak=True) weak ones."""
        return self.state.dataset_now(weak=weak)

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
        return decisions.record(
            self.state,
            sample_id,
            label,
            annotator=annotator,
            kind=kind,
            why=why,
            source=source,
            event_id=event_id,
        )

    def add_class(self, name: str, *, annotator: str) -> str:
        """Append a class to this workbench; returns the name it stands under: an older one where case or spaces differ.

        The next round trains on it once samples carry it. Raises `InputError` for an empty or overlong name.
        """
        return classes.add_class(self.state, name, annotator=annotator)

    def undo(self, *, annotator: str, undoes: str | None = None, event_id: str | None = None) -> LabelEvent:
        """Withdraw this annotator's newest decision, or anybody's with the event id `undoes`; itself an event.

        Raises `InputError` where there is nothing to undo.
        """
        return withdrawals.undo(self.state, annotator=annotator, undoes=undoes, event_id=event_id)

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
            self.state,
            annotator=annotator,
            since=since,
            until=until,
            round_number=round,
            by=by,
            why=why,
        )

    def labels(self) -> pd.DataFrame:
        """The current label of every sample, by sample_id: label (class name), source, annotator, at, round.

        source: "human" or "fiftyone" (a person's newest decision), else "given", else "weak", else None. Unlabelled
        samples have None throughout; a given label has no annotator and no time.
        """
        return self.state.labels()

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
        return evidence.reviews(self.state)

    def advice(self, *, budget_left: float | None = None) -> Advice:
        """One paragraph on whether more labels pay; its repr prints every criterion with its verdict, and the yields.

        budget_left: answers that can still be paid for, if there is such a limit. From the random audit sample: error
        rate and accuracy with 95 % intervals, answers saved against random review, confirmed / reviewed by detector.
        """
        return evidence.advise(self.state, budget_left=budget_left)

    # --- rounds

    @property
    def rounds(self) -> list[Round]:
        """The finished rounds, oldest first."""
        return self.state.rounds

    def run_round(
        self,
        *,
        budget: int = 100,
        seed: int = 0,
        estimators: Any = None,
        folds: int = 5,
        audit_share: float = 0.1,
        strategy: str = "auto",
        human_error: float = 0.02,
        costs: Mapping[str, float] | None = None,
        min_share: Mapping[str, float] | None = None,
        class_quota: Mapping[str, int] | None = None,
        pretrained: str | Path | None = None,
        network: bool | int | None = None,
        imbalance: str | None = None,
        groups: ArrayLike | str | None = None,
        predictions: Predictions | None = None,
        progress: bool = True,
        control: float | None = None,
    ) -> Round:
        """Train baselines on the current labels, find what is wrong, and queue what is most worth a look.

        Interrupted or killed and called again with the same arguments, it goes on where it was: a fold of a member
        that was finished is not trained again. Features and near copies of an earlier round are taken over. With
        labels of fewer than two classes nothing is trained: the queue then holds samples typical of the parts of the
        data.

        Parameters
        ----------
        budget : int
            How many samples to queue.
        seed : int
            The same labels, arguments and seed give the same round.
        estimators, folds, pretrained, network, imbalance, groups
            See `dqkit.cross_val_predictions`.
        audit_share, strategy, human_error, costs, min_share, class_quota
            How the budget is shared out; see `dqkit.acquisition.QueueOptions`.
        predictions : Predictions, optional
            Your own model's out-of-sample probabilities of every sample (`Predictions.from_arrays`, in any order);
            nothing is trained then.
        progress : bool
            Whether to show progress bars.
        control : float, optional
            The former name of `audit_share`.

        Returns
        -------
        Round

        Raises
        ------
        InputError
            On bad arguments, before anything is trained or written.
        StoreError
            While another process runs a round here.
        """
        from dqkit.acquisition import QueueOptions
        from dqkit.rounds import RoundSettings, Training
        from dqkit.workbench.running import run_round

        if control is not None:
            warnings.warn("control is called audit_share now.", DeprecationWarning, stacklevel=2)
            audit_share = control
        settings = RoundSettings(
            budget=budget,
            seed=seed,
            training=Training(estimators, folds, pretrained, network, imbalance, groups, predictions),
            queue=QueueOptions(audit_share, strategy, human_error, costs, min_share, class_quota),
        )
        return run_round(self.state, settings, progress=progress)

    def rerank(self, *, budget: int | None = None, strategy: str | None = None) -> Round:
        """The newest round, what is open in its queue drawn anew from the labels as they are now; nothing is trained.

        For when labels changed since, such as after `undo_batch`. Answered rows stay. budget, strategy: those of the
        round unless given. The same labels and the same seed give the same queue. Raises `InputError` before a round.
        """
        from dqkit.workbench.running import rerank

        return rerank(self.state, budget=budget, strategy=strategy)

    def open_queue(self) -> pd.DataFrame:
        """The rows of the newest queue that nobody has answered, in order; see `Round.queue` for the columns."""
        from dqkit.workbench.labelling import open_queue

        return open_queue(self.state)

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

        return make_labeler(self.state, annotator, **options)

    def agreement(self) -> Agreement:
        """How far people agree (Cohen's and Fleiss' kappa, per class) and how good each one's answers are."""
        from dqkit.workbench.agreement import agreement

        return agreement(self.state)

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

        return add(self.state, functions, min_probability=min_probability, model=model, progress=progress, seed=seed)

    def __repr__(self) -> str:
        return f"Workbench({self.about['title']!r} at {str(self.path)!r}: {self.dataset!r}, {len(self.rounds)} rounds)"

    def _repr_html_(self) -> str:
        from dqkit.workbench import surfaces

        return surfaces.summary_html(self.state)
