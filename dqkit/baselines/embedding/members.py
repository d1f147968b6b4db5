"""Members on embeddings, alone or beside those on the pixels."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.compress import CHUNK, STATISTICS_ROWS, principal
from dqkit.baselines.images import ImageRepresentation
from dqkit.baselines.kernel import kernel_member
from dqkit.baselines.linear_heads import head_members
from dqkit.baselines.members import Member, Task
from dqkit.baselines.representation import Representation
from dqkit.baselines.text import TextRepresentation

FEATURE_WIDTH = 128


class PretrainedRepresentation(Representation):
    """Embeddings with linear heads and a kernel on top.

    note: what the embedding was made with, kept in the settings of the members. prefix: of the members' names.
    """

    def __init__(self, task: Task, embedding: NDArray[np.float32], note: str, prefix: str = "") -> None:
        super().__init__(task)
        object.__setattr__(self, "embedding", normalized(embedding, task.unsupervised))
        object.__setattr__(self, "note", note)
        object.__setattr__(self, "prefix", prefix)

    embedding: NDArray[np.float32]
    note: str
    prefix: str

    @cached_property
    def features(self) -> NDArray[np.float32]:
        return principal(self.embedding, FEATURE_WIDTH, rows=self.task.unsupervised, seed=self.task.seed)

    def members(self) -> list[Member]:
        """Heads of least squares, and for texts a logistic one.

        Where labels were moved to a look-alike class, logistic regression on embeddings of photos learned the moved
        labels too: the order by suspicion found them with an average precision of .64, and .81 without it.
        """
        ridge, logistic = head_members(self.task, self.embedding, prefix=self.prefix)
        kernel = kernel_member(self.task, lambda: self.embedding, f"{self.prefix}kernel")
        members = [ridge, kernel] if self.task.dataset.modality == "image" else [ridge, logistic, kernel]
        return [Member(m.name, m.fit, {**m.settings, "embedding": self.note}) for m in members]


class BesideRepresentation(PretrainedRepresentation):
    """Embeddings beside what is learned from the data alone; `own` is that view."""

    own: Representation

    @cached_property
    def plain(self) -> NDArray[np.float32]:
        return self.own.plain


class PhotoRepresentation(BesideRepresentation):
    """Embeddings of pictures beside their pixels."""

    @cached_property
    def own(self) -> ImageRepresentation:  # type: ignore[override]
        """The view that pictures without a pretrained network get."""
        return ImageRepresentation(self.task)

    def members(self) -> list[Member]:
        """Heads on the embedding and patches; networks only where they are asked for.

        Out of sample, patches of 64-pixel copies still added to the embedding; the other members on them did not.
        """
        networks = self.own.networks(int(self.task.network or 0), few=False)
        return [*super().members(), self.own.patch_member(), *networks]


class SentenceRepresentation(BesideRepresentation):
    """Embeddings of texts beside their words and characters.

    Out of sample, the two together were ahead of either alone on every set that was tried (`benchmarks/texts.py`).
    """

    @cached_property
    def own(self) -> TextRepresentation:  # type: ignore[override]
        """The view that texts without a pretrained network get."""
        return TextRepresentation(self.task)

    def members(self) -> list[Member]:
        """Those on words and characters first, as without an encoder."""
        return [*self.own.members(), *super().members()]


def normalized(embedding: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Rows of one length, centred and divided by one number, both of (up to 20,000 of) `rows`, in place.

    Distances are then those of the angles. On photos the heads were right on more of them than with columns scaled one
    by one, which makes much of columns that hardly vary.
    """
    out = np.require(embedding, np.float32, "W")
    for start in range(0, len(out), CHUNK):
        part = out[start : start + CHUNK]
        part /= np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)
    if not len(rows):
        return out
    seen = out[rows[:: max(1, -(-len(rows) // STATISTICS_ROWS))]]
    out -= seen.mean(axis=0, dtype=np.float64).astype(np.float32)
    out /= np.float32(max(float(seen.std(axis=0, dtype=np.float64).mean()), 1e-6))
    return out
