"""The features and members of one call: those of the modality, or a pretrained model's embeddings."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

from dqkit.baselines.defaults import representation
from dqkit.baselines.members import Task
from dqkit.baselines.representation import Representation
from dqkit.baselines.runs import BaselineWarning
from dqkit.records import InputError, MissingExtra


def view_of(task: Task, pretrained: str | Path | None, cache: str | Path | None, progress: bool) -> Representation:
    """The representation of the task's data; a pretrained model that cannot be loaded is reported in a warning."""
    if pretrained is None:
        return representation(task)
    from dqkit.baselines.pretrained import PretrainedRepresentation, embed

    if task.dataset.modality == "table":
        raise InputError("pretrained must be used with images or texts; got a table. Leave it out.")
    try:
        embedding = embed(task.dataset, pretrained, cache_dir=cache, progress=progress)
    except (InputError, MissingExtra) as error:
        warnings.warn(f"{error} The from-scratch defaults are used instead.", BaselineWarning, stacklevel=4)
        return representation(task)
    digest = hashlib.blake2b(embedding.tobytes(), digest_size=16).hexdigest()
    return PretrainedRepresentation(task, embedding, f"{Path(str(pretrained)).name} {digest}")
