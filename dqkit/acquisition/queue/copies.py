"""Samples with identical content: one question for all of them, and first of all where their labels differ."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def groups_of(table: pd.DataFrame) -> NDArray[np.int64]:
    """(n,) the groups of the column copy_of of a signal table, -1 for samples without a copy or where it is missing."""
    if "copy_of" not in table:
        return np.full(len(table), -1, dtype=np.int64)
    return np.asarray(pd.factorize(table["copy_of"].where(table["copy_of"] != ""))[0], dtype=np.int64)


def in_conflict(table: pd.DataFrame) -> NDArray[np.bool_]:
    """(n,) True for the copies of a group whose labels differ: at least one of them is wrong."""
    group = groups_of(table)
    if "given_label" not in table or not (group >= 0).any():
        return np.zeros(len(table), dtype=bool)
    kinds = pd.Series(table["given_label"].to_numpy(object)).groupby(group).nunique()
    return np.asarray((group >= 0) & (pd.Series(group).map(kinds).to_numpy() > 1))


def decided(table: pd.DataFrame, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) True for labelled copies of a sample that a person has decided about, where no label differs from that."""
    group = groups_of(table)
    if "given_label" not in table or not (group >= 0).any():
        return np.zeros(len(table), dtype=bool)
    known = np.isin(group, group[seen & (group >= 0)])
    return np.asarray(known & ~seen & ~in_conflict(table) & table["given_label"].notna().to_numpy())


def one_of_each(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The rows with one of each group of copies: the one most probably wrong, unlabelled ones last."""
    group = pd.Series(groups_of(table), index=table.index).reindex(rows.index).to_numpy()
    if not (group >= 0).any():
        return rows
    key = (rows.index.to_numpy(str), -rows["wrong"].to_numpy(float), rows["action"].to_numpy(str) == "label")
    order = np.lexsort(key)
    first = pd.Series(group[order]).duplicated().to_numpy() & (group[order] >= 0)
    return rows.iloc[np.sort(order[~first])]


def with_copies(table: pd.DataFrame, ids: Collection[str]) -> list[str]:
    """The ids and those of all their copies."""
    group = groups_of(table)
    mine = table.index.isin(list(ids))
    return [*ids, *table.index[(group >= 0) & np.isin(group, group[mine]) & ~mine]]
