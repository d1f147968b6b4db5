"""Default members for images: patch features + ridge, a kernel on pixels, a small network where it is affordable."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.compress import principal, standardize
from dqkit.baselines.defaults import Representation
from dqkit.baselines.kernel import kernel_member
from dqkit.baselines.members import Member, Predict
from dqkit.baselines.patches import learn_dictionary, patch_features, settings_for, small
from dqkit.baselines.ridge import FoldRidge

NETWORK_PIXELS = 500_000
FEATURE_WIDTH = 64


class ImageRepresentation(Representation):
    """Pixels shrunk to at most 32 a side, patch features on top; shared by all members."""

    @cached_property
    def pixels(self) -> NDArray[np.float32]:
        """(n, c, h, w) in [0, 1]."""
        return small(self.task.dataset.content)

    @cached_property
    def patches(self) -> NDArray[np.float32]:
        """(n, d) standardised patch features (square roots even out their long tail)."""
        content, seen = self.task.dataset.content, self.task.unsupervised
        settings = settings_for(self.pixels.shape[2:], len(content), self.task.seed)
        rng = np.random.default_rng(self.task.seed)
        some = np.sort(rng.choice(seen, size=min(len(seen), 3_000), replace=False))
        x = patch_features(content, learn_dictionary(np.asarray(content[some]), settings))
        np.sqrt(x, out=x)
        return standardize(x, seen)

    @cached_property
    def features(self) -> NDArray[np.float32]:
        task = self.task
        return principal(self.patches, FEATURE_WIDTH, rows=task.unsupervised, seed=task.seed)

    @cached_property
    def plain(self) -> NDArray[np.float32]:
        """(n, at most 16 x 16 x c) centred pixels, all divided by one number: they keep their relative importance."""
        x = self.pixels
        while x.shape[2] > 16 and x.shape[3] > 16:
            h, w = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
            x = x[:, :, :h:2, :w:2] + x[:, :, 1:h:2, :w:2] + x[:, :, :h:2, 1:w:2] + x[:, :, 1:h:2, 1:w:2]
        flat = x.reshape(len(x), -1)
        seen = flat[self.task.unsupervised]
        scale = max(float(seen.std(axis=0, dtype=np.float64).mean()), 1e-6)
        return np.asarray((flat - seen.mean(axis=0, dtype=np.float64)) / scale, dtype=np.float32)

    @cached_property
    def ridge(self) -> FoldRidge:
        return FoldRidge(self.task, self.patches)

    def members(self) -> list[Member]:
        task = self.task
        shape = self.pixels.shape
        notes = asdict(settings_for(shape[2:], len(task.dataset), task.seed))
        members = [
            Member("patches", lambda fold, seed: self.ridge.fit(fold), {"model": "patch ridge", **notes}),
            kernel_member(task, lambda: self.plain),
        ]
        if shape[0] * shape[2] * shape[3] <= NETWORK_PIXELS or _has_cuda():
            from dqkit.baselines.network import NetworkSettings, network_member

            settings = NetworkSettings(flip=shape[1] > 1, shift=1 if shape[2] < 16 else 2)
            members.append(network_member(task, self.pixels, settings))
        else:
            members += [self._part(name, half) for half, name in enumerate(("patches_a", "patches_b"))]
        return members

    def _part(self, name: str, half: int) -> Member:
        """A ridge over a random half of the patch features: another view at little cost."""

        def fit(fold: int, seed: int) -> Predict:
            order = np.random.default_rng(self.task.seed).permutation(self.patches.shape[1])
            return self.ridge.fit(fold, columns=np.sort(order[half::2]))

        return Member(name, fit, {"model": "patch ridge, half of the columns", "half": half})


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()
