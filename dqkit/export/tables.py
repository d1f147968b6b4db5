"""CSV, Parquet and cleanlab's columns: one row a sample, its content beside what is known of its label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.export.selection import Chosen, Material

# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def full_table(chosen: Chosen) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows with their content and metadata, and which columns had to be renamed: the old name -> the new one."""
    dataset, table = chosen.dataset, chosen.table.copy()
    parts: list[tuple[str, pd.DataFrame]] = []
    if dataset.modality == "text":
        parts.append(("content", pd.DataFrame({"text": np.asarray(dataset.content, dtype=object)[chosen.at]})))
    elif dataset.modality == "table":
        parts.append(("content", dataset.content.iloc[chosen.at].reset_index(drop=True)))
    parts.append(("metadata", dataset.metadata.iloc[chosen.at].reset_index(drop=True)))
    if dataset.paths is None:
        table = table.drop(columns="path")
    renamed: dict[str, str] = {}
    pieces, taken = [table], set(table.columns)
    for kind, part in parts:
        names = []
        for column in map(str, part.columns):
            name = column
            while name in taken:
                name = f"{kind}_{name}"
            if name != column:
                renamed[column] = name
            taken.add(name)
            names.append(name)
        pieces.append(part.set_axis(names, axis=1))
    return pd.concat(pieces, axis=1), renamed


def write_csv(table: pd.DataFrame, partial: Path, *, compressed: bool = False, spreadsheet: bool = False) -> None:
    """UTF-8, every text in quotes, missing values empty and without quotes.

    spreadsheet: with a byte order mark, and a "'" before each text that a spreadsheet would take for a formula.
    """
    import gzip

    from pyarrow import csv

    if spreadsheet:
        table = table.assign(**{str(name): _harmless(table[name]) for name in table if _is_texts(table[name])})
    with gzip.open(partial, "wb", compresslevel=6) if compressed else partial.open("wb") as out:
        if spreadsheet:
            out.write(BYTE_ORDER_MARK)
        csv.write_csv(arrow_table(table), out)


def write_parquet(table: pd.DataFrame, partial: Path) -> None:
    """One type a column; what Parquet cannot hold is written as text."""
    from pyarrow import parquet

    parquet.write_table(arrow_table(table), partial)


def arrow_table(table: pd.DataFrame) -> Any:
    """The table with one type a column: values of mixed kinds as text, missing values as null."""
    import pyarrow as pa

    columns = {}
    for name in table.columns:
        column = table[name]
        if isinstance(column.dtype, pd.SparseDtype):
            column = pd.Series(np.asarray(column))
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(object)
        if column.dtype.kind == "O" and not isinstance(column.dtype, pd.StringDtype):
            values = [None if pd.api.types.is_scalar(v) and pd.isna(v) else v for v in column]
            texts = all(v is None or isinstance(v, str) for v in values)
            columns[str(name)] = pa.array(
                values if texts else [None if v is None else str(v) for v in values], "string"
            )
        elif column.dtype.kind in "mc":
            columns[str(name)] = pa.array([None if pd.isna(v) else str(v) for v in column], "string")
        else:
            columns[str(name)] = pa.Array.from_pandas(column)
    return pa.table(columns)


def cleanlab_table(material: Material, chosen: Chosen) -> pd.DataFrame:
    """What the newest round found, in the columns and directions of cleanlab's Datalab: a low score is a bad sign."""
    rows = chosen.table[["sample_id", "split", "given_label", "label"]].rename(columns={"label": "current_label"})
    signals = material.signals
    assert signals is not None
    known = signals.reindex(rows["sample_id"]).reset_index(drop=True)
    labelled = known["given_label"].notna() if "given_label" in known else pd.Series(True, index=known.index)

    def flag(name: str) -> Any:
        return known[name].eq(True).to_numpy(dtype=bool) if name in known else np.zeros(len(rows), dtype=bool)

    def quality(name: str) -> Any:
        return 1 - known[name].to_numpy(dtype=float) if name in known else np.full(len(rows), np.nan)

    rows["predicted_label"] = known.get("predicted_label")
    rows["is_label_issue"] = flag("label_flag")
    rows["label_score"] = np.where(labelled, quality("label_score"), np.nan)
    rows["is_outlier_issue"] = flag("outlier")
    rows["outlier_score"] = quality("outlier_score")
    group = (
        known["duplicate_group"].fillna(-1).astype(int) if "duplicate_group" in known else pd.Series(-1, known.index)
    )
    rows["is_near_duplicate_issue"] = group.ge(0).to_numpy()
    rows["near_duplicate_cluster_id"] = group.to_numpy()
    return rows


def _is_texts(column: pd.Series[Any]) -> bool:
    if isinstance(column.dtype, pd.StringDtype):
        return True
    return column.dtype.kind == "O" and all(isinstance(v, str) for v in column.dropna())


def _harmless(column: pd.Series[Any]) -> pd.Series[Any]:
    values = [f"'{v}" if isinstance(v, str) and v.startswith((*FORMULA, "'")) else v for v in column]
    return pd.Series(values, index=column.index, dtype=object)
