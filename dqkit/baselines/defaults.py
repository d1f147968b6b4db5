"""The members a dataset gets when nobody names any, and the features everyone gets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.members import Member, Task


@dataclass(frozen=True, eq=False)
class Representation:
    """One modality's view of the data; what is not asked for is not computed.

    features: (n, d) for neighbours, outliers and diverse queries. plain: (n, p) simple inputs for the reference rows.
    """

    task: Task

    @cached_property
    def features(self) -> NDArray[np.float32]:
        raise TypeError("a Representation says what its features are")

    @cached_property
    def plain(self) -> NDArray[np.float32]:
        return self.features

    def members(self) -> list[Member]:
        """The default members."""
        raise TypeError("a Representation says who its members are")


def representation(task: Task) -> Representation:
    """The representation of the task's modality."""
    if task.dataset.modality == "image":
        from dqkit.baselines.images import ImageRepresentation

        return ImageRepresentation(task)
    if task.dataset.modality == "text":
        from dqkit.baselines.text import TextRepresentation

        return TextRepresentation(task)
    from dqkit.baselines.tables import TableRepresentation

    return TableRepresentation(task)
