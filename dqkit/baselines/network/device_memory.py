"""A fit that asks for less of the device's memory until it has enough."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar, runtime_checkable

import torch


@runtime_checkable
class Batched(Protocol):
    """Settings, a frozen dataclass, that say how many images are trained on at once."""

    @property
    def batch(self) -> int:
        """Images at once."""
        ...


Settings = TypeVar("Settings", bound=Batched)
Fit = TypeVar("Fit")


def until_it_fits(
    fit: Callable[[Settings], Fit], settings: Settings, doing: str, *, least: int
) -> tuple[Fit, Settings]:
    """What `fit` gives, and the settings it was given with.

    Out of device memory, the batch is halved, a warning says so, and the fit starts again; at `least` images the error
    goes on.
    """
    now = settings
    while True:
        try:
            return fit(now), now
        except torch.cuda.OutOfMemoryError:
            if now.batch <= least:
                raise
        # The failed fit and its tensors are gone by now: what they held can be handed out again.
        torch.cuda.empty_cache()
        now = replace(now, batch=now.batch // 2)  # type: ignore[type-var]
        warnings.warn(f"out of device memory: {doing} on batches of {now.batch} images", stacklevel=3)
