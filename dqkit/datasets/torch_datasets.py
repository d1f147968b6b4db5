"""Datasets of torch and of Hugging Face: their samples, labels and class names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dqkit.datasets.conversion import call_foreign, is_tensor, library_of
from dqkit.datasets.roles import shown
from dqkit.datasets.sources.libraries import frame_of_library
from dqkit.records import InputError


@dataclass(frozen=True)
class Items:
    """items: what the samples show. labels, classes: what the dataset says, or None. notes: what was taken."""

    items: Any
    labels: Any
    classes: Any
    notes: tuple[str, ...] = ()


def items_of(x: Any) -> Items | None:
    """The parts of a dataset of torch or of Hugging Face; None for anything else."""
    if library_of(x) == "datasets" or (isinstance(x, dict) and x and library_of(next(iter(x.values()))) == "datasets"):
        return _hugging_face(x)
    parents = [f"{c.__module__}.{c.__name__}" for c in type(x).__mro__]
    if "torch.utils.data.dataset.IterableDataset" in parents:
        raise InputError(
            f"x must have a length; got {type(x).__name__}. Take some of it: list(itertools.islice(x, 1000))."
        )
    if "torch.utils.data.dataset.Dataset" not in parents and "torch.utils.data.dataloader.DataLoader" not in parents:
        return None
    if "torch.utils.data.dataloader.DataLoader" in parents:
        raise InputError("x must be a dataset, not the loader of its batches. Pass loader.dataset.")
    if not hasattr(x, "__len__"):
        raise InputError(f"x must have a length; got {type(x).__name__}.")
    return _torch(x)


def _torch(x: Any) -> Items:
    rule = "a torch dataset of samples, or of pairs of a sample and a label"
    pairs = call_foreign("x", lambda: [x[i] for i in range(len(x))], rule=rule)
    if not pairs:
        raise InputError("x must hold at least one sample; got none.")
    whole = x
    while hasattr(whole, "dataset") and not hasattr(whole, "classes"):  # torch.utils.data.Subset
        whole = whole.dataset
    classes = getattr(whole, "classes", None) or getattr(whole, "class_to_idx", None)
    kind = f"Samples of {type(x).__name__}, in its order."
    if isinstance(pairs[0], tuple | list) and len(pairs[0]) == 2:
        labels = _named([_label(pair[1]) for pair in pairs], classes)
        return Items([pair[0] for pair in pairs], labels, classes, (kind,))
    if isinstance(pairs[0], tuple | list) and len(pairs[0]) == 1:
        return Items([pair[0] for pair in pairs], None, classes, (kind,))
    if isinstance(pairs[0], tuple | list | dict):
        raise InputError(
            f"x must be {rule}; its samples are {type(pairs[0]).__name__}s of {len(pairs[0])}. Pass the parts: "
            "from_arrays([s[0] for s in x], [s[1] for s in x])."
        )
    return Items(pairs, None, classes, (kind,))


def _named(labels: list[Any], classes: Any) -> list[Any]:
    """The labels by name: a torch dataset's whole numbers are positions, also where its folders are called "10"."""
    if not isinstance(classes, list | tuple):
        return labels
    whole = all(isinstance(v, int | np.integer) and 0 <= v < len(classes) for v in labels)
    return [str(classes[v]) for v in labels] if whole else labels


def _label(value: Any) -> Any:
    if is_tensor(value) and len(value.shape) == 0:
        return call_foreign("labels", value.item, rule="class names or whole numbers")
    return value


def _hugging_face(x: Any) -> Items:
    """The one column of pictures or texts, and the one of class labels."""
    if isinstance(x, dict):
        raise InputError(
            f"x must be one split of the dataset; it has {', '.join(map(repr, x))}. Pass x[{next(iter(x))!r}], or call "
            "from_table(x, ...), which takes them all."
        )
    features = getattr(x, "features", None)
    if features is None or not hasattr(x, "with_format"):
        return Items(list(x), None, None)  # a column of a dataset
    kinds = {name: type(feature).__name__ for name, feature in features.items()}
    labels = [name for name, kind in kinds.items() if kind == "ClassLabel"]
    images = [name for name, kind in kinds.items() if kind == "Image"]
    texts = [
        name for name, feature in features.items() if str(getattr(feature, "dtype", "")) in ("string", "large_string")
    ]
    labels = labels or [name for name in ("label", "labels") if name in kinds and name not in texts]
    holders = images or texts
    if len(labels) > 1 or len(holders) != 1:
        raise InputError(
            f"x must have one column of pictures or texts and at most one of labels; the columns are {shown(kinds)}. "
            "Say which is which: from_table(x, text='...', label='...'), or image= or features= in the place of text=."
        )
    frame = frame_of_library(x)[0]
    values: Any = frame[holders[0]]
    values = list(values) if images else np.where(values.isna(), "", values.astype(object))
    label = labels[0] if labels else None
    note = f"Column {holders[0]!r} is the content" + (f", column {label!r} the labels." if label else ".")
    return Items(values, None if label is None else frame[label], None, (note,))
