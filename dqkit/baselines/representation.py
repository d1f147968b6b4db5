"""One modality's view of the data: the features everyone gets, and the default members."""

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
