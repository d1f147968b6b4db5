"""A folder with a small workbench in it: made once, copied for each call that may change it."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

import dqkit as dq
from dqkit.findings import Finding
from dqkit.records import LabelEvent
from tests.checks.calls import DATASET, HEALTH, IDS, PICTURES, PREDICTIONS

FINDING = Finding("my_check", "Mine", "One row.", sample_ids=["s1"], scores=pd.Series([0.5], index=["s1"]))
EVENT = LabelEvent("e9", "s1", "label", "no", "human", "ana", "2026-01-02T00:00:00.000+00:00", 1)


def make(folder: Path) -> None:
    """The workbench that every copy begins as: a round, two answers, a class folder of pictures, a table."""
    with dq.Workbench.create(folder / "wb", DATASET, title="T") as bench:
        bench.run_round(budget=4, predictions=PREDICTIONS, progress=False)
        bench.record("s1", "no", annotator="ana", event_id="e1")
        bench.record("s2", "yes", annotator="bea", event_id="e2")
    for k, pixels in enumerate(PICTURES):
        place = folder / "photos" / ["cat", "dog"][k % 2] / f"p{k}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place)
    pd.DataFrame({"id": IDS, "size": np.arange(8.0), "label": ["a", "b"] * 4}).to_csv(folder / "table.csv", index=False)
    dq.report.write(folder / "health.html", HEALTH, "<p></p>")
    dq.findings.save(folder / "findings", [FINDING])


class Place:
    """A copy of it in the folder of the process; everything opened in it is closed by `close`."""

    def __init__(self, template: Path, folder: Path) -> None:
        self.template, self.folder = template, folder
        shutil.copytree(template, folder, dirs_exist_ok=True)
        self._open: list[Any] = []

    @cached_property
    def bench(self) -> dq.Workbench:
        return self.keep(dq.Workbench.open(self.folder / "wb"))

    def keep(self, opened: Any) -> Any:
        self._open.append(opened)
        return opened

    def close(self) -> None:
        for opened in self._open:
            if hasattr(opened, "close"):
                opened.close()
        for entry in self.folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()

    def state(self) -> str:
        """A digest of every file in it; of a database, of its rows."""
        told = hashlib.sha256()
        for file in sorted(self.folder.rglob("*")):
            if file.is_file() and not file.name.endswith(("-wal", "-shm", ".lock")):
                told.update(str(file.relative_to(self.folder)).encode(errors="surrogateescape"))
                told.update(_rows(file) if file.suffix == ".sqlite" else file.read_bytes())
        return told.hexdigest()


def _rows(file: Path) -> bytes:
    connection = sqlite3.connect(file)
    try:
        return "\n".join(connection.iterdump()).encode(errors="surrogateescape")
    finally:
        connection.close()
