"""Tables of other libraries: pandas, polars, pyarrow, Hugging Face's datasets, and what speaks Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dqkit.datasets.conversion import call_foreign, library_of
from dqkit.datasets.sources.columnar import frame_of_arrow, named_classes
from dqkit.datasets.sources.frames import plain_frame
from dqkit.records import InputError

_RULE = "a path, or a table of pandas, polars, pyarrow or Hugging Face's datasets"


def frame_of_library(source: Any) -> tuple[pd.DataFrame, str | None, tuple[str, ...]]:
    """The plain frame of a table, the column of its splits where it has them, and sentences on how it was read.

    Several tables by split name (a DatasetDict, a dictionary of frames) become one, with a column of splits.
    """
    if isinstance(source, pd.DataFrame):
        return plain_frame("source", source), None, ()
    if isinstance(source, Mapping):
        return _mapping(source)
    library = library_of(source)
    if library == "datasets":
        return _hugging_face(source), None, ()
    if library == "polars" and hasattr(source, "collect"):
        source = call_foreign("source", source.collect, rule=_RULE)
    if library == "polars" and hasattr(source, "to_arrow") and hasattr(source, "columns"):
        return frame_of_arrow("source", call_foreign("source", source.to_arrow, rule=_RULE)), None, ()
    if isinstance(source, list) and source and all(isinstance(record, dict) for record in source):
        names = list(dict.fromkeys(name for record in source for name in record))
        columns = {c: pd.Series([record.get(c) for record in source], dtype=object) for c in names}
        return plain_frame("source", pd.DataFrame(columns)), None, ()
    if hasattr(source, "__arrow_c_stream__") and hasattr(source, "schema" if library == "pyarrow" else "columns"):
        return frame_of_arrow("source", call_foreign("source", lambda: _arrow(source), rule=_RULE)), None, ()
    for convert in ("to_pandas", "compute", "to_df"):  # Modin, Dask, DuckDB
        if callable(getattr(source, convert, None)) and not isinstance(source, type):
            frame = call_foreign("source", getattr(source, convert), rule=_RULE)
            if isinstance(frame, pd.DataFrame):
                return plain_frame("source", frame), None, ()
    raise InputError(f"source must be {_RULE}; got {type(source).__name__}. Convert it with pandas.DataFrame(...).")


def _arrow(source: Any) -> Any:
    import pyarrow as pa

    return source if isinstance(source, pa.Table) else pa.RecordBatchReader.from_stream(source).read_all()


def _hugging_face(source: Any) -> pd.DataFrame:
    """A Hugging Face dataset; a ClassLabel column becomes categorical, an Image column {"bytes", "path"}."""
    features = getattr(source, "features", None)
    if not hasattr(source, "with_format") or not hasattr(source, "__len__") or features is None:
        raise InputError(
            f"source must be a dataset with a length; got {type(source).__name__}. Take some of it: "
            "datasets.Dataset.from_list(list(stream.take(1000)), features=stream.features)."
        )
    table = call_foreign("source", lambda: source.with_format("arrow")[:], rule=_RULE)
    frame = frame_of_arrow("source", table)
    for name, feature in features.items():
        if type(feature).__name__ == "ClassLabel" and name in frame:
            frame[name] = named_classes(frame[name], list(feature.names))
    return frame


def _mapping(source: Mapping[Any, Any]) -> tuple[pd.DataFrame, str | None, tuple[str, ...]]:
    """Columns by name, or tables by split."""
    if not source:
        raise InputError(f"source must be {_RULE}; got an empty {type(source).__name__}.")
    if not all(_is_table(part) for part in source.values()):
        frame = call_foreign("source", lambda: pd.DataFrame(dict(source)), rule="columns of one length")
        return plain_frame("source", frame), None, ()
    parts = {str(split): frame_of_library(part)[0] for split, part in source.items()}
    first = next(iter(parts.values()))
    odd = next((split for split, part in parts.items() if list(part.columns) != list(first.columns)), None)
    if odd is not None:
        raise InputError(
            f"source must have the same columns in every split; {odd!r} has {list(parts[odd].columns)}, and "
            f"{next(iter(parts))!r} has {list(first.columns)}. Pass one of them."
        )
    column = next(name for name in ("split", "split_name", "_split") if name not in first)
    whole = pd.concat([part.assign(**{column: split}) for split, part in parts.items()], ignore_index=True)
    for name in first:  # parts of one categorical type keep it, others become texts
        if isinstance(first[name].dtype, pd.CategoricalDtype) and whole[name].dtype != first[name].dtype:
            names = list(
                dict.fromkeys(c for part in parts.values() for c in part[name].astype("category").cat.categories)
            )
            whole[name] = pd.Categorical(whole[name], categories=names)
    sizes = ", ".join(f"{split} ({len(part):,})" for split, part in parts.items())
    return whole, column, (f"Splits: {sizes}.",)


def _is_table(part: Any) -> bool:
    return isinstance(part, pd.DataFrame) or (
        library_of(part) in {"datasets", "polars", "pyarrow"} and hasattr(part, "shape")
    )
