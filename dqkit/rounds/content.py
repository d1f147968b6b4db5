"""The signals that read no label, kept beside the fits: a rerank and the next round look at one content once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.feature_cache import Shelf
from dqkit.records import Dataset, size_columns
from dqkit.signals.content import ContentSignals, content_signals

VERSION = 1  # of what is computed: another one, and what an older dqkit kept is made again


def kept_content(
    folder: Path | None,
    dataset: Dataset,
    features: NDArray[Any] | None,
    *,
    seed: int,
    sharpness: NDArray[np.float64] | None,
) -> ContentSignals:
    """What `content_signals` finds, from a file of the folder where it was computed from the same before.

    The file is known by a hash of the content, the features, the seed and whatever else goes into it; labels, classes,
    groups and the options of a queue do not.
    """
    if folder is None:
        return content_signals(dataset, features, seed=seed, sharpness=sharpness)
    names = size_columns(dataset.metadata.columns) if dataset.modality == "image" else None
    settings = {
        "version": VERSION,
        "seed": seed,
        "usable": _digest(np.packbits(dataset.is_usable)),
        "features": _digest(features),
        "sharpness": _digest(sharpness),
        "sizes": "" if names is None else _digest(dataset.metadata[list(names)].to_numpy().astype(str)),
    }
    made = Shelf.of(folder, dataset).arrays(
        "content",
        settings,
        lambda: content_signals(dataset, features, seed=seed, sharpness=sharpness).arrays(),
    )
    return ContentSignals.of_arrays(made)


def _digest(values: NDArray[Any] | None) -> str:
    if values is None:
        return ""
    told = hashlib.blake2b(f"{values.dtype} {values.shape}".encode(), digest_size=16)
    told.update(np.ascontiguousarray(values).view(np.uint8).data if values.size else b"")
    return told.hexdigest()
