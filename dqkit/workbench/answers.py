"""The part of `Workbench` that takes answers and says what is known from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from dqkit.checks import kinds, takes
from dqkit.records import LabelEvent
from dqkit.relabel import Answer
from dqkit.workbench import classes, decisions, evidence, withdrawals
from dqkit.workbench.state import State

if TYPE_CHECKING:
    from dqkit.acquisition import Advice
    from dqkit.weak_labels import Model, WeakLabels
    from dqkit.workbench.agreement import Agreement


class Answers:
    """Methods of `Workbench`."""

    state: State

    @takes(kind=kinds.text, label=kinds.optional(kinds.text), source=kinds.text, event_id=kinds.optional(kinds.text))
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

        Parameters
        ----------
        sample_id : str
            The sample.
        label : str or None
            A class name; None for the other kinds.
        annotator : str
            Who decided.
        kind : {"label", "skip", "flag", "note"}
            A skipped sample stays out of the next round's queue. A flagged one stays out of every queue until the flag
            is undone or a label is recorded.
        why : str
            A reason, or the text of a note.
        source : {"human", "weak", "fiftyone"}
            Where the decision comes from.
        event_id : str, optional
            Sending the same decision again under the same id changes nothing. Made up when left out.

        Returns
        -------
        LabelEvent
            The event in the journal.

        Raises
        ------
        InputError
            For an unknown sample, class or kind, or no annotator; then nothing was written.
        """
        answer = Answer("" if event_id is None else event_id, sample_id, kind, label, why)
        return decisions.record(self.state, answer, annotator, source=source)

    def add_class(self, name: str, *, annotator: str) -> str:
        """Append a class to this workbench; the next round trains on it once samples carry it.

        Parameters
        ----------
        name : str
            The name of the class.
        annotator : str
            Who adds it.

        Returns
        -------
        str
            The name it stands under: that of an earlier class where the two differ in case or spaces alone.

        Raises
        ------
        InputError
            For an empty or overlong name.
        """
        return classes.add_class(self.state, name, annotator=annotator)

    def undo(self, *, annotator: str, undoes: str | None = None, event_id: str | None = None) -> LabelEvent:
        """Withdraw one decision. The withdrawal is an event of its own.

        Parameters
        ----------
        annotator : str
            Who withdraws.
        undoes : str, optional
            The event id of the decision, anybody's; by default this annotator's newest one.
        event_id : str, optional
            The id of the new event; made up when left out.

        Returns
        -------
        LabelEvent
            The undo event.

        Raises
        ------
        InputError
            Where there is nothing to undo.
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
        """Withdraw everything that one annotator decided in a stretch of time or in a round, all or nothing.

        Parameters
        ----------
        annotator : str
            Whose decisions.
        since, until : str or datetime, optional
            Such as "2024-05-03T12:00", both included; UTC unless they say otherwise, like `at` in `history`.
        round : int, optional
            Only decisions of this round.
        by : str, optional
            Who withdraws; the annotator by default.
        why : str
            The reason.

        Returns
        -------
        list of LabelEvent
            The undo events, newest first.

        Raises
        ------
        InputError
            On bad times, where none of since, until and round is given, or where there is nothing to undo.

        Notes
        -----
        The samples are open again in the newest queue. `rerank` puts them in order.
        """
        return withdrawals.undo_batch(self.state, annotator, since=since, until=until, number=round, by=by, why=why)

    def labels(self) -> pd.DataFrame:
        """The current label of every sample.

        Returns
        -------
        DataFrame
            Indexed by sample_id, in the order of the dataset: label (class name), source, annotator, at, round. source
            is "human" or "fiftyone" (a person's newest decision), else "given", else "weak", else None. An unlabelled
            sample has None throughout; a given label has no annotator and no time.
        """
        return self.state.labels()

    def history(self, sample_id: str) -> pd.DataFrame:
        """Every event of one sample.

        Parameters
        ----------
        sample_id : str
            The sample.

        Returns
        -------
        DataFrame
            Oldest first: label, kind, source, annotator, at (UTC), why.

        Raises
        ------
        InputError
            For an unknown sample.
        """
        decisions.check_texts({"sample_id": sample_id})
        self.state.refresh()
        self.state.dataset.positions([sample_id])
        rows = self.state.store.events(sample_id=sample_id)[["label", "kind", "source", "annotator", "at", "why"]]
        # A column of None alone, or beside texts, is not numbers that are missing.
        return rows.assign(label=rows["label"].astype(object).where(rows["label"].notna(), None))

    def reviews(self) -> pd.DataFrame:
        """What became of the rows that people looked at.

        Returns
        -------
        DataFrame
            One row a sample: sample_id, round, action, detector, score, wrong, at_random. score is the probability,
            before any review, that an answer changes the class. wrong says whether it did: whether it differs from the
            label, or where there was none from the model's guess. at_random says whether the row was drawn at random.

        Notes
        -----
        They teach the judge of label errors in the next round, and its queue is shared out by them.
        """
        return evidence.reviews(self.state)

    def advice(self, *, budget_left: float | None = None) -> Advice:
        """Whether more labels pay.

        Parameters
        ----------
        budget_left : float, optional
            How many answers can still be paid for, if there is a limit.

        Returns
        -------
        Advice
            One paragraph. Its repr prints every criterion with its result: error rate and accuracy from the random
            audit sample with 95 % intervals, answers saved against random review, and how many of the reviewed rows of
            each detector were confirmed.
        """
        return evidence.advise(self.state, budget_left=budget_left)

    def page_checks(self) -> pd.DataFrame:
        """How often grid pages that were answered at once were wrong.

        A tenth of each page, at least one sample, is asked again later, blind and one by one. That answer counts.

        Returns
        -------
        DataFrame
            One row a page: page, annotator, round, label, confirmed (samples answered at once), checked (asked again),
            differs (with another label then), error (differs of checked; NaN before any), low, high (its 95 %
            interval).
        """
        from dqkit.workbench.page_checks import page_checks

        return page_checks(self.state)

    def agreement(self) -> Agreement:
        """How far people agree, and how good each one's answers are.

        Returns
        -------
        Agreement
            Cohen's kappa of each pair, Fleiss' kappa of all and of each class, and the quality of each annotator.
        """
        from dqkit.workbench.agreement import agreement

        return agreement(self.state)

    @takes(progress=kinds.flag)
    def add_weak_labels(
        self,
        functions: Sequence[Callable[[Any], Any]],
        *,
        min_probability: float = 0.8,
        model: Model = "auto",
        progress: bool = True,
        seed: int = 0,
    ) -> WeakLabels:
        """Label with labelling functions what nobody has labelled. No other label is touched.

        Parameters
        ----------
        functions : sequence of callables
            See `dqkit.weak_labels.apply_functions`.
        min_probability : float
            A sample without a given label, outside the test split, gets the weak label if its probability reaches this.
            A person's label stands above it.
        model : {"auto", "snorkel", "naive_bayes", "majority"}
            How the votes are weighed; see `dqkit.weak_labels.label_model`.
        progress : bool
            Whether to show a progress bar.
        seed : int
            For what is drawn at random.

        Returns
        -------
        WeakLabels
            The probabilities, and an analysis of the functions.

        Raises
        ------
        InputError
            For bad arguments, or a function that returns no class.
        MissingExtra
            Where the model needs Snorkel and it is not installed.

        Notes
        -----
        New weak labels replace the old. `why` of each label says which functions voted. The labels outside the test
        split help to weigh the votes.
        """
        from dqkit.workbench.weak import add_weak_labels as add

        return add(self.state, functions, min_probability=min_probability, model=model, progress=progress, seed=seed)
