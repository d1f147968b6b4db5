"""The queue as cards: what the widget shows, read from a workbench, and answers back into its journal."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dqkit.records import UNLABELED, InputError
from dqkit.relabel import Answer, Card, Labeler, Team
from dqkit.relabel.cards import MODES
from dqkit.workbench import gold as questions
from dqkit.workbench.classes import add_class
from dqkit.workbench.cues import Cues
from dqkit.workbench.decisions import check_annotator, record
from dqkit.workbench.media import shown_of, thumbnail_of
from dqkit.workbench.state import State
from dqkit.workbench.team import team
from dqkit.workbench.withdrawals import undo

if TYPE_CHECKING:
    from dqkit.workbench.results import Round

SHOWN_NEIGHBORS = 5
SHOWN_EPOCHS = 100


def make_labeler(
    state: State,
    annotator: str | None = None,
    *,
    mode: str | None = None,
    overlap: int | None = None,
    overlap_share: float = 1.0,
    gold: Mapping[str, str] | None = None,
    prefetch: int = 24,
) -> Labeler:
    """Make the widget on the newest queue of a workbench; see `Workbench.labeler`.

    Parameters
    ----------
    state : State
        The open workbench.
    annotator : str, optional
        Who answers; without one the widget asks once and remembers it in the browser.
    mode : {"review", "blind", "second_opinion"}, optional
        For every sample. By default each has its own: the random audit sample is blind, one that somebody else answered
        is a second opinion, the rest is reviewed.
    overlap : int, optional
        How many different people each sample of the queue wants, from now on and for everybody; it stays as it is by
        default (one at first).
    overlap_share : float
        For this share of the samples, evenly spread.
    gold : mapping of str to str, optional
        Sample id -> class name that is known. About one sample in ten is such a gold question, shown blind. An answer
        that differs is met with a gentle notice, counts in `Workbench.agreement` and never becomes a label. Kept in the
        workbench for every annotator; {} takes them away.
    prefetch : int
        How many samples the page holds ahead, in case the kernel is busy; nobody else gets them meanwhile.

    Returns
    -------
    Labeler

    Raises
    ------
    InputError
        Before the first round and on a bad option; then nothing was changed.
    """
    if annotator is not None:
        check_annotator(annotator)
    if mode is not None and mode not in MODES:
        raise InputError(f"mode must be one of {', '.join(MODES)}, or None; got {mode!r}.")
    if not state.rounds:
        raise InputError("There is no queue yet; run wb.run_round(budget=...) first.")
    if gold is not None:
        questions.check(state, gold)
    if overlap is not None:
        state.store.overlap(overlap, share=overlap_share)
    if gold is not None:
        questions.keep(state, gold)
    return Labeler(QueueCards(state, mode=mode), annotator=annotator, key=state.about["id"], prefetch=prefetch)


def open_queue(state: State) -> pd.DataFrame:
    """See `Workbench.open_queue`."""
    if not state.rounds:
        raise InputError("There is no queue yet; run wb.run_round(budget=...) first.")
    states = state.store.queue_states()
    still_open = states.loc[states["state"] == "open", "sample_id"]
    queue = state.rounds[-1].queue
    return queue[queue["sample_id"].isin(still_open)].reset_index(drop=True)


class QueueCards:
    """A `CardSource` over a workbench's newest queue, which also adds classes, finds look-alikes and knows the team."""

    def __init__(self, state: State, *, mode: str | None = None) -> None:
        self._state = state
        self._mode = mode
        self._counted: tuple[Round, Cues] | None = None

    @property
    def classes(self) -> Sequence[str]:
        """The class names, in key order, those added elsewhere included."""
        self._state.refresh()
        return self._state.dataset.classes

    def cards(self, n: int, annotator: str, exclude: Collection[str]) -> list[Card]:
        """Up to n open samples, held for this annotator, in queue order, gold questions among them."""
        dealt = self._dealt(self._state.store.lease(n, annotator, exclude=exclude), annotator)
        return questions.with_questions(self._state, dealt, annotator, exclude)

    def alike(self, n: int, annotator: str, exclude: Collection[str]) -> list[Card]:
        """The same, but first what shares a suggestion and looks alike: page by page, the fullest first."""
        states = self._state.store.queue_states()
        left = set(states.loc[states["state"] == "open", "sample_id"]) - set(exclude)
        by_page: dict[int, list[str]] = {}
        for sample_id, (page, _) in self._state.rounds[-1].pages.items():
            if sample_id in left:
                by_page.setdefault(page, []).append(sample_id)
        taken: list[str] = []
        for page in sorted(by_page, key=lambda number: (-len(by_page[number]), number)):
            if len(taken) >= n:
                break
            taken += self._state.store.lease(n - len(taken), annotator, exclude=exclude, only=by_page[page])
        return self._dealt(taken, annotator) if taken else self.cards(n, annotator, exclude)

    def record(self, answer: Answer, annotator: str) -> str | None:
        """Make one answer an event; durable on return, and one event however often it is sent.

        Returns what to tell the person: that a gold question has another answer. Else None.
        """
        if answer.kind == "undo":
            if not questions.withdraw(self._state, answer):
                undo(self._state, annotator=annotator, undoes=answer.undoes, event_id=answer.event_id)
            return None
        said = questions.answered(self._state, answer, annotator)
        if not said.beside_queue:
            record(self._state, answer, annotator)
        return said.notice

    def progress(self) -> tuple[int, int]:
        """How many answers the queue has, and how many it wants; answers to gold questions count in both."""
        answered, total = self._state.store.progress()
        extra = questions.live_count(self._state)
        return answered + extra, total + extra

    def history(self, annotator: str, n: int) -> list[Answer]:
        """This annotator's newest live answers in this round, oldest first."""
        number = self._state.rounds[-1].number if self._state.rounds else 0
        found = [
            (e.at, Answer(event_id=e.event_id, sample_id=e.sample_id, kind=e.kind, label=e.label, why=e.why))
            for e in reversed(self._state.store.latest_live(annotator, limit=n))
            if e.round == number and e.kind in {"label", "skip", "flag"}
        ]
        found += questions.history(self._state, annotator)
        return [answer for _, answer in sorted(found, key=lambda pair: pair[0])][-n:]

    def add_class(self, name: str, annotator: str) -> str:
        """Append a class; returns the name it stands under."""
        return add_class(self._state, name, annotator=annotator)

    def team(self) -> Team:
        """How far the annotators agree, and how good each one's answers are."""
        return team(self._state)

    def _dealt(self, taken: Sequence[str], annotator: str) -> list[Card]:
        if not taken:
            return []
        state, rnd = self._state, self._state.rounds[-1]
        rows = {row["sample_id"]: row for _, row in rnd.queue[rnd.queue["sample_id"].isin(taken)].iterrows()}
        labels = state.labels()["label"]
        votes = state.store.human_votes(sample_ids=taken)
        others: dict[str, list[tuple[str, str]]] = {}
        for row in votes[votes["annotator"] != annotator].itertuples():
            others.setdefault(str(row.sample_id), []).append((str(row.annotator), str(row.label)))
        several = set(state.store.answered_by_others(taken, annotator))
        return [
            self._card(s, rows[s], labels, rnd, tuple(others.get(s, ())), second=s in several)
            for s in taken
            if s in rows
        ]

    def _card(
        self,
        sample_id: str,
        row: pd.Series[Any],
        labels: pd.Series[Any],
        rnd: Round,
        others: tuple[tuple[str, str], ...],
        *,
        second: bool,
    ) -> Card:
        dataset, predictions = self._state.dataset, rnd.predictions
        i = int(dataset.positions([sample_id])[0])
        shown = shown_of(self._state, i)
        suggested = row["suggested_label"] if isinstance(row["suggested_label"], str) else None
        at = predictions.classes.index(suggested) if suggested in predictions.classes else None
        chosen = predictions.member_probs[:, i].argmax(axis=-1)
        given = labels.loc[sample_id] if isinstance(labels.loc[sample_id], str) else None
        blind = bool(row["control"])
        by_itself = "second_opinion" if second or row["action"] == "second_opinion" else "review"
        return Card(
            sample_id=sample_id,
            action=str(row["action"]),
            given_label=given,
            suggested_label=suggested,
            suggested_prob=None if at is None else float(predictions.pred_probs[i, at]),
            reasons=tuple(part for part in str(row["reasons"]).split("; ") if part),
            media=shown.media,
            mime=shown.mime,
            note=shown.note,
            votes={predictions.classes[c]: float(np.mean(chosen == c)) for c in np.unique(chosen)},
            neighbors=self._neighbors(i, labels, rnd),
            mode="blind" if blind else self._mode or by_itself,
            cues=self._cues(rnd).of(str(dataset.content[i]), at)
            if dataset.modality == "text" and at is not None
            else (),
            margins=_margins(rnd, i, None if given not in predictions.classes else predictions.classes.index(given)),
            others=others,
            kin=rnd.pages.get(sample_id),
        )

    def _cues(self, rnd: Round) -> Cues:
        """Counted from the labels the round was computed from, so that the marks do not move while people answer."""
        if self._counted is None or self._counted[0] is not rnd:
            code = {name: c for c, name in enumerate(rnd.predictions.classes)}
            labels = np.array(rnd.labels_before["label"].map(code).fillna(UNLABELED), dtype=np.int64)
            dataset = self._state.dataset
            labels[dataset.is_test] = UNLABELED
            self._counted = rnd, Cues(dataset.content, labels, len(rnd.predictions.classes))
        return self._counted[1]

    def _neighbors(self, i: int, labels: pd.Series[Any], rnd: Round) -> tuple[tuple[bytes, str | None], ...]:
        if rnd.neighbors is None or self._state.dataset.modality == "table":
            return ()
        near = [int(j) for j in rnd.neighbors[i] if j >= 0 and j != i][:SHOWN_NEIGHBORS]
        named = [labels.iloc[j] if isinstance(labels.iloc[j], str) else None for j in near]
        return tuple((thumbnail_of(self._state, j), label) for j, label in zip(near, named, strict=True))


def _margins(rnd: Round, i: int, given: int | None) -> tuple[float, ...]:
    """The given label's margin after each epoch, where the predictions hold such a history."""
    for name, values in rnd.predictions.dynamics.items():
        array = np.asarray(values)
        if array.ndim == 2 and "margin" in name:
            found = array[i]
        elif array.ndim == 3 and given is not None and array.shape[2] > 1:
            found = array[i][:, given] - np.delete(array[i], given, axis=1).max(axis=1)
        else:
            continue
        return tuple(float(v) for v in np.nan_to_num(found)[-SHOWN_EPOCHS:])
    return ()
