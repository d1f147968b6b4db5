"""The features and members of one call: those of the modality, or a pretrained model's embeddings."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dqkit.baselines.defaults import representation
from dqkit.baselines.members import Member, Task
from dqkit.baselines.representation import Representation
from dqkit.baselines.runs import BaselineWarning
from dqkit.records import Dataset, InputError, MissingExtra

if TYPE_CHECKING:
    from dqkit.baselines.finetuning.networks import Start

# The network was trained on photos of 224 pixels; below this pictures hold too little of what it looks for.
PHOTO_EDGE = 48


def check_pretrained(pretrained: Any, dataset: Dataset) -> None:
    """Raise `InputError` where a pretrained network is asked for and the dataset is a table."""
    if pretrained is not None and pretrained is not False and dataset.modality == "table":
        raise InputError("pretrained must be used with images or texts; got a table. Leave it out.")


def view_of(task: Task, pretrained: Any, cache: str | Path | None, progress: bool) -> Representation:
    """The representation of the task's data; a pretrained model that cannot be loaded is reported in a warning.

    pretrained: None for the installed network where it helps, False for none, or a model as `embed` takes it.
    """
    if pretrained is None and task.dataset.modality == "text":
        return _sentences(task, cache, progress)
    if pretrained is False or (pretrained is None and not shows_photos(task.dataset)):
        return representation(task)
    from dqkit.baselines.embedding.embed import embed, embed_pictures, encoder_of
    from dqkit.baselines.embedding.forecast import chosen_side
    from dqkit.baselines.embedding.lite0 import weights_file
    from dqkit.baselines.embedding.members import PhotoRepresentation, PretrainedRepresentation

    check_pretrained(pretrained, task.dataset)
    try:
        if pretrained is None:
            weights_file()  # before anything is timed
            side = chosen_side(task.dataset, task.minutes, task.shelf)
            if side is None:
                return representation(task)
            encoder = encoder_of(None, side)
            folder = None if cache is None else Path(cache)
            embedding = embed_pictures(task.dataset, encoder, folder, progress=progress)
            return PhotoRepresentation(task, embedding, f"{encoder.name} {encoder.revision}", "photo_")
        embedding = embed(task.dataset, pretrained, cache_dir=cache, progress=progress)
    except (InputError, MissingExtra) as error:
        named = pretrained is not None
        left = "defaults" if named else "from-scratch defaults"
        warnings.warn(f"{error} The {left} are used instead.", BaselineWarning, stacklevel=4)
        return view_of(task, None, cache, progress) if named else representation(task)
    digest = hashlib.blake2b(np.ascontiguousarray(embedding).data, digest_size=16).hexdigest()
    name = Path(str(pretrained)).name if isinstance(pretrained, str | Path) else type(pretrained[0]).__name__
    return PretrainedRepresentation(task, embedding, f"{name} {digest}")


def _sentences(task: Task, cache: str | Path | None, progress: bool) -> Representation:
    """Words, characters and, where the sentence encoder is installed, its embeddings."""
    from dqkit.baselines.embedding.texts import installed_encoder, text_encoder

    try:
        folder = installed_encoder()
    except MissingExtra:
        return representation(task)  # an extra that nobody asked for
    except InputError as error:
        warnings.warn(f"{error} Words stand alone.", BaselineWarning, stacklevel=5)
        return representation(task)
    from dqkit.baselines.embedding.embed import embed_texts
    from dqkit.baselines.embedding.forecast import sentences_fit
    from dqkit.baselines.embedding.members import SentenceRepresentation

    encoder = text_encoder(folder)
    if not sentences_fit(task.dataset, encoder, task.minutes, task.shelf):
        return representation(task)
    embedding = embed_texts(task.dataset, encoder, None if cache is None else Path(cache), progress=progress)
    return SentenceRepresentation(task, embedding, f"{encoder.name} {encoder.revision}", "sentence_")


def shows_photos(dataset: Dataset) -> bool:
    """Whether the pictures are large enough for a network that was trained on photos: half of them above 48 pixels."""
    if dataset.modality != "image" or not dataset.is_usable.any():
        return False
    if dataset.content.ndim == 4 and dataset.content.shape[3] not in (1, 3, 4):
        return False  # no colours that a person would see
    from dqkit.baselines.embedding.pictures import shorter_edges

    return bool(np.median(shorter_edges(dataset)[dataset.is_usable]) > PHOTO_EDGE)


def starting_point(task: Task, pretrained: Any) -> Start | None:
    """The network that is fine-tuned, loaded before anything is computed; None where no time is left for it."""
    from dqkit.baselines.finetuning.networks import start_of

    return start_of(task, pretrained, photos=shows_photos(task.dataset))


def with_finetuned(task: Task, members: list[Member], start: Start, cache: Path | None) -> list[Member]:
    """The members and the fine-tuned network."""
    from dqkit.baselines.finetuning.member import NAME, finetuned_member

    if any(member.name == NAME for member in members):
        raise InputError(f"estimators must not be named {NAME!r} beside finetune. Give that one another name.")
    return [*members, finetuned_member(task, start, cache)]
