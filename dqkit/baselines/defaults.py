"""Which representation a dataset gets when nobody names any members."""

from __future__ import annotations

from dqkit.baselines.members import Task
from dqkit.baselines.representation import Representation


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
