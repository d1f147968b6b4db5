"""What a sample carries in FiftyOne: one column per field, made from the Dataset, the signals and the predictions."""

from __future__ import annotations

import os
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.fiftyone_bridge.media import card_text
from dqkit.records import Dataset, InputError, Predictions

Kind = Literal["text", "float", "int", "bool", "class", "prediction", "dict"]

QUEUE_FIELDS = (
    *("queue_rank", "queue_action", "queue_score", "queue_suggestion", "queue_reasons", "queue_done"),
    "queue_evidence",
)
EXAMPLE_FILE = os.path.abspath(os.sep + "dqkit-example.png")
FIFTYONE_FIELDS = ("id", "filepath", "tags", "metadata", "media_type", "created_at", "last_modified_at")
OWN_FIELDS = (
    "dqkit_id",
    "split",
    "content",
    "given_label",
    "label",
    "prediction",
    "pushed_label",
    "pushed_serial",
    "panel",
)
RESERVED = frozenset((*FIFTYONE_FIELDS, *OWN_FIELDS, "pushed_hash", *QUEUE_FIELDS))
SAID_ELSEWHERE = frozenset(("given_label", "predicted_label", "confidence"))


@dataclass(frozen=True, eq=False)
class Column:
    """One field of every sample, in the order of the dataset's ids; None where a sample has no value."""

    kind: Kind
    values: Sequence[Any]


def sample_columns(
    dataset: Dataset, signals: pd.DataFrame | None, predictions: Predictions | None
) -> dict[str, Column]:
    """Every field that dqkit alone writes: split, given label, metadata (`meta_...`), content, signals, prediction."""
    names: list[str | None] = [*dataset.classes, None]  # the last one answers for -1, unlabelled
    columns = {
        "split": Column("text", [str(value) for value in dataset.split]),
        "given_label": Column("class", [names[i] for i in dataset.labels]),
    }
    if dataset.modality != "image":
        columns["content"] = Column("text", [card_text(dataset, at) for at in range(len(dataset))])
    metadata = dataset.metadata.reindex(dataset.ids)
    for name, values in metadata.items():
        own = field_name(f"meta_{name}")
        while own in columns:  # "a b" and "a_b" are one name to FiftyOne
            own += "_"
        columns[own] = plain_column(values)
    kept = as_text({str(name): values for name, values in metadata.items()})
    if kept:
        warnings.warn(
            f"metadata columns {', '.join(map(repr, kept))} hold numbers that FiftyOne's database cannot keep exactly "
            "(beyond 64 bits signed, or decimals); they are sent as text.",
            stacklevel=2,
        )
    if signals is not None:
        for name, values in signals.reindex(dataset.ids).items():
            if name not in SAID_ELSEWHERE:
                own = field_name(str(name))
                columns[f"signal_{own}" if own in RESERVED or own in columns else own] = plain_column(values)
    if predictions is not None and predictions.is_trained:
        columns["prediction"] = _prediction(dataset, predictions)
    return columns


def field_name(name: str) -> str:
    """The name with the signs FiftyOne refuses replaced by an underscore."""
    clean = "".join(sign if sign.isalnum() or sign == "_" else "_" for sign in name).lstrip("_")
    return clean or "unnamed"


def plain_column(values: pd.Series[Any]) -> Column:
    """A column of Python values with None for missing ones, and the kind of field that holds them without loss.

    Whole numbers beyond 64 bits signed, decimals that a float would round, times with a zone, lists, bytes and all
    else that is neither number nor truth value become text: the database would refuse or round them.
    """
    column = values.astype(object) if isinstance(values.dtype, pd.CategoricalDtype) else values
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    cells = [_plain(value) for value in column]
    present = [value for value in cells if value is not None]
    kind: Kind = "text"
    if inferred == "boolean" and all(isinstance(value, bool) for value in present):
        kind = "bool"
    elif inferred == "integer" and all(isinstance(value, int) and _INT64[0] <= value <= _INT64[1] for value in present):
        kind = "int"
    elif inferred in ("floating", "mixed-integer-float") and all(_is_exact_float(value) for value in present):
        kind, cells = "float", [None if value is None else float(value) for value in cells]
    if kind == "text":
        cells = [None if value is None else _text(value) for value in cells]
    return Column(kind, cells)


def as_text(columns: Mapping[str, pd.Series[Any]]) -> list[str]:
    """The names of numeric columns that are kept as text, because the database's numbers cannot hold their values."""
    told = []
    for name, values in columns.items():
        inferred = pd.api.types.infer_dtype(values, skipna=True)
        if inferred in ("integer", "floating", "mixed-integer-float", "mixed-integer", "decimal"):
            told += [name] if plain_column(values).kind == "text" else []
    return told


_INT64 = (-(2**63), 2**63 - 1)


def _plain(value: Any) -> Any:
    """One cell in Python's own types, None where it is missing."""
    if isinstance(value, np.longdouble) and not isinstance(value, float):
        return None if np.isnan(value) else value
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, Decimal) and value.is_nan():
        return None
    return value


def _is_exact_float(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return abs(value) <= 2**53
    return isinstance(value, float) or (isinstance(value, np.floating) and value == np.longdouble(float(value)))


def _text(value: Any) -> str:
    """One cell as text that UTF-8 can hold: times as ISO 8601, bytes as hexadecimal digits."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def row_hashes(columns: Mapping[str, Column]) -> list[str]:
    """(n,) one short text per sample that changes when any of its values, or the set of fields, changes."""
    parts: dict[str, Any] = {}
    for name, column in columns.items():
        if column.kind == "prediction":
            _, _, probs = column.values
            parts.update({f"{name}_{j}": probs[:, j] for j in range(probs.shape[1])})
        elif column.kind == "float":
            parts[name] = np.array([np.nan if value is None else value for value in column.values], dtype=np.float64)
        else:
            parts[name] = np.array(["" if value is None else f"={value}" for value in column.values], dtype=object)
    names = zlib.crc32("\n".join(f"{name} {column.kind}" for name, column in columns.items()).encode())
    rows = pd.util.hash_pandas_object(pd.DataFrame(parts), index=False)
    return [f"{names:08x}{row:016x}" for row in rows.to_numpy()]


def declare(fo: ModuleType, target: Any, columns: Mapping[str, Kind]) -> bool:
    """Give the FiftyOne dataset a field for every column and say whether one was missing.

    A field whose kind changed since the last push is made anew.
    """
    label = fo.Classification(label="", confidence=0.0, logits=[0.0], source="", annotator="")
    examples = {
        "text": "",
        "float": 0.0,
        "int": 0,
        "bool": False,
        "class": label,
        "prediction": label,
        "dict": {"seen": 0},
    }
    fields = {"text": fo.StringField, "float": fo.FloatField, "int": fo.IntField, "bool": fo.BooleanField}
    fields["dict"] = fo.DictField
    schema = target.get_field_schema()
    changed = [
        name
        for name, kind in columns.items()
        if name in schema and not isinstance(schema[name], fields.get(kind, fo.EmbeddedDocumentField))
    ]
    if changed:
        target.delete_sample_fields(changed)
    missing = {name: examples[kind] for name, kind in columns.items() if name in changed or name not in schema}
    if missing:
        _with_example(fo, target, missing)
    return bool(missing)


def bare_document(fo: ModuleType, target: Any) -> dict[str, Any]:
    """What FiftyOne itself writes for a sample that has a file and nothing else, as its database holds it."""
    return {name: value for name, value in _with_example(fo, target, {}).items() if name not in ("_id", "filepath")}


def _with_example(fo: ModuleType, target: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The database form of an example sample, added and taken away: FiftyOne then knows its fields, in one step."""
    target.delete_samples(target.match(fo.ViewField("filepath") == EXAMPLE_FILE))  # of a push killed just here
    key = target.add_sample(fo.Sample(filepath=EXAMPLE_FILE, **values), dynamic=True)
    document = dict(target._sample_collection.find_one({"filepath": EXAMPLE_FILE}))
    target.delete_samples([key])
    return document


def documents(fo: ModuleType, columns: Mapping[str, Column], positions: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The database values of all fields, one dict per given sample."""
    template = dict(fo.Classification(label="").to_dict())
    for at in positions:
        document: dict[str, Any] = {}
        for name, column in columns.items():
            if column.kind == "class":
                document[name] = classification(template, column.values[at])
            elif column.kind == "prediction":
                labels, confidences, probs = column.values
                if labels[at] is None:
                    document[name] = None
                    continue
                logits = np.log(np.maximum(probs[at], np.float32(1e-12)))
                document[name] = classification(
                    template, labels[at], confidence=confidences[at], logits=_vector(fo, logits)
                )
            else:
                document[name] = column.values[at]
        yield document


def classification(template: Mapping[str, Any], label: str | None, **more: Any) -> dict[str, Any] | None:
    """The database form of a `fiftyone.Classification`, or None for no label; template: one as FiftyOne writes it."""
    from bson import ObjectId

    return None if label is None else {**template, "_id": ObjectId(), "label": label, **more}


def _prediction(dataset: Dataset, predictions: Predictions) -> Column:
    if tuple(predictions.classes) != tuple(dataset.classes):
        raise InputError(
            f"the 'predictions' argument must have the dataset's classes {list(dataset.classes)}; "
            f"got {list(predictions.classes)}."
        )
    at = pd.Index(predictions.ids).get_indexer(pd.Index(dataset.ids))
    probs = np.asarray(predictions.pred_probs, dtype=np.float32)[at]
    probs[at < 0] = np.nan
    best = np.where(at < 0, -1, np.nan_to_num(probs).argmax(axis=1))
    confidences = [None if i < 0 else float(row[i]) for i, row in zip(best, probs, strict=True)]
    names: list[str | None] = [*dataset.classes, None]
    return Column("prediction", ([names[i] for i in best], confidences, probs))


def _vector(fo: ModuleType, values: NDArray[np.float32]) -> Any:
    from bson import Binary

    return Binary(fo.core.utils.serialize_numpy_array(values))
