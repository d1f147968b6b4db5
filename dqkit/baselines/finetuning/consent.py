"""Whether a call may fine-tune at all: what is refused is refused before anything is computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dqkit.bars import spoken
from dqkit.checks import shown, takes
from dqkit.records import Dataset, InputError, arguments

# Passes over the training pictures at most; the early stop usually ends before.
EPOCHS = 10
# The share of the training pictures that the early stop is decided on is one in so many.
PARTS = 5
# What a step costs beside a look at the picture, on one core in float32: 9.6 ms beside 6.4 ms at 128 pixels.
STEP_COST = 1.5


@takes(dataset=arguments.dataset)
def check_finetune(finetune: object, dataset: Dataset, pretrained: Any, folds: int) -> None:
    """Raise `InputError` where `cross_val_predictions` would refuse to fine-tune.

    Parameters
    ----------
    finetune, pretrained, folds
        As in `cross_val_predictions`.
    dataset : Dataset
        The samples.

    Raises
    ------
    InputError
        Where it is asked for in another way than with False, True or "anyway", for texts or tables, with a network that
        cannot be fine-tuned, or with True where there is no GPU.
    """
    if isinstance(finetune, bool | np.bool_):
        if not finetune:
            return
    elif not (isinstance(finetune, str) and finetune == "anyway"):
        raise InputError(f"finetune must be False, True or 'anyway'; got {shown(finetune)}.")
    if dataset.modality != "image":
        raise InputError(f"finetune must be used with images; got a dataset of {dataset.modality}s. Leave it out.")
    if pretrained is False:
        raise InputError("finetune needs a pretrained network; got pretrained=False. Leave one of the two out.")
    if pretrained is not None and not isinstance(pretrained, str) and not hasattr(pretrained, "__fspath__"):
        raise InputError(
            "finetune must be used with the installed network or with a transformers model, because it has to know the "
            f"last blocks; got pretrained={shown(pretrained)}. Leave finetune out, or give a name or a folder."
        )
    from dqkit.baselines.embedding.encoders import best_device

    if best_device().type == "cpu" and finetune != "anyway":
        raise InputError(
            f"finetune=True needs a GPU, and torch sees none here. {_forecast(dataset, pretrained, folds)} "
            "Pass finetune='anyway' to do it all the same, or leave it out."
        )


def _forecast(dataset: Dataset, pretrained: Any, folds: int) -> str:
    """What it would take here, from 32 timed pictures; without a number for a model that is not at hand."""
    if pretrained is not None or not len(dataset):
        return "On this processor it would take many times as long as everything else."
    import torch

    from dqkit.baselines.embedding import lite0
    from dqkit.baselines.embedding.encoders import lite0_encoder
    from dqkit.baselines.embedding.forecast import SIDES, seconds_each

    exact = replace(lite0_encoder(SIDES[0]), forward=lite0.load(torch.float32), dtype=torch.float32)
    each = seconds_each(dataset, exact)
    rest = 1 - 1 / folds
    looks = EPOCHS * rest * (STEP_COST * (1 - 1 / PARTS) + 1 / PARTS) + 1 / folds
    return f"On this processor it would take up to about {spoken(each * len(dataset) * folds * looks)}."
