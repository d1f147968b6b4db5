"""`Workbench`: one dataset, its journal of decisions and its rounds, in one folder."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import ArrayLike

from dqkit.bars import Stages
from dqkit.checks import kinds, takes
from dqkit.records import Dataset, InputError, Predictions, arguments
from dqkit.store import Store
from dqkit.workbench import project
from dqkit.workbench.answers import Answers
from dqkit.workbench.decisions import check_texts
from dqkit.workbench.elsewhere import Elsewhere
from dqkit.workbench.exchange import Exchange
from dqkit.workbench.results import Round
from dqkit.workbench.state import State

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dqkit.relabel import Labeler


ROUND_STAGES = ("reading", "baselines", "signals", "findings", "queue", "saving")


class Workbench(Answers, Exchange, Elsewhere):
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
        """Make a new workbench. The dataset is copied into it.

        Parameters
        ----------
        path : path
            The folder; it must not exist or be empty.
        dataset : Dataset
            From `dqkit.from_folder`, `from_table` or `from_arrays`.
        title, description : str
            For the report; the title is the dataset's name by default.
        tags : sequence of str
            For the report.
        store_url : str, optional
            Where the label events are kept, such as "postgresql://name@host/database"; by default a SQLite file in the
            folder. A password in it is used now and not stored.

        Returns
        -------
        Workbench

        Raises
        ------
        InputError
            For what is no dataset, or texts that are none.
        StoreError
            Where the folder is in use or cannot be written, or the database cannot be reached.
        """
        arguments.dataset("dataset", dataset)
        tags = kinds.texts("tags", tags)
        check_texts({"title": title, "description": description})
        folder = project.folder_of(path)
        about = project.create(
            folder, dataset, title=title or dataset.name, description=description, tags=tags, store_url=store_url
        )
        return cls(State(folder, about, project.journal(folder, about, store_url=store_url, may_create=False)))

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None, store_url: str | None = None
    ) -> Workbench:
        """Come back to a workbench.

        Parameters
        ----------
        path : path
            Its folder.
        root : path, optional
            The folder of the originals, where they have moved, such as to another machine. The workbench remembers it.
        store_url : str, optional
            Where its labels are now, if that is not what its project.json says; also the way to give a password.

        Returns
        -------
        Workbench

        Raises
        ------
        InputError
            Where `root` holds none of the originals.
        StoreError
            Where there is no workbench, its labels are missing, or a newer dqkit wrote it.
        """
        folder = project.folder_of(path)
        about = project.read(folder)
        if root is not None:
            about = project.with_root(folder, about, root)
        return cls(State(folder, about, project.journal(folder, about, store_url=store_url, may_create=False)))

    def close(self) -> None:
        """Release the database, close the Apps of `open_fiftyone`, and stop the `mongod` that was started for them.

        Labels are already saved. Closing loses nothing.
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

    @takes(weak=kinds.flag)
    def dataset_now(self, *, weak: bool = False) -> Dataset:
        """The dataset under its current labels.

        Parameters
        ----------
        weak : bool
            Whether weak labels count, where there is no other.

        Returns
        -------
        Dataset
            A person's label, else the given one.
        """
        return self.state.dataset_now(weak=weak)

    @property
    def rounds(self) -> list[Round]:
        """The finished rounds, oldest first."""
        return self.state.rounds

    @takes(progress=kinds.flag)
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
        pretrained: Any = None,
        network: bool | int | None = None,
        imbalance: str | None = None,
        groups: ArrayLike | str | None = None,
        predictions: Predictions | None = None,
        exclude: Sequence[str] = (),
        progress: bool = True,
        control: float | None = None,
        budget_minutes: float | None = None,
        finetune: bool | str = False,
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
        estimators, folds, pretrained, network, imbalance, groups, budget_minutes, finetune
            See `dqkit.cross_val_predictions`.
        audit_share, strategy, human_error, costs, min_share, class_quota
            How the budget is shared out; see `dqkit.acquisition.QueueOptions`.
        predictions : Predictions, optional
            Your own model's out-of-sample probabilities of every sample (`Predictions.from_arrays`, in any order);
            nothing is trained then.
        exclude : sequence of str
            Columns of a table that are no features in this round, such as those that give the label away.
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
        if control is not None:
            warnings.warn("control is called audit_share now.", DeprecationWarning, stacklevel=2)
            audit_share = control
        if isinstance(exclude, str):
            raise InputError(f"exclude must be a list of columns; got {exclude!r}. Write exclude=[{exclude!r}].")
        # The bar first: what is imported here takes seconds when it is first used.
        with Stages("round", ROUND_STAGES, show=bool(progress)) as stages:
            from dqkit.acquisition import QueueOptions
            from dqkit.rounds import RoundSettings, Training
            from dqkit.workbench.running import run_round

            settings = RoundSettings(
                budget=budget,
                seed=seed,
                training=Training(
                    estimators, folds, pretrained, network, imbalance, groups, predictions, budget_minutes, finetune
                ),
                queue=QueueOptions(audit_share, strategy, human_error, costs, min_share, class_quota),
                exclude=tuple(kinds.each(kinds.anything, "columns")("exclude", exclude)),
            )
            return run_round(self.state, settings, progress=progress, stages=stages)

    @takes(strategy=kinds.optional(kinds.text))
    def rerank(self, *, budget: int | None = None, strategy: str | None = None) -> Round:
        """Draw the open rows of the newest queue anew, from the labels as they are now. Nothing is trained.

        Parameters
        ----------
        budget : int, optional
            How many samples to queue; that of the round by default.
        strategy : str, optional
            See `dqkit.acquisition.QueueOptions`; that of the round by default.

        Returns
        -------
        Round
            The newest round. Answered rows stay. The same labels and the same seed give the same queue.

        Raises
        ------
        InputError
            Before the first round, or on bad arguments.
        """
        from dqkit.workbench.running import rerank

        return rerank(self.state, budget=budget, strategy=strategy)

    def open_queue(self) -> pd.DataFrame:
        """What is still to do.

        Returns
        -------
        DataFrame
            The rows of the newest queue that nobody has answered, in order; see `Round.queue` for the columns.

        Raises
        ------
        InputError
            Before the first round.
        """
        from dqkit.workbench.labelling import open_queue

        return open_queue(self.state)

    @takes(captions=kinds.optional(kinds.each(kinds.anything, "captions")))
    def gallery(self, sample_ids: ArrayLike, *, captions: Sequence[str] | None = None) -> Figure:
        """Thumbnails of some samples.

        Parameters
        ----------
        sample_ids : array-like of str
            Which samples, in the order in which they are shown.
        captions : sequence of str, optional
            One text below each.

        Returns
        -------
        matplotlib.figure.Figure
            One picture a sample, in the order given.

        Raises
        ------
        InputError
            For a dataset without images, an unknown sample, or captions of another number.
        """
        from dqkit.report.figures import gallery

        return gallery(self.dataset, sample_ids, captions=captions)

    def labeler(self, annotator: str | None = None, **options: Any) -> Labeler:
        """The labelling widget on the newest queue. Every answer becomes an event under its annotator's name.

        Parameters
        ----------
        annotator : str, optional
            Your name; without one the widget asks for it, once.
        **options
            mode, overlap, overlap_share, gold and prefetch; see below.

        Returns
        -------
        Labeler
            Show it as the last line of a cell.

        Raises
        ------
        InputError
            Before the first round, or on a bad option; then nothing was changed.

        Notes
        -----
        mode is "review", "blind" or "second_opinion" for every sample; by default the random audit sample is blind, a
        sample that somebody else answered is a second opinion, and the rest is reviewed. With "review" the random audit
        sample is not blind and does not count as such. overlap (int) is how many
        people each sample wants, for the share overlap_share of the samples, in [0, 1]. gold maps sample ids to class
        names that are sure: about one sample in ten is such a gold question, its answer never becomes a label, and {}
        takes them away. prefetch (int) is how many samples the page holds ahead.
        """
        from dqkit.workbench.labelling import make_labeler

        return make_labeler(self.state, annotator, **options)

    def __repr__(self) -> str:
        return f"Workbench({self.about['title']!r} at {str(self.path)!r}: {self.dataset!r}, {len(self.rounds)} rounds)"

    def _repr_html_(self) -> str:
        from dqkit.workbench import surfaces

        return surfaces.summary_html(self.state)
