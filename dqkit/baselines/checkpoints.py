"""Finished fits on disk: an interrupted call, made again, trains only what is missing."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.baselines.members import Result
from dqkit.records import Dataset

VERSION = 2


@dataclass(frozen=True)
class Checkpoints:
    """A folder with one npz and one JSON fingerprint a fold and member; `folder` None saves nothing."""

    folder: Path | None
    call: str

    def load(self, member: str, fold: int, settings: Mapping[str, Any]) -> Result | None:
        """The saved result, or None where nothing (or something else, or a torn file) is saved."""
        if self.folder is None:
            return None
        array, note = self._files(member, fold, settings)
        try:
            facts = json.loads(note.read_text(encoding="utf-8"))
            with array.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                scores = np.asarray(saved["scores"], dtype=np.float32)
                margins = np.asarray(saved["margins"], dtype=np.float32) if "margins" in saved.files else None
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None  # absent or torn: the fit runs again and writes it anew
        if facts.get("digest") != _digest(scores, margins) or facts.get("fingerprint") != self.fingerprint(
            member, fold, settings
        ):
            return None
        checks = tuple((str(check), bool(ok), str(found)) for check, ok, found in facts["checks"])
        return Result(scores, facts["costs"], margins, checks)

    def save(self, member: str, fold: int, settings: Mapping[str, Any], result: Result) -> None:
        """Write both files, each whole or not at all; the JSON last, since it vouches for the npz."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        array, note = self._files(member, fold, settings)
        temporary = array.with_name(f"{array.name}.{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            kept = {} if result.margins is None else {"margins": result.margins}
            np.savez(file, allow_pickle=False, scores=result.scores, **kept)
        os.replace(temporary, array)
        facts = {
            "fingerprint": self.fingerprint(member, fold, settings),
            "member": member,
            "fold": fold,
            "settings": dict(settings),
            "digest": _digest(result.scores, result.margins),
            "costs": dict(result.costs),
            "checks": result.checks,
        }
        temporary = note.with_name(f"{note.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps(facts, indent=1, sort_keys=True, default=str), encoding="utf-8")
        os.replace(temporary, note)

    def fingerprint(self, member: str, fold: int, settings: Mapping[str, Any]) -> str:
        """What the result depends on: data, labels, folds, seed (in `call`), the member and its settings."""
        text = json.dumps([VERSION, self.call, member, fold, dict(settings)], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _files(self, member: str, fold: int, settings: Mapping[str, Any]) -> tuple[Path, Path]:
        assert self.folder is not None
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", member)[:60]
        stem = f"{safe}-fold{fold}-{self.fingerprint(member, fold, settings)[:16]}"
        return self.folder / f"{stem}.npz", self.folder / f"{stem}.json"


def call_fingerprint(dataset: Dataset, y: NDArray[np.int64], folds: NDArray[np.int64], seed: int) -> str:
    """One hash of everything all members share: content, labels, classes, folds and seed."""
    h = hashlib.blake2b(digest_size=20)
    h.update(json.dumps([list(dataset.classes), dataset.modality, seed]).encode())
    h.update(np.ascontiguousarray(y).tobytes())
    h.update(np.ascontiguousarray(folds).tobytes())
    h.update(np.packbits(dataset.is_usable & ~dataset.is_test).tobytes())
    if dataset.modality == "image":
        h.update(str(dataset.content.shape).encode())
        for start in range(0, len(dataset), 4096):
            h.update(np.ascontiguousarray(dataset.content[start : start + 4096]).tobytes())
    elif dataset.modality == "text":
        for text in dataset.content:
            raw = str(text).encode("utf-8", "surrogatepass")
            h.update(len(raw).to_bytes(8, "little") + raw)
    else:
        h.update(json.dumps([[str(name), str(kind)] for name, kind in dataset.content.dtypes.items()]).encode())
        h.update(pd.util.hash_pandas_object(dataset.content, index=False).to_numpy().tobytes())
    return h.hexdigest()


def _digest(scores: NDArray[np.float32], margins: NDArray[np.float32] | None) -> str:
    h = hashlib.blake2b(np.ascontiguousarray(scores).tobytes(), digest_size=16)
    if margins is not None:
        h.update(np.ascontiguousarray(margins).tobytes())
    return h.hexdigest()
