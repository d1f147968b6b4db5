"""What samples show, as the loaders of things in memory hand it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dqkit.datasets.assemble import sample_names
from dqkit.records import Modality


@dataclass(frozen=True)
class Content:
    """modality, values: as `Dataset.modality` and `Dataset.content`. paths: (n,) files, None where there is none.
    problems: position to what is wrong with that picture. notes: sentences on what was decided. window: as
    `Dataset.window`."""

    modality: Modality
    values: Any
    paths: list[str | None] | None = None
    problems: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    window: tuple[float, float] | None = None

    def problems_of(self, ids: Any) -> list[tuple[str, str, str, bool]]:
        """Rows (sample_id, kind, message, fatal) for a `Dataset`."""
        if not self.problems:
            return []
        names = sample_names(ids, n=len(self.values))
        return [(names[i], "unreadable", message, True) for i, message in sorted(self.problems.items())]
