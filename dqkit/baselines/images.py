"""Default members for images: patch features + ridge, a kernel on pixels, a small network where it is affordable."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.compress import principal, standardize
from dqkit.baselines.kernel import kernel_member
from dqkit.baselines.members import Member, Predict
from dqkit.baselines.patches import (
    SIDE,
    PatchSettings,
    learn_dictionary,
    patch_features,
    patch_features_on,
    settings_for,
    small,
)
from dqkit.baselines.representation import Representation
from dqkit.baselines.ridge import FoldRidge

NETWORK_PIXELS = 500_000
MANY_IMAGES = 60_000
FEATURE_WIDTH = 64
COMPONENTS = 256
FOCUS = 2.0


class ImageRepresentation(Representation):
    """Pixels shrunk to at most 32 a side, patch features on top; shared by all members."""

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """uint8 (n, h, w, c), no side above 32; the dataset's own pixels where they are small enough."""
        content = self.task.dataset.content
        if max(content.shape[1:3]) <= SIDE:
            return np.asarray(content[..., None] if content.ndim == 3 else content)
        parts = [np.rint(small(content[i : i + 4096]) * 255) for i in range(0, len(content), 4096)]
        return np.concatenate([part.astype(np.uint8).transpose(0, 2, 3, 1) for part in parts])

    @property
    def settings(self) -> PatchSettings:
        return settings_for(self.task.dataset.content.shape[1:], self.task.seed)

    @cached_property
    def patches(self) -> NDArray[Any]:
        """(n, d) standardised patch features; no label has a part in them, so a later call may find them made."""
        return self.task.shelf.array("patches", self._made_with, self._patches)

    @property
    def _made_with(self) -> dict[str, Any]:
        return {**asdict(self.settings), "cuda": _has_cuda()}

    def _patches(self) -> NDArray[Any]:
        content, seen = self.task.dataset.content, self.task.unsupervised
        rng = np.random.default_rng(self.task.seed)
        some = np.sort(rng.choice(seen, size=min(len(seen), 3_000), replace=False))
        words = learn_dictionary(np.asarray(content[some]), self.settings)
        x = patch_features_on("cuda", content, words) if _has_cuda() else patch_features(content, words)
        return standardize(x, seen)

    @cached_property
    def components(self) -> NDArray[np.float32]:
        """(n, <= 256) principal components of the patch features."""
        return self.task.shelf.array(
            "components",
            {**self._made_with, "width": COMPONENTS},
            lambda: principal(self.patches, COMPONENTS, rows=self.task.unsupervised, seed=self.task.seed),
        )

    @cached_property
    def features(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.components[:, :FEATURE_WIDTH])

    @cached_property
    def plain(self) -> NDArray[np.float32]:
        """(n, at most 16 x 16 x c) centred pixels, all divided by one number: they keep their relative importance."""
        content = self.task.dataset.content
        parts = [_reduced(small(content[i : i + 4096])) for i in range(0, len(content), 4096)]
        flat = np.concatenate(parts)
        seen = flat[self.task.unsupervised]
        scale = max(float(seen.std(axis=0, dtype=np.float64).mean()), 1e-6)
        flat -= seen.mean(axis=0, dtype=np.float64).astype(np.float32)
        flat /= np.float32(scale)
        return flat

    @cached_property
    def ridge(self) -> FoldRidge:
        return FoldRidge(self.task, self.patches)

    def members(self) -> list[Member]:
        task = self.task
        n, height, width = task.dataset.content.shape[:3]
        tiny = min(height, width) < 16
        few = n * min(height, SIDE) * min(width, SIDE) <= NETWORK_PIXELS
        affordable = few or _has_cuda()
        networks = int(affordable or n > MANY_IMAGES) if task.network is None else int(task.network)
        members = [self.patch_member()]
        if affordable or n <= MANY_IMAGES or not networks:
            members.append(kernel_member(task, lambda: self.plain if tiny else self.components))
        members += self.networks(networks, few=few)
        if not affordable:
            members += [self._part(name, half) for half, name in enumerate(("patches_a", "patches_b"))]
        return members

    def patch_member(self) -> Member:
        """Ridge regression on the patch features."""
        settings = {"model": "patch ridge", **asdict(self.settings)}
        return Member("patches", lambda fold, seed: self.ridge.fit(fold), settings)

    def networks(self, count: int, *, few: bool) -> list[Member]:
        """So many networks that differ by their seeds; they share the images on the device."""
        if not count:
            return []
        from dqkit.baselines.network.architecture import best_device
        from dqkit.baselines.network.architecture import settings_for as network_settings
        from dqkit.baselines.network.member import network_members

        task = self.task
        n, height, width = task.dataset.content.shape[:3]
        sides = (min(height, SIDE), min(width, SIDE))
        chosen = network_settings(sides, n, flip=self.settings.mirror, device=best_device(), few=few)
        chosen = replace(
            chosen, balanced=task.imbalance == "weighted", focal=FOCUS if task.imbalance == "focal" else 0.0
        )
        return network_members(task, lambda: self.pixels, chosen, count)

    def _part(self, name: str, half: int) -> Member:
        """A ridge over a random half of the patch features: another view at little cost."""

        def fit(fold: int, seed: int) -> Predict:
            order = np.random.default_rng(self.task.seed).permutation(self.patches.shape[1])
            return self.ridge.fit(fold, columns=np.sort(order[half::2]))

        return Member(name, fit, {"model": "patch ridge, half of the columns", "half": half})


def _reduced(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, c, h, w) -> (n, pixels), two by two pixels added up while both sides are above 16."""
    while x.shape[2] > 16 and x.shape[3] > 16:
        h, w = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
        x = x[:, :, :h:2, :w:2] + x[:, :, 1:h:2, :w:2] + x[:, :, :h:2, 1:w:2] + x[:, :, 1:h:2, 1:w:2]
    return x.reshape(len(x), -1)


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()
