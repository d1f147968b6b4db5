"""Label Studio's JSON: a task a sample, people's labels as annotations, the model's suggestions as predictions."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dqkit.export.pictures import png, with_pictures
from dqkit.export.selection import Chosen
from dqkit.files import text_of
from dqkit.records import UNLABELED

FROM_NAME, TO_NAME = "label", "sample"
OBJECTS = {"image": "Image", "text": "Text", "table": "HyperText"}


def tasks(chosen: Chosen) -> tuple[Chosen, list[dict[str, Any]]]:
    """One task a row. Given labels are annotations too; the "meta" of a result say whose label it is."""
    dataset = chosen.dataset
    if dataset.modality == "image":
        chosen = with_pictures(chosen)
    out = []
    wanted = ["sample_id", "split", "label", "source", "annotator", "at", "event_id", "suggested_label"]
    content = _contents(chosen)
    for row, (code, known) in enumerate(zip(chosen.codes, chosen.table[wanted].to_dict("records"), strict=True)):
        data = {"sample_id": known["sample_id"], "split": known["split"], **content(row)}
        task: dict[str, Any] = {"id": row + 1, "data": data, "annotations": [], "predictions": []}
        if code != UNLABELED:
            # Label Studio refuses an author that it does not know, but keeps what a result carries as "meta".
            meta = {name: known[name] for name in ("label", "source", "annotator", "at", "event_id") if known[name]}
            result = {**_choice(known["label"]), "meta": meta}
            task["annotations"].append({"result": [result], "was_cancelled": False})
        if known["suggested_label"] is not None:
            task["predictions"].append({"model_version": "dqkit", "result": [_choice(known["suggested_label"])]})
        out.append(task)
    return chosen, out


def config(classes: tuple[str, ...], modality: str) -> str:
    """The labelling interface that the tasks go with, to paste into Label Studio."""
    what = OBJECTS[modality]
    value = {"image": "image", "text": "text", "table": "html"}[modality]
    choices = "\n".join(f'    <Choice value="{html.escape(name)}"/>' for name in classes)
    return (
        f'<View>\n  <{what} name="{TO_NAME}" value="${value}"/>\n'
        f'  <Choices name="{FROM_NAME}" toName="{TO_NAME}" choice="single">\n{choices}\n  </Choices>\n</View>\n'
    )


def _choice(label: str) -> dict[str, Any]:
    return {
        "from_name": FROM_NAME,
        "to_name": TO_NAME,
        "type": "choices",
        "value": {"choices": [label]},
    }


def _contents(chosen: Chosen) -> Callable[[int], dict[str, Any]]:
    """What Label Studio shows of each row."""
    dataset = chosen.dataset
    if dataset.modality == "text":
        return lambda row: {"text": str(dataset.content[chosen.at[row]])}
    if dataset.modality == "table":
        records = dataset.content.iloc[chosen.at].to_dict("records")
        return lambda row: _table({str(name): _plain(value) for name, value in records[row].items()})
    if dataset.paths is not None:
        files = [str(path) for path in dataset.paths[chosen.at]]
        return lambda row: {"image": Path(files[row]).absolute().as_uri(), "path": text_of(files[row])}

    def drawn(row: int) -> dict[str, Any]:
        picture = base64.b64encode(png(np.asarray(dataset.content[chosen.at[row]]))).decode("ascii")
        return {"image": f"data:image/png;base64,{picture}"}

    return drawn


def _table(row: dict[str, Any]) -> dict[str, Any]:
    cells = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape('' if value is None else str(value))}</td></tr>"
        for name, value in row.items()
    )
    return {"html": f"<table>{cells}</table>", "columns": row}


def _plain(value: Any) -> Any:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, bool | int | str) else str(value)
