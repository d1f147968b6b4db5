"""NumPy archives without pickle, and the folder that `TorchDataset` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.export.selection import Chosen
from dqkit.records import UNLABELED, InputError

MOST_BYTES = 2_000_000_000


def numpy_arrays(chosen: Chosen) -> dict[str, NDArray[Any]]:
    """ids, labels (int64, -1 = none), given_labels, classes, split, and the content.

    Images: `images`. Texts: `texts`. Tables: `columns` (names), and an array `column_0`, `column_1` ... each; of a
    column of texts `missing_0` says where it has none.
    """
    dataset = chosen.dataset
    position = {name: i for i, name in enumerate(dataset.classes)}
    given = chosen.table["given_label"].map(position).fillna(UNLABELED)
    arrays = {
        "ids": _texts("ids", chosen.table["sample_id"]),
        "labels": chosen.codes,
        "given_labels": given.to_numpy(dtype=np.int64),
        "classes": _texts("classes", dataset.classes),
        "split": _texts("split", chosen.table["split"]),
    }
    if dataset.modality == "image":
        arrays["images"] = np.asarray(dataset.content)[chosen.at]
    elif dataset.modality == "text":
        arrays["texts"] = _texts("texts", np.asarray(dataset.content, dtype=object)[chosen.at])
    else:
        table = dataset.content.iloc[chosen.at]
        arrays["columns"] = _texts("columns", [str(name) for name in table.columns])
        for number, name in enumerate(table.columns):
            values, missing = _column(str(name), table[name])
            arrays[f"column_{number}"] = values
            if missing is not None:
                arrays[f"missing_{number}"] = missing
    return arrays


def write_numpy(chosen: Chosen, partial: Path) -> None:
    """One .npz file; `numpy.load(file, allow_pickle=False)` reads it."""
    arrays = numpy_arrays(chosen)
    save = np.savez if chosen.dataset.modality == "image" else np.savez_compressed
    with partial.open("wb") as out:
        save(out, allow_pickle=False, **arrays)


def write_torch(root: Path, chosen: Chosen) -> dict[str, Any]:
    """`arrays.npz`, for images `images.npy` (mapped, not read, by `TorchDataset`), and `dataset.json`."""
    arrays = numpy_arrays(chosen)
    images = arrays.pop("images", None)
    if images is not None:
        np.save(root / "images.npy", images, allow_pickle=False)
    with (root / "arrays.npz").open("wb") as out:
        np.savez_compressed(out, allow_pickle=False, **arrays)
    about = {"modality": chosen.dataset.modality, "classes": list(chosen.dataset.classes), "rows": len(chosen)}
    (root / "dataset.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
    return about


def _texts(name: str, values: Any) -> NDArray[np.str_]:
    """Fixed-width texts; refused where NumPy would lose something or need gigabytes for one long text."""
    texts = [str(value) for value in values]
    if any(text.endswith("\0") for text in texts):
        raise InputError(f"NumPy drops NUL characters at the end of a text, and {name} has some. Use format='parquet'.")
    longest = max((len(text) for text in texts), default=1)
    if 4 * longest * len(texts) > MOST_BYTES:
        raise InputError(
            f"NumPy keeps every text as wide as the longest, which takes {4 * longest * len(texts) / 1e9:.0f} GB for "
            f"{name}. Use format='parquet'."
        )
    return np.array(texts, dtype=f"<U{max(longest, 1)}")


def _column(name: str, column: pd.Series[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Numbers, truth values and dates as they are (missing: NaN, NaT); anything else as texts."""
    if isinstance(column.dtype, pd.SparseDtype):
        column = pd.Series(np.asarray(column))
    kind = column.dtype.kind
    if isinstance(column.dtype, np.dtype) and kind in "fiub":
        return column.to_numpy(), None
    if kind == "M":
        stamps = column.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(column.dt, "tz", None) else column
        return stamps.to_numpy(dtype="datetime64[ns]"), None
    if pd.api.types.is_numeric_dtype(column) and not isinstance(column.dtype, pd.CategoricalDtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), None
    missing = column.isna().to_numpy(dtype=bool)
    return _texts(name, ["" if gone else value for value, gone in zip(column, missing, strict=True)]), missing
