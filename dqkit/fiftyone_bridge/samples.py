"""Push: samples, labels, signals, predictions and the queue into one FiftyOne dataset, in place when it is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dqkit.fiftyone_bridge.added_classes import with_added
from dqkit.fiftyone_bridge.connection import connect
from dqkit.fiftyone_bridge.feature_map import Layout, save_map
from dqkit.fiftyone_bridge.fields import (
    QUEUE_FIELDS,
    Column,
    Kind,
    bare_document,
    classification,
    declare,
    documents,
    row_hashes,
    sample_columns,
)
from dqkit.fiftyone_bridge.media import media_files
from dqkit.fiftyone_bridge.panel_cards import queue_evidence
from dqkit.fiftyone_bridge.views import arrange_sidebar, offer_annotation, save_views
from dqkit.records import Dataset, InputError, Predictions

FORMAT = 1
LABEL_FIELDS = ("dqkit_id", "label", "pushed_label", "pushed_serial", "pushed_hash", "panel")
LABEL_KINDS: dict[str, Kind] = dict(zip(LABEL_FIELDS, ("text", "class", "text", "int", "text", "dict"), strict=True))
QUEUE_KINDS: dict[str, Kind] = dict(
    zip(QUEUE_FIELDS, ("int", "text", "float", "text", "text", "bool", "dict"), strict=True)
)


def push(
    dataset: Dataset,
    *,
    labels: pd.DataFrame,
    signals: pd.DataFrame | None = None,
    predictions: Predictions | None = None,
    queue: pd.DataFrame | None = None,
    neighbors: ArrayLike | None = None,
    name: str,
    media_dir: str | Path,
    round_number: int | None = None,
    layout: Layout | None = "pca",
    owner: str = "",
    uri: str | None = None,
) -> Any:
    """Write samples with their labels, signals and queue into a FiftyOne dataset.

    Parameters
    ----------
    dataset : Dataset
        The samples.
    labels : DataFrame
        The current labels, indexed by sample id (columns label, source, annotator).
    signals : DataFrame, optional
        Indexed by sample id, one field per column.
    predictions : Predictions, optional
        Their features are drawn as a map.
    queue : DataFrame, optional
        The open rows, in order (sample_id, action, score, suggested_label, reasons). They become the saved view
        "queue"; a sample leaves it once it is answered there.
    neighbors : array-like of int, shape (n, k), optional
        Positions of the samples most like each, -1 for none. The queue panel shows the first five.
    name : str
        The name of the dataset.
    media_dir : str or Path
        Where samples that are no image files are drawn, once.
    round_number : int, optional
        Also keeps the queue as the view "round N".
    layout : {"pca", "tsne", None}
        How the map of the Embeddings panel is made; None for no map. "tsne" is slow.
    owner : str
        Names the workbench, so that two of them never share a dataset.
    uri : str, optional
        As in `connect`.

    Returns
    -------
    fiftyone.Dataset
        Persistent. Called again, it is brought up to date; what is None stays as it was. A label edited in FiftyOne and
        not yet pulled is left as it is.

    Raises
    ------
    InputError
        Where a dataset of that name belongs to someone else (it is not touched), or an argument does not fit.
    MissingExtra
        Where FiftyOne or its database is not there.

    Examples
    --------
    >>> push(ds, labels=wb.labels(), queue=rnd.queue, name="digits", media_dir="work/media")  # doctest: +SKIP
    """
    if not name or not isinstance(name, str):
        raise InputError(f"the 'name' argument must be a non-empty text; got {name!r}.")
    columns = sample_columns(dataset, signals, predictions)
    current = _current_labels(dataset, labels)
    queued = None if queue is None else _queue_rows(dataset, queue, labels, predictions, neighbors)
    fo = connect(uri)
    target = open_or_create(fo, name, owner)
    serial = _next_serial(target, dataset, queue)
    kinds = {**LABEL_KINDS, **{name: column.kind for name, column in columns.items()}, **QUEUE_KINDS}
    if declare(fo, target, kinds):
        arrange_sidebar(fo, target)
    offer_annotation(target, target.info["dqkit"]["classes"])
    _write(fo, target, dataset, columns, current, queued, serial=serial, media_dir=Path(media_dir))
    target.reload()
    if predictions is not None and layout is not None:
        save_map(fo, target, predictions, layout)
    ranked = [] if queue is None else [str(sample_id) for sample_id in queue["sample_id"]]
    save_views(fo, target, round_number=round_number, queued=ranked)
    target.reload()
    return target


def owned(fo: ModuleType, name: str, owner: str = "") -> Any:
    """The FiftyOne dataset of that name; raises `InputError` when there is none or it is not ours (this owner's)."""
    if not fo.dataset_exists(name):
        raise InputError(
            f"the 'name' argument must be a dataset that was pushed to FiftyOne; got {name!r}. Push first."
        )
    target = fo.load_dataset(name, reload=True)  # another process may have written since
    ours = target.info.get("dqkit")
    if not isinstance(ours, dict):
        raise InputError(
            f"the 'name' argument must not be a FiftyOne dataset that dqkit did not make; got {name!r}. "
            "It was not touched. Choose another name."
        )
    if owner and ours.get("owner") and ours["owner"] != owner:
        raise InputError(
            f"the 'name' argument must not be the FiftyOne dataset of another workbench; {name!r} belongs to "
            f"{ours['owner']}. It was not touched. Choose another name."
        )
    if ours.get("format", FORMAT) > FORMAT:
        raise InputError(
            f"the FiftyOne dataset {name!r} was written by a newer dqkit. Upgrade with `pip install -U dqkit`."
        )
    return target


def open_or_create(fo: ModuleType, name: str, owner: str) -> Any:
    """The dataset of that name if it is ours, or a new empty one."""
    if fo.dataset_exists(name):
        return owned(fo, name, owner)
    target = fo.Dataset(name)
    target.info["dqkit"] = {"format": FORMAT, "owner": owner, "serial": 0}
    target.save()
    target.persistent = True  # last: killed before this line, FiftyOne removes the half-made dataset itself
    return target


def bulk_write(target: Any, operations: list[Any], sample_ids: list[Any]) -> None:
    """One round trip for many samples; FiftyOne's own setters take one field at a time, ten times as slow."""
    if operations:
        target._bulk_write(operations, ids=[str(i) for i in sample_ids])


def _next_serial(target: Any, dataset: Dataset, queue: pd.DataFrame | None) -> int:
    serial = int(target.info["dqkit"].get("serial", 0)) + 1
    target.info["dqkit"]["serial"] = serial
    classes, waiting = with_added(dataset.classes, target.info["dqkit"].get("added", []))
    target.info["dqkit"].update(classes=classes, added=waiting)
    target.info["dqkit"]["modality"] = dataset.modality
    target.info["dqkit"]["window"] = None if dataset.window is None else list(dataset.window)
    if queue is not None:
        controls: Any = queue.loc[queue["control"].astype(bool), "sample_id"] if "control" in queue.columns else []
        target.info["dqkit"]["blind"] = [str(sample_id) for sample_id in controls]
    target.default_classes = list(classes)
    target.save()
    return serial


def _current_labels(dataset: Dataset, labels: pd.DataFrame) -> dict[str, list[str | None]]:
    if "label" not in labels.columns:
        raise InputError(f"the 'labels' argument must have a column 'label'; got {list(labels.columns)}.")
    rows = labels.reindex(dataset.ids)
    found: dict[str, list[str | None]] = {
        name: [None if pd.isna(value) else str(value) for value in rows[name]] if name in rows else [None] * len(rows)
        for name in ("label", "source", "annotator")
    }
    unknown = set(found["label"]) - {*dataset.classes, None}
    if unknown:
        raise InputError(
            f"the 'labels' argument must hold the dataset's classes {list(dataset.classes)}; "
            f"got {min(unknown, key=str)!r}."
        )
    return found


def _queue_rows(
    dataset: Dataset,
    queue: pd.DataFrame,
    labels: pd.DataFrame,
    predictions: Predictions | None,
    neighbors: ArrayLike | None,
) -> list[tuple[Any, ...]]:
    """(n,) the queue fields of every sample, all None for those that are not queued."""
    wanted = ("sample_id", "action", "score", "suggested_label", "reasons")
    missing = [name for name in wanted if name not in queue.columns]
    if missing:
        raise InputError(f"the 'queue' argument must have the columns {list(wanted)}; {missing} are not there.")
    rows: list[tuple[Any, ...]] = [(None,) * len(QUEUE_FIELDS)] * len(dataset)
    done = queue["done"].astype(bool) if "done" in queue.columns else [False] * len(queue)
    evidence = queue_evidence(dataset, queue, labels, predictions, neighbors)
    details = zip(*(queue[name] for name in wanted[1:]), done, evidence, strict=True)
    for rank, (at, row) in enumerate(zip(dataset.positions(queue["sample_id"]), details, strict=True)):
        action, score, suggestion, reasons, answered, known = row
        texts = [None if pd.isna(value) else str(value) for value in (action, suggestion, reasons)]
        number = None if pd.isna(score) else float(score)
        rows[at] = (rank, texts[0], number, texts[1], texts[2], bool(answered), known)
    return rows


def _insert_operations(
    fo: ModuleType, target: Any, dataset: Dataset, rows: Mapping[int, dict[str, Any]], media_dir: Path
) -> list[Any]:
    """One operation per new sample, with all its fields at once."""
    from bson import ObjectId
    from pymongo import InsertOne

    common = bare_document(fo, target)
    positions = np.array(list(rows), dtype=np.int64)
    shuffle = np.random.default_rng(0).random(len(rows))  # FiftyOne draws random views by this number
    files = media_files(dataset, positions, media_dir)
    return [
        InsertOne(
            {
                **common,
                "_id": ObjectId(),
                "_rand": float(chance),
                "filepath": file,
                "tags": [str(dataset.split[at])] if dataset.split[at] else [],
                "dqkit_id": str(dataset.ids[at]),
                **row,
            }
        )
        for (at, row), file, chance in zip(rows.items(), files, shuffle, strict=True)
    ]


def _write(
    fo: ModuleType,
    target: Any,
    dataset: Dataset,
    columns: Mapping[str, Column],
    current: Mapping[str, list[str | None]],
    queued: list[tuple[Any, ...]] | None,
    *,
    serial: int,
    media_dir: Path,
) -> None:
    """Write what differs from what is there: one operation per sample, one more per label a human may be editing."""
    from bson import ObjectId
    from pymongo import UpdateOne

    states = _states(target)
    here = [states.get(str(i)) for i in dataset.ids]
    hashes = row_hashes(columns)
    stale = [at for at, state in enumerate(here) if state is None or state["pushed_hash"] != hashes[at]]
    values = dict(zip(stale, documents(fo, columns, stale), strict=True))
    template = dict(fo.Classification(label="").to_dict())
    now = pd.Timestamp.now("UTC").to_pydatetime().replace(tzinfo=None)
    new: dict[int, dict[str, Any]] = {}
    operations: list[Any] = []
    touched: list[str] = []
    for at, state in enumerate(here):
        changes: dict[str, Any] = values.get(at, {})
        if changes:
            changes["pushed_hash"] = hashes[at]
        if queued is not None and (state is None or queued[at] != tuple(state[name] for name in QUEUE_FIELDS)):
            changes.update(zip(QUEUE_FIELDS, queued[at], strict=True))
            if state is not None and state["queue_done"] and (state["panel"] or {}).get("answer"):
                changes["panel.answer"] = None  # the journal has it; the sample may be asked about again
        label = current["label"][at]
        source, annotator = (current[name][at] if label else None for name in ("source", "annotator"))
        labelled = {
            "label": classification(template, label, source=source, annotator=annotator),
            "pushed_label": label or "",
            "pushed_serial": serial,
            "last_modified_at": now,
        }
        if state is None:
            new[at] = {**changes, **labelled, "created_at": now}
            continue
        key = ObjectId(state["id"])
        if changes:
            operations.append(UpdateOne({"_id": key}, {"$set": {**changes, "last_modified_at": now}}))
            touched.append(state["id"])
        edited = state["label.label"] != (state["pushed_label"] or None)
        same = (label, source, annotator) == (state["label.label"], state["label.source"], state["label.annotator"])
        if not edited and not same:
            # The filter makes this a compare-and-set: a label edited since it was read above is not overwritten.
            operations.append(UpdateOne({"_id": key, "label.label": state["label.label"]}, {"$set": labelled}))
            touched.append(state["id"])
    if new:
        operations += _insert_operations(fo, target, dataset, new, media_dir)
    bulk_write(target, operations, touched)


def _states(target: Any) -> dict[str, dict[str, Any]]:
    """dqkit id -> what FiftyOne holds now of the fields that are compared before writing."""
    names = ["id", "dqkit_id", "label.label", "label.source", "label.annotator"]
    names += ["pushed_label", "pushed_serial", "pushed_hash", "panel", *QUEUE_FIELDS]
    rows = zip(*target.values(names), strict=True)
    return {row[1]: dict(zip(names, row, strict=True)) for row in rows if row[1] is not None}
