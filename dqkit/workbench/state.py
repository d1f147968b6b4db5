"""What an open workbench holds: its folder, its journal, its dataset and its rounds. Every other file here takes it."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import pandas as pd

from dqkit.records import Dataset, StoreError
from dqkit.rounds.classes import with_classes
from dqkit.rounds.parts import settle
from dqkit.rounds.snapshot import current_labels, under_labels
from dqkit.store import Store
from dqkit.store.added_classes import names_and_keys
from dqkit.workbench import project
from dqkit.workbench.results import Round, release
from dqkit.workbench.signs import sign_of

if TYPE_CHECKING:
    from dqkit.relabel import Labeler


class State:
    """An open workbench.

    Parameters
    ----------
    path : Path
        Its folder.
    about : dict
        What project.json says.
    store : Store
        Its journal, queue and list of rounds.
    """

    def __init__(self, path: Path, about: dict[str, Any], store: Store) -> None:
        self.path = path
        self.about = about
        self.store = store
        self.fiftyone = FiftyOneHeld()
        self.widgets: WeakSet[Labeler] = WeakSet()  # made on this workbench, and closed with it
        self._closed = False
        self._rounds: dict[int, Round] = {}
        self._copies: tuple[int, dict[str, tuple[str, ...]]] = (0, {})

    def close(self) -> None:
        """Release the database, the dataset's files, the widgets and what is held of FiftyOne."""
        self._closed = True
        self.fiftyone.close()
        self.store.close()
        for widget in list(self.widgets):
            widget.close()
        self._rounds.clear()
        self._copies = (0, {})
        self.reload()

    @cached_property
    def _loaded(self) -> Dataset:
        if self._closed:
            raise StoreError(f"The workbench {str(self.path)!r} was closed; open it again with dqkit.Workbench.open.")
        try:
            loaded = project.load_dataset(self.path / "dataset", self.about)
            added = [name for name, _ in names_and_keys(self.store)]
            return with_classes(loaded, (*self.about["classes"], *added))
        except StoreError:
            raise
        except Exception as error:  # gone, cut, or not what dqkit wrote: Parquet and NumPy have errors of many kinds
            raise StoreError(
                f"The workbench {str(self.path)!r} is damaged: {error}. The labels are in the journal and are not "
                "touched. Bring the file back from a copy, or make it again from the originals: "
                f"dqkit rebuild {str(self.path)!r} --source ORIGINALS"
            ) from error

    @property
    def dataset(self) -> Dataset:
        """The dataset under its given labels; classes that were added, as far as they are known, come last."""
        return self._loaded

    def reload(self) -> None:
        """Read the dataset again when it is next looked at: samples were added to it."""
        self.__dict__.pop("_loaded", None)

    def dataset_of(self, size: int) -> Dataset:
        """The first `size` samples, those that a round knew; later ones were added since."""
        whole = self.dataset
        if size == len(whole):
            return whole
        inside = whole.ids[:size]
        return replace(
            whole,
            ids=inside,
            labels=whole.labels[:size],
            content=whole.content.iloc[:size] if whole.modality == "table" else whole.content[:size],
            split=whole.split[:size],
            metadata=whole.metadata.iloc[:size],
            paths=None if whole.paths is None else whole.paths[:size],
            groups=None if whole.groups is None else whole.groups[:size],
            true_labels=None if whole.true_labels is None else whole.true_labels[:size],
            problems=whole.problems[whole.problems["sample_id"].isin(inside)],
        )

    def refresh(self) -> None:
        """Take over the classes that were added since the dataset was read, here or in another process."""
        added = [name for name, _ in names_and_keys(self.store)]
        self.__dict__["_loaded"] = with_classes(self._loaded, (*self.about["classes"], *added))

    def labels(self) -> pd.DataFrame:
        """See `Workbench.labels`."""
        self.refresh()
        return current_labels(self.dataset, self.store.current_labels(weak=True), self.store.current_labels(weak=False))

    def dataset_now(self, *, weak: bool = False) -> Dataset:
        """See `Workbench.dataset_now`."""
        table = self.labels()
        return under_labels(
            self.dataset, table["label"] if weak else table["label"].where(table["source"] != "weak", None)
        )

    @property
    def rounds(self) -> list[Round]:
        """The finished rounds, oldest first; each is read once, and again when it was ranked again."""
        done = [about for about in self.store.rounds() if about["status"] == "done"]
        for about in done:
            number, folder = about["round"], self.path / "rounds" / f"{about['round']:04d}"
            # Another process or machine may have run it, or ranked it again.
            known = self._rounds.get(number)
            stale = known is None or known.version != about["version"]
            if stale:
                settle(folder, about["version"])
            if self.store.fetch_files(number, folder) or stale:
                self._rounds[number] = Round(folder, about, sign=self._sign)
        found = [self._rounds[about["round"]] for about in done]
        for older in found[:-2]:  # whoever compares, compares the newest two
            release(older)
        return found

    def _sign(self, sample_id: str) -> tuple[bytes, str]:
        """A sample in small: a picture, or the start of a text."""
        at = int(self.dataset.positions([sample_id])[0])
        return sign_of(self.dataset, at), "image/png" if self.dataset.modality == "image" else "text/plain"

    @property
    def number(self) -> int:
        """The number of the newest finished round, 0 before the first."""
        return self.store.newest_round()

    def copies(self) -> dict[str, tuple[str, ...]]:
        """Sample id -> the other samples with identical content, as the newest round found them; kept for it.

        Where the round's file is damaged there are none, with a warning: an answer must not be lost for it.
        """
        number = self.number
        if number != self._copies[0]:
            try:
                self._copies = number, self.rounds[-1].copies
            except StoreError as error:
                warnings.warn(f"Answers do not go to identical samples for now: {error}", UserWarning, stacklevel=2)
                return {}
        return self._copies[1]


class FiftyOneHeld(ExitStack):
    """What an open workbench keeps of FiftyOne: its database, then the sessions of its Apps, which are closed first."""

    _connected = False

    def connect(self) -> None:
        """Hold the database, from the first call until `close`."""
        from dqkit.fiftyone_bridge.connection import database_in_use

        if not self._connected:
            self.enter_context(database_in_use())
            self.callback(setattr, self, "_connected", False)
            self._connected = True
