"""Which samples an export holds, under which labels, and how many were left out for what reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.checks import kinds, takes
from dqkit.export import journal
from dqkit.files import text_of
from dqkit.records import UNLABELED, Dataset, InputError, arguments

LABELS = ("all", "human", "confirmed", "reviewed")
DROPS = ("flagged", "duplicates", "outliers", "label_errors", "unlabeled")
NEED_SIGNALS = {"duplicates": "duplicate_group", "outliers": "outlier", "label_errors": "label_flag"}


@dataclass(frozen=True, eq=False)
class Material:
    """All that an export is made of.

    Parameters
    ----------
    dataset : Dataset
        The samples, under their given labels.
    labels : DataFrame
        The current label of every sample, by sample id: label, source, annotator, at, round.
    events : DataFrame
        The journal, oldest first.
    signals : DataFrame or None
        One row a sample, by sample id; None before the first round.
    """

    dataset: Dataset
    labels: pd.DataFrame
    events: pd.DataFrame = field(default_factory=journal.no_events)
    signals: pd.DataFrame | None = None

    @classmethod
    @takes(dataset=arguments.dataset)
    def of(cls, dataset: Dataset) -> Material:
        """Take a dataset alone, under its given labels.

        Parameters
        ----------
        dataset : Dataset
            The samples.

        Returns
        -------
        Material
        """
        names = np.array([*dataset.classes, None], dtype=object)
        columns = {
            "label": names[dataset.labels],
            "source": np.array([None, "given"], dtype=object)[dataset.is_labeled.astype(int)],
            "annotator": np.full(len(dataset), None, dtype=object),
            "at": np.full(len(dataset), None, dtype=object),
            "round": np.zeros(len(dataset), dtype=np.int64),
        }
        index = pd.Index(dataset.ids, name="sample_id")
        return cls(dataset, pd.DataFrame({k: pd.Series(v, index=index, dtype=v.dtype) for k, v in columns.items()}))


@dataclass(frozen=True, eq=False)
class Chosen:
    """The rows of an export.

    at: (n,) positions in the dataset. table: n rows, what is known of each label (see `provenance`). codes: (n,)
    positions in the classes, -1 without a label. dropped: how many samples were left out, by reason.
    """

    dataset: Dataset
    at: NDArray[np.int64]
    table: pd.DataFrame
    codes: NDArray[np.int64]
    dropped: dict[str, int]

    def __len__(self) -> int:
        return len(self.at)

    def without(self, gone: NDArray[np.bool_], reason: str) -> Chosen:
        """The same without some rows, which are counted."""
        if not gone.any():
            return self
        table = self.table[~gone].reset_index(drop=True)
        dropped = {**self.dropped, reason: self.dropped.get(reason, 0) + int(gone.sum())}
        return Chosen(self.dataset, self.at[~gone], table, self.codes[~gone], dropped)


def choose(material: Material, *, labels: str = "all", weak: bool = False, drop: Sequence[str] = ()) -> Chosen:
    """The rows to write; raises `InputError` for an unknown choice, or one that needs a round where there is none.

    labels: "all"; "human" (a person set it); "confirmed" (a person set it and nobody's answer contradicts it);
    "reviewed" (a second person stands by it). Rows without such a label are left out, and counted.
    weak: whether weak labels count as labels. drop: what to leave out besides, of `DROPS`; a row is counted under the
    first reason that applies.
    """
    if labels not in LABELS:
        raise InputError(f"labels must be one of {', '.join(LABELS)}; got {labels!r}.")
    reasons = [drop] if isinstance(drop, str) else kinds.each(kinds.text, ", ".join(DROPS))("drop", drop)
    unknown = [reason for reason in reasons if reason not in DROPS]
    if unknown:
        raise InputError(f"drop must hold some of {', '.join(DROPS)}; got {unknown[0]!r}.")
    for reason in reasons:
        if reason in NEED_SIGNALS and (material.signals is None or NEED_SIGNALS[reason] not in material.signals):
            raise InputError(f"drop={reason!r} needs the signals of a round; run wb.run_round() first.")
    dataset = material.dataset
    table = provenance(material, weak=weak)
    position = {name: i for i, name in enumerate(dataset.classes)}
    codes = np.asarray(table["label"].map(position).fillna(UNLABELED), dtype=np.int64)
    chosen = Chosen(dataset, np.arange(len(dataset), dtype=np.int64), table, codes, dict.fromkeys(reasons, 0))
    if labels != "all":
        chosen = chosen.without(~_by_people(material, table, labels), _NAMES[labels])
    for reason in dict.fromkeys(reasons):
        chosen = chosen.without(_to_drop(material, chosen, reason), reason)
    return chosen


_NAMES = {"human": "not labelled by a person", "confirmed": "not confirmed", "reviewed": "not reviewed"}


def _by_people(material: Material, table: pd.DataFrame, labels: str) -> NDArray[np.bool_]:
    human = table["source"].isin(journal.PEOPLE).to_numpy(dtype=bool)
    if labels == "human":
        return human
    confirmed, reviewed = journal.agreed(material.events)
    wanted = reviewed if labels == "reviewed" else confirmed - journal.flagged(material.events)
    return human & table["sample_id"].isin(wanted).to_numpy(dtype=bool)


def _to_drop(material: Material, chosen: Chosen, reason: str) -> NDArray[np.bool_]:
    ids = chosen.table["sample_id"]
    if reason == "unlabeled":
        return np.asarray(chosen.codes == UNLABELED)
    if reason == "flagged":
        return ids.isin(journal.flagged(material.events)).to_numpy(dtype=bool)
    assert material.signals is not None
    found = material.signals[NEED_SIGNALS[reason]].reindex(ids)
    if reason == "duplicates":
        return _surplus(chosen, found.fillna(-1).to_numpy(dtype=np.int64))
    suspect = found.eq(True).to_numpy(dtype=bool)
    if reason == "label_errors":  # what a person has decided is no open error any more
        suspect = suspect & ~chosen.table["source"].isin(journal.PEOPLE).to_numpy(dtype=bool)
    return np.asarray(suspect)


def _surplus(chosen: Chosen, group: NDArray[np.int64]) -> NDArray[np.bool_]:
    """All but one of each duplicate group; kept is a test sample, else one a person labelled, else a labelled one."""
    order = pd.DataFrame(
        {
            "group": group,
            "test": chosen.table["split"].ne("test").to_numpy(),
            "human": ~chosen.table["source"].isin(journal.PEOPLE).to_numpy(),
            "labelled": chosen.codes == UNLABELED,
            "id": chosen.table["sample_id"].to_numpy(),
        }
    )
    order = order.sort_values(["test", "human", "labelled", "id"], kind="stable")
    again = order["group"].ge(0) & order["group"].duplicated()
    return again.sort_index().to_numpy(dtype=bool)


def provenance(material: Material, *, weak: bool = False) -> pd.DataFrame:
    """One row a sample: what its label is, and where it is from.

    Columns: sample_id, path, split, given_label, label (as it is now), source, annotator, at, round, why, event_id,
    weak_label, suggested_label, error_probability, flags (words between "; ").
    """
    dataset, current, signals = material.dataset, material.labels, material.signals
    n = len(dataset)
    names = np.array([*dataset.classes, None], dtype=object)
    current = current.reindex(dataset.ids)
    by_machine = current["source"].eq("weak").to_numpy(dtype=bool)
    hidden = by_machine & (not weak)
    standing = journal.standing_labels(material.events).reindex(dataset.ids)
    guessed = journal.standing_labels(material.events, weak=True).reindex(dataset.ids)
    human = current["source"].isin(journal.PEOPLE).to_numpy(dtype=bool)

    def where_from(column: str) -> NDArray[np.object_]:
        """Of a person's label, or of a weak one; nothing of a given one."""
        values = _blank(guessed[column], ~by_machine | hidden)
        values[human] = standing[column].to_numpy(dtype=object)[human]
        return _none(values)

    columns: dict[str, Any] = {
        "sample_id": dataset.ids,
        "path": np.full(n, None, dtype=object) if dataset.paths is None else [text_of(str(p)) for p in dataset.paths],
        "split": dataset.split,
        "given_label": names[dataset.labels],
        **{name: _blank(current[name], hidden) for name in ("label", "source", "annotator", "at")},
        "round": np.where(hidden, 0, current["round"].fillna(0).to_numpy(dtype=np.int64)).astype(np.int64),
        "why": where_from("why"),
        "event_id": where_from("event_id"),
        "weak_label": _none(guessed["label"].to_numpy(dtype=object)),
    }
    table = pd.DataFrame(
        {k: pd.Series(v, dtype=object if np.asarray(v).dtype.kind == "O" else None) for k, v in columns.items()}
    )
    known = pd.DataFrame(index=pd.Index(dataset.ids)) if signals is None else signals.reindex(dataset.ids)
    suggested = known["suggested_label"].to_numpy(dtype=object) if "suggested_label" in known else [None] * n
    table["suggested_label"] = pd.Series(_none(np.asarray(suggested, dtype=object)), dtype=object)
    chance = known["error_probability"].to_numpy(dtype=float) if "error_probability" in known else np.full(n, np.nan)
    table["error_probability"] = chance
    table["flags"] = _flags(material, known)
    return table


def _flags(material: Material, known: pd.DataFrame) -> list[str]:
    marks: list[tuple[str, NDArray[np.bool_]]] = []
    for column, word in (("label_flag", "label_error"), ("outlier", "outlier")):
        if column in known:
            marks.append((word, known[column].eq(True).to_numpy(dtype=bool)))
    if "duplicate_group" in known:
        marks.append(("duplicate", known["duplicate_group"].fillna(-1).to_numpy(dtype=np.int64) >= 0))
    marks.append(("flagged", np.isin(material.dataset.ids, list(journal.flagged(material.events)))))
    marks.append(("unreadable", ~material.dataset.is_usable))
    out = [""] * len(material.dataset)
    for word, where in marks:
        for i in np.flatnonzero(where):
            out[i] = f"{out[i]}; {word}" if out[i] else word
    return out


def _none(values: NDArray[np.object_]) -> NDArray[np.object_]:
    """Missing values as None."""
    out = np.array(values, dtype=object)
    out[pd.isna(out)] = None
    return out


def _blank(values: Any, hidden: NDArray[np.bool_]) -> NDArray[np.object_]:
    """The values with None in the hidden places."""
    out = np.array(values, dtype=object)
    out[hidden] = None
    return _none(out)
