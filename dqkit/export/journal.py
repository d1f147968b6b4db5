"""What the events of a journal say now: the labels that stand, what is put aside, who approved what."""

from __future__ import annotations

import pandas as pd

PEOPLE = ("human", "fiftyone")
EVENT_COLUMNS = (
    "event_id",
    "sample_id",
    "kind",
    "label",
    "source",
    "annotator",
    "at",
    "round",
    "why",
    "undoes",
)
APPROVAL = "approves event "


def no_events() -> pd.DataFrame:
    """A journal without an entry."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in EVENT_COLUMNS})


def live(events: pd.DataFrame) -> pd.DataFrame:
    """The events, oldest first, without undos and without what they withdrew."""
    withdrawn = set(events["undoes"].dropna())
    return events[(events["kind"] != "undo") & ~events["event_id"].isin(withdrawn)]


def standing_labels(events: pd.DataFrame, *, weak: bool = False) -> pd.DataFrame:
    """The newest live label event of every sample, by sample_id: of people, or (weak=True) of labelling functions."""
    rows = live(events)
    wanted = rows["source"].eq("weak") if weak else rows["source"].isin(PEOPLE)
    rows = rows[wanted & rows["kind"].eq("label")]
    return rows.drop_duplicates("sample_id", keep="last").set_index("sample_id")


def flagged(events: pd.DataFrame) -> set[str]:
    """The samples that a person put aside and nobody has labelled or skipped since."""
    rows = live(events)
    rows = rows[rows["kind"].isin(("label", "skip", "flag")) & rows["source"].isin(PEOPLE)]
    last = rows.drop_duplicates("sample_id", keep="last")
    return set(last.loc[last["kind"] == "flag", "sample_id"])


def votes(events: pd.DataFrame) -> pd.DataFrame:
    """The newest live label of each person for each sample."""
    rows = live(events)
    rows = rows[rows["kind"].eq("label") & rows["source"].isin(PEOPLE)]
    return rows.drop_duplicates(["sample_id", "annotator"], keep="last")


def approvals(events: pd.DataFrame) -> pd.DataFrame:
    """Who approved which label event: approved (an event_id), annotator."""
    notes = live(events)
    notes = notes[notes["kind"].eq("note") & notes["why"].str.startswith(APPROVAL)]
    approved = notes["why"].str.removeprefix(APPROVAL).str.split(":", n=1).str[0].str.strip()
    return pd.DataFrame({"approved": approved, "annotator": notes["annotator"]})


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: they differ in case and spaces alone.

    >>> same_person("Ana ", "ana"), same_person("ana", "ben")
    (True, False)
    """
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def agreed(events: pd.DataFrame) -> tuple[set[str], set[str]]:
    """(confirmed, reviewed) sample ids: nobody's answer contradicts the standing label; a second person stands by it.

    An approval by another person than the author counts as a second person's word and settles a disagreement.
    """
    standing = standing_labels(events)
    said = votes(events)
    agrees = said["label"].eq(said["sample_id"].map(standing["label"]))
    disputed = set(said.loc[~agrees, "sample_id"])
    people = (
        said[agrees]
        .groupby("sample_id")["annotator"]
        .agg(lambda names: len({" ".join(name.casefold().split()) for name in names}))
    )
    seconded = set(people.index[people > 1])
    author = dict(zip(standing["event_id"], zip(standing.index, standing["annotator"], strict=True), strict=True))
    approved = {
        author[row.approved][0]
        for row in approvals(events).itertuples()
        if row.approved in author and not same_person(str(row.annotator), author[row.approved][1])
    }
    confirmed = (set(standing.index) - disputed) | approved
    return confirmed, (seconded - disputed) | approved
