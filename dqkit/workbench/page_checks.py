"""Grid pages measured: an unseen share of each confirmed page is asked again, blind and one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import pandas as pd

from dqkit.records import LabelEvent
from dqkit.relabel import Card
from dqkit.workbench.copying import is_copied
from dqkit.workbench.media import shown_of
from dqkit.workbench.state import State

SHARE = 0.1
LATER = 10  # decisions between a page and the first question about it: the page is no longer before one's eyes
EVERY = 5  # one such question among so many samples
PAGE, CHECK = "grid page ", "asked again blind, of grid page "
COLUMNS = ("page", "annotator", "round", "label", "confirmed", "checked", "differs", "error", "low", "high")


def page_why(page: str) -> str:
    """The reason that is written on an answer given with a whole page."""
    return f"{PAGE}{page}" if page else ""


def open_checks(state: State, annotator: str) -> dict[str, str]:
    """Sample id -> page: what is still to be asked again about this annotator's pages, the oldest page first.

    Which samples of a page are asked again follows from their event ids, which nobody chooses.
    """
    live = _decisions(state, annotator)
    asked = {e.sample_id: e.why[len(CHECK) :] for e in live if e.why.startswith(CHECK)}
    out: dict[str, str] = {}
    for page, events in _pages(live).items():
        last = max(i for i, e in enumerate(live) if e.why == page_why(page))
        if len(live) - 1 - last >= LATER or _nothing_open(state):
            out.update({e.sample_id: page for e in _drawn(events) if asked.get(e.sample_id) != page})
    return out


def with_checks(state: State, dealt: Sequence[Card], n: int, asked: Sequence[str]) -> list[Card]:
    """The cards with one of the samples to ask again after every fifth; where no cards are left, these alone."""
    waiting = list(asked)
    if not dealt:
        return [_blind(state, s) for s in waiting[:n]]
    out: list[Card] = []
    for i, card in enumerate(dealt, start=1):
        out.append(card)
        if i % EVERY == 0 and waiting:
            out.append(_blind(state, waiting.pop(0)))
    return out


def check_why(page: str) -> str:
    """The reason that is written on the answer to a question about a page."""
    return f"{CHECK}{page}"


def page_checks(state: State) -> pd.DataFrame:
    """See `Workbench.page_checks`."""
    from dqkit.acquisition.control import share

    events = state.store.events()
    undone = set(events["undoes"].dropna())
    live = events[events["kind"].isin(["label"]) & ~events["event_id"].isin(undone)]
    live = live[~live["event_id"].map(is_copied).astype(bool)]
    why = live["why"].astype(str)
    on_page, again = live[why.str.startswith(PAGE)], live[why.str.startswith(CHECK)]
    rows = []
    for page, group in on_page.groupby(on_page["why"].str[len(PAGE) :], sort=False):
        said = group.set_index("sample_id")["label"]
        checks = again[again["why"] == check_why(str(page))].drop_duplicates("sample_id", keep="last")
        checks = checks[checks["sample_id"].isin(said.index)]
        differs = int((checks["label"].to_numpy() != said.loc[checks["sample_id"]].to_numpy()).sum())
        found = share(differs, len(checks))
        label = group["label"].iloc[0] if group["label"].nunique() == 1 else "the given ones"
        first = group.iloc[0]
        what = (page, first["annotator"], int(first["round"]), label, len(group))
        rows.append((*what, len(checks), differs, found.value, found.low, found.high))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def notice(state: State, sample_id: str, page: str, label: str | None) -> str | None:
    """What to tell a person whose answer, asked again blind, is not what the page said; None where it is."""
    events = state.store.events(sample_id=sample_id)
    said = events.loc[events["why"] == page_why(page), "label"]
    if label is None or said.empty or said.iloc[-1] == label:
        return None
    table = page_checks(state)
    checked, differs = int(table["checked"].sum()), int(table["differs"].sum())
    return (
        f"Asked again blind: the page said {said.iloc[-1]}, you said {label}, which counts. "
        f"Of {checked} such samples, {differs} differ from their pages."
    )


def _decisions(state: State, annotator: str) -> list[LabelEvent]:
    """This annotator's live decisions of the newest round, oldest first."""
    found = state.store.live_decisions(annotator, round_number=state.number)
    return [e for e in found if e.kind in {"label", "skip", "flag"} and not is_copied(e.event_id)]


def _pages(live: Sequence[LabelEvent]) -> dict[str, list[LabelEvent]]:
    out: dict[str, list[LabelEvent]] = {}
    for event in live:
        if event.why.startswith(PAGE):
            out.setdefault(event.why[len(PAGE) :], []).append(event)
    return out


def _drawn(events: Sequence[LabelEvent]) -> list[LabelEvent]:
    """A tenth of a page, at least one."""
    order = np.argsort([blake2b(e.event_id.encode(), digest_size=8).hexdigest() for e in events], kind="stable")
    return [events[i] for i in order[: math.ceil(SHARE * len(events))]]


def _nothing_open(state: State) -> bool:
    answered, total = state.store.progress()
    return answered >= total


def _blind(state: State, sample_id: str) -> Card:
    """As the random audit sample is shown: nothing is suggested, and nothing tells it apart."""
    shown = shown_of(state, int(state.dataset.positions([sample_id])[0]))
    return Card(sample_id, "relabel", None, None, None, (), shown.media, shown.mime, mode="blind", note=shown.note)
