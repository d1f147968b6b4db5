"""What does not depend on labels, kept beside the fits: the next round, on other labels, finds it made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.files import replace
from dqkit.records import Dataset

VERSION = 1


@dataclass(frozen=True)
class Shelf:
    """A folder with one file a name: the newest content's; `folder` None keeps nothing.

    content: a hash of what all samples contain and of which of them may be learned from.
    """

    folder: Path | None = None
    content: str = ""

    @classmethod
    def of(cls, folder: str | Path | None, dataset: Dataset) -> Shelf:
        """The shelf of a dataset in this folder."""
        return cls() if folder is None else cls(Path(folder), content_fingerprint(dataset))

    def array(self, name: str, settings: Mapping[str, Any], make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """What was kept under this name for the same content and settings, else what `make` gives, which is kept."""

        def read(path: Path) -> NDArray[Any]:
            with path.open("rb") as file:
                return np.asarray(np.load(file, allow_pickle=False))

        return np.asarray(self._kept(f"kept-{name}-", ".npy", settings, read, np.save, make))

    def arrays(
        self, name: str, settings: Mapping[str, Any], make: Callable[[], dict[str, NDArray[Any]]]
    ) -> dict[str, NDArray[Any]]:
        """The same for several arrays, none of objects, by name."""

        def read(path: Path) -> dict[str, NDArray[Any]]:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
                return {name: held[name] for name in held.files}

        def write(file: Any, made: dict[str, NDArray[Any]]) -> None:
            np.savez(file, allow_pickle=False, **made)

        found: dict[str, NDArray[Any]] = self._kept(f"kept-{name}-", ".npz", settings, read, write, make)
        return found

    def sparse(self, name: str, settings: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """The same for a scipy.sparse CSR matrix."""
        from scipy import sparse

        def read(path: Path) -> Any:
            with path.open("rb") as file:
                return sparse.load_npz(file)

        def write(file: Any, made: Any) -> None:
            sparse.save_npz(file, made, compressed=False)

        return self._kept(f"kept-{name}-", ".npz", settings, read, write, make)

    def _kept(
        self,
        stem: str,
        suffix: str,
        settings: Mapping[str, Any],
        read: Callable[[Path], Any],
        write: Callable[[Any, Any], None],
        make: Callable[[], Any],
    ) -> Any:
        if self.folder is None:
            return make()
        text = json.dumps([VERSION, self.content, dict(settings)], sort_keys=True, default=str)
        path = self.folder / f"{stem}{hashlib.sha256(text.encode()).hexdigest()[:24]}{suffix}"
        try:
            return read(path)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            pass  # absent or torn: made again
        made = make()
        write_whole(path, lambda file: write(file, made))
        for old in self.folder.glob(f"{stem}*{suffix}"):
            if old != path:
                with suppress(OSError):  # another process may be reading it, or have removed it
                    old.unlink()
        return made


def write_whole(path: Path, write: Callable[[Any], Any]) -> None:
    """Let `write` fill the file at `path`: it is there whole or not at all. A folder in its place is left there."""
    if path.is_dir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)

    def fill(partial: Path) -> None:
        with partial.open("wb") as file:
            write(file)

    replace(path, fill, durable=False)


def content_fingerprint(dataset: Dataset) -> str:
    """One hash of what all samples contain and of which of them may be learned from; labels do not matter."""
    h = hashlib.blake2b(dataset.modality.encode(), digest_size=20)
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
