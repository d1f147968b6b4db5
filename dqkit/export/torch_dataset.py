"""The map-style dataset over a folder that `format="torch"` wrote."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset as MapDataset

from dqkit.checks import kinds, takes
from dqkit.records import InputError


class TorchDataset(MapDataset[tuple[Any, int]]):
    """(sample, label) pairs for `torch.utils.data.DataLoader`.

    Parameters
    ----------
    folder
        What `wb.export(folder, format="torch")` wrote.
    split
        Only the samples of this split, such as "train"; all by default.
    labeled
        Only samples that have a label.

    Notes
    -----
    An image is a uint8 tensor (channels, height, width), a text a `str`, a row of numbers a float32 tensor, any other
    row a dict. The label is a position in `classes`, -1 where there is none.

    Raises
    ------
    InputError
        Where the folder holds no such export, or no sample is left.
    """

    @takes(folder=kinds.path, split=kinds.optional(kinds.text), labeled=kinds.flag)
    def __init__(self, folder: str | os.PathLike[str], *, split: str | None = None, labeled: bool = False) -> None:
        root = Path(folder).expanduser()
        try:
            about = json.loads((root / "dataset.json").read_text(encoding="utf-8"))
            with np.load(root / "arrays.npz", allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
            self.modality: str = about["modality"]
            self._images = np.load(root / "images.npy", mmap_mode="r") if self.modality == "image" else None
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"folder must be what wb.export(folder, format='torch') wrote; {str(root)!r} is not: {error}."
            ) from error
        kept = np.ones(len(arrays["labels"]), dtype=bool)
        if split is not None:
            kept &= arrays["split"] == split
        if labeled:
            kept &= arrays["labels"] >= 0
        self._at = np.flatnonzero(kept)
        if not len(self._at):
            known = ", ".join(repr(str(name)) for name in np.unique(arrays["split"]))
            raise InputError(f"split must leave at least one sample; got {split!r}. There are {known}.")
        self.classes: tuple[str, ...] = tuple(about["classes"])
        self.ids: list[str] = [str(i) for i in arrays["ids"][self._at]]
        self.targets = torch.from_numpy(arrays["labels"][self._at].astype(np.int64))
        self._arrays = arrays
        self._columns = [str(name) for name in arrays.get("columns", [])]
        held_columns = [arrays[f"column_{i}"] for i in range(len(self._columns))]
        self._numbers = (
            np.column_stack(held_columns).astype(np.float32)
            if held_columns and all(values.dtype.kind in "fiub" for values in held_columns)
            else None
        )

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        label = int(self.targets[index])
        i = int(self._at[index])
        if self._images is not None:
            pixels = np.array(self._images[i])
            flat = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
            return torch.from_numpy(np.ascontiguousarray(flat)), label
        if self.modality == "text":
            return str(self._arrays["texts"][i]), label
        if self._numbers is not None:
            return torch.from_numpy(self._numbers[i]), label
        return {name: self._cell(number, i) for number, name in enumerate(self._columns)}, label

    def _cell(self, number: int, i: int) -> Any:
        missing = self._arrays.get(f"missing_{number}")
        if missing is not None and missing[i]:
            return None
        value = self._arrays[f"column_{number}"][i]
        return str(value) if value.dtype.kind in "UM" else value.item()
