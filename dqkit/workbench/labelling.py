"""The queue as cards: what the widget shows, read from a workbench, and answers back into its journal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from dqkit.records import InputError
from dqkit.relabel import Answer, Card, Labeler, Team
from dqkit.relabel.cards import MODES
from dqkit.rounds.parts import damaged
from dqkit.workbench import gold as questions
from dqkit.workbench.cards import CardMaker
from dqkit.workbench.classes import add_class
from dqkit.workbench.copying import is_copied
from dqkit.workbench.decisions import check_annotator, record
from dqkit.workbench.evidence import IN_VIEW
from dqkit.workbench.page_checks import check_why, notice, open_checks, page_why, with_checks
from dqkit.workbench.state import State
from dqkit.workbench.team import team
from dqkit.workbench.withdrawals import undo

if TYPE_CHECKING:
    from dqkit.workbench.results import Round

DECISIONS = ("label", "skip", "flag")
Found = TypeVar("Found")


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
        is a second opinion, the rest is reviewed. With "review" the random audit sample is no longer blind, and its
        answers do not count as such; with "second_opinion" it stays blind.
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
    widget = Labeler(QueueCards(state, mode=mode), annotator=annotator, key=state.about["id"], prefetch=prefetch)
    state.widgets.add(widget)
    return widget


def open_queue(state: State) -> pd.DataFrame:
    """See `Workbench.open_queue`."""
    if not state.rounds:
        raise InputError("There is no queue yet; run wb.run_round(budget=...) first.")
    rnd, states = of_one_moment(state, lambda _: state.store.queue_states())
    return rows_of(rnd, states.loc[states["state"] == "open", "sample_id"]).reset_index(drop=True)


def of_one_moment(state: State, ask: Callable[[Round], Found]) -> tuple[Round, Found]:
    """The newest round and what `ask` reads of the journal for it, asked again where another process ranked meanwhile.

    `ask` may be called several times.
    """
    while True:
        rnd = state.rounds[-1]
        found = ask(rnd)
        if state.rounds[-1] is rnd:
            return rnd, found


def rows_of(rnd: Round, sample_ids: Collection[str]) -> pd.DataFrame:
    """The rows of a round's queue for samples that its queue in the journal holds; `StoreError` where some lack."""
    rows = rnd.queue[rnd.queue["sample_id"].isin(sample_ids)]
    if len(rows) < len(set(sample_ids)):
        lack = len(set(sample_ids)) - len(rows)
        raise damaged(rnd.folder, "queue.parquet", f"lacks {lack:,} rows of the queue in the journal")
    return rows


class QueueCards:
    """A `CardSource` over a workbench's newest queue, which also adds classes, finds look-alikes and knows the team."""

    def __init__(self, state: State, *, mode: str | None = None) -> None:
        self._state = state
        self._mode = mode
        self._making: CardMaker | None = None
        self._asked: dict[tuple[str, str], str] = {}  # (annotator, sample) -> the grid page that is asked about

    @property
    def classes(self) -> Sequence[str]:
        """The class names, in key order, those added elsewhere included."""
        self._state.refresh()
        return self._state.dataset.classes

    def cards(self, n: int, annotator: str, exclude: Collection[str]) -> list[Card]:
        """Up to n open samples, held for this annotator, in queue order.

        Gold questions are among them, and samples of earlier grid pages that are asked again.
        """
        rnd, taken = of_one_moment(self._state, lambda _: self._state.store.lease(n, annotator, exclude=exclude))
        dealt = self._dealt(rnd, taken, annotator)
        waiting = open_checks(self._state, annotator)
        self._asked |= {(annotator, sample_id): page for sample_id, page in waiting.items()}
        dealt = with_checks(self._state, dealt, n, [s for s in waiting if s not in exclude])
        return questions.with_questions(self._state, dealt, annotator, exclude)

    def alike(self, n: int, annotator: str, exclude: Collection[str]) -> list[Card]:
        """The same, but first what shares a suggestion and looks alike: page by page, the fullest first."""
        rnd, taken = of_one_moment(self._state, lambda rnd: self._taken_alike(rnd, n, annotator, exclude))
        return self._dealt(rnd, taken, annotator) if taken else self.cards(n, annotator, exclude)

    def _taken_alike(self, rnd: Round, n: int, annotator: str, exclude: Collection[str]) -> list[str]:
        states = self._state.store.queue_states()
        left = set(states.loc[states["state"] == "open", "sample_id"]) - set(exclude)
        by_page: dict[int, list[str]] = {}
        for sample_id, (page, _) in rnd.pages.items():
            if sample_id in left:
                by_page.setdefault(page, []).append(sample_id)
        taken: list[str] = []
        for page in sorted(by_page, key=lambda number: (-len(by_page[number]), number)):
            if len(taken) >= n:
                break
            taken += self._state.store.lease(n - len(taken), annotator, exclude=exclude, only=by_page[page])
        return taken

    def record(self, answer: Answer, annotator: str) -> str | None:
        """Make one answer an event; durable on return, and one event however often it is sent.

        Returns what to tell the person: that a gold question has another answer, or that a sample of a grid page has
        another label when it is asked alone. Else None.
        """
        if answer.kind == "undo":
            if not questions.withdraw(self._state, answer):
                undo(self._state, annotator=annotator, undoes=answer.undoes, event_id=answer.event_id)
            return None
        said = questions.answered(self._state, answer, annotator)
        if said.beside_queue:
            return said.notice
        page = self._asked.get((annotator, answer.sample_id)) if answer.kind in DECISIONS else None
        why = answer.why or (self._in_view(answer) if page is None else check_why(page))
        record(self._state, replace(answer, why=why), annotator)
        return said.notice or (None if page is None else notice(self._state, answer.sample_id, page, answer.label))

    def _in_view(self, answer: Answer) -> str:
        """What is written on an answer to a whole page, or to a card of the audit sample that was not blind."""
        if answer.page or self._mode != "review" or answer.kind not in DECISIONS:
            return page_why(answer.page)
        queue = self._state.rounds[-1].queue
        return IN_VIEW if answer.sample_id in set(queue.loc[queue["control"].astype(bool), "sample_id"]) else ""

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
            if e.round == number and e.kind in DECISIONS and not is_copied(e.event_id)
        ]
        found += questions.history(self._state, annotator)
        return [answer for _, answer in sorted(found, key=lambda pair: pair[0])][-n:]

    def add_class(self, name: str, annotator: str) -> str:
        """Append a class; returns the name it stands under."""
        return add_class(self._state, name, annotator=annotator)

    def team(self) -> Team:
        """How far the annotators agree, and how good each one's answers are."""
        return team(self._state)

    def _dealt(self, rnd: Round, taken: Sequence[str], annotator: str) -> list[Card]:
        if not taken:
            return []
        state = self._state
        rows = {row["sample_id"]: row for _, row in rows_of(rnd, taken).iterrows()}
        labels = state.labels()["label"]
        votes = state.store.human_votes(sample_ids=taken)
        others: dict[str, list[tuple[str, str]]] = {}
        for row in votes[votes["annotator"] != annotator].itertuples():
            others.setdefault(str(row.sample_id), []).append((str(row.annotator), str(row.label)))
        several = set(state.store.answered_by_others(taken, annotator))
        maker = self._maker(rnd)
        return [
            maker.card(rows[s], labels, mode=self._mode_of(rows[s], s in several), others=tuple(others.get(s, ())))
            for s in taken
        ]

    def _maker(self, rnd: Round) -> CardMaker:
        if self._making is None or self._making.round is not rnd:
            self._making = CardMaker(self._state, rnd)
        return self._making

    def _mode_of(self, row: pd.Series[Any], several: bool) -> str:
        """The random audit sample stays blind unless everything is to be reviewed, for that is what it measures by."""
        if bool(row["control"]) and self._mode != "review":
            return "blind"
        by_itself = "second_opinion" if several or row["action"] == "second_opinion" else "review"
        return self._mode or by_itself
