"""Finished fits on disk: an interrupted call, made again, trains only what is missing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.feature_cache import write_whole
from dqkit.baselines.members import Result

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
        array, note = self._files(member, fold, settings)
        kept = {} if result.margins is None else {"margins": result.margins}
        write_whole(array, lambda file: np.savez(file, allow_pickle=False, scores=result.scores, **kept))
        facts = {
            "fingerprint": self.fingerprint(member, fold, settings),
            "member": member,
            "fold": fold,
            "settings": dict(settings),
            "digest": _digest(result.scores, result.margins),
            "costs": dict(result.costs),
            "checks": result.checks,
        }
        text = json.dumps(facts, indent=1, sort_keys=True, default=str)
        write_whole(note, lambda file: file.write(text.encode()))

    def fingerprint(self, member: str, fold: int, settings: Mapping[str, Any]) -> str:
        """What the result depends on: data, labels, folds, seed (in `call`), the member and its settings."""
        text = json.dumps([VERSION, self.call, member, fold, dict(settings)], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _files(self, member: str, fold: int, settings: Mapping[str, Any]) -> tuple[Path, Path]:
        assert self.folder is not None
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", member)[:60]
        stem = f"{safe}-fold{fold}-{self.fingerprint(member, fold, settings)[:16]}"
        return self.folder / f"{stem}.npz", self.folder / f"{stem}.json"


def call_fingerprint(
    content: str, classes: Sequence[str], y: NDArray[np.int64], folds: NDArray[np.int64], seed: int
) -> str:
    """One hash of everything all members share: content (its own hash), classes, labels, folds and seed."""
    h = hashlib.blake2b(digest_size=20)
    h.update(json.dumps([content, list(classes), seed]).encode())
    h.update(np.ascontiguousarray(y).tobytes())
    h.update(np.ascontiguousarray(folds).tobytes())
    return h.hexdigest()


def _digest(scores: NDArray[np.float32], margins: NDArray[np.float32] | None) -> str:
    h = hashlib.blake2b(np.ascontiguousarray(scores).tobytes(), digest_size=16)
    if margins is not None:
        h.update(np.ascontiguousarray(margins).tobytes())
    return h.hexdigest()
