"""Arrow tables: Parquet files and folders, Feather and Arrow files, what Hugging Face's datasets keeps on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.datasets.conversion import call_foreign
from dqkit.datasets.sources.frames import arrow_column, check_names
from dqkit.records import InputError

PARQUET, ARROW = (".parquet", ".pq", ".parq"), (".feather", ".arrow", ".ipc", ".arrows")


def frame_of_arrow(what: str, table: Any) -> pd.DataFrame:
    """A pyarrow table as a plain frame; class names in the metadata of Hugging Face make a column categorical."""
    check_names(what, list(table.column_names))
    names = _class_labels(table.schema.metadata)
    rule = "plain columns: numbers, texts, categories or dates"
    columns: dict[str, pd.Series[Any]] = call_foreign(
        what, lambda: {name: arrow_column(table.column(name)) for name in table.column_names}, rule=rule
    )
    columns |= {name: named_classes(columns[name], names[name]) for name in names if name in columns}
    return pd.DataFrame(columns, index=range(table.num_rows))


def named_classes(codes: pd.Series[Any], names: Sequence[str]) -> pd.Series[Any]:
    """Positions in `names` as a categorical column; -1 and missing ones are missing."""
    if codes.dtype.kind not in "iuf":
        return codes
    whole = codes.fillna(-1).to_numpy().astype(np.int64)
    if len(whole) and (whole.max() >= len(names) or whole.min() < -1):
        return codes
    return pd.Series(pd.Categorical.from_codes(whole, pd.Index(list(names))))


def read_parquet(path: Path) -> Any:
    """A pyarrow table from a Parquet file, or from a folder of them (columns in the folders' names included)."""
    import pyarrow.dataset as parts
    import pyarrow.parquet as parquet

    if path.is_dir():
        files = parquet_parts(path)
        return parts.dataset(files, format="parquet", partitioning="hive", partition_base_dir=str(path)).to_table()
    return parquet.ParquetFile(path).read()


def parquet_parts(folder: Path) -> list[str]:
    """The Parquet files below a folder, sorted, without hidden ones and those of Spark that start with "_"."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PARQUET and file.is_file())
    return [str(f) for f in files if not any(part.startswith((".", "_")) for part in f.relative_to(folder).parts)]


def read_arrow(path: Path) -> Any:
    """A pyarrow table from a Feather or Arrow file, or a stream of Arrow."""
    import pyarrow as pa
    from pyarrow import feather, ipc

    with path.open("rb") as file:
        mark = file.read(6)
    if mark == b"ARROW1":
        with pa.OSFile(str(path)) as source:
            return ipc.open_file(source).read_all()
    if mark[:4] == b"FEA1":
        return feather.read_table(path)
    with pa.OSFile(str(path)) as source:
        return ipc.open_stream(source).read_all()


def is_saved_dataset(folder: Path) -> bool:
    """Whether a folder was written by `save_to_disk` of Hugging Face's datasets."""
    return (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file()


def read_saved(folder: Path) -> dict[str, Any]:
    """The pyarrow tables of a saved Hugging Face dataset by split; a single one has the name ""."""
    import pyarrow as pa

    if (folder / "dataset_dict.json").is_file():
        splits = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        return {split: read_saved(folder / split)[""] for split in splits}
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if state.get("_indices_data_files"):
        raise InputError(
            f"source {str(folder)!r} was saved with a selection of rows; load it with datasets.load_from_disk and pass "
            "what it returns."
        )
    files = [folder / Path(part["filename"]).name for part in state["_data_files"]]
    return {"": pa.concat_tables([read_arrow(file) for file in files])}


def _class_labels(metadata: Any) -> dict[str, list[str]]:
    """The class names of the columns that Hugging Face's metadata declare as ClassLabel."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {
            name: [str(n) for n in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (KeyError, TypeError, ValueError):  # other programs may write anything there
        return {}
