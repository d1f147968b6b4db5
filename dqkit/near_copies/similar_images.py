"""Groups of images that are nearly the same picture, without comparing every pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.components import linked_groups
from dqkit.checks import as_array, seed_number
from dqkit.errors import InputError

_SIDE = 16
_TABLES, _PROJECTIONS = 12, 10
_WIDTH = 0.8
_APART = 0.15
_FLAT = 2 / 255
_AT_ONCE = 4096


def similar_images(images: NDArray[np.uint8], *, seed: int = 0) -> NDArray[np.int64]:
    """Group images that are nearly the same picture, without comparing every pair.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, h, w) or (n, h, w, channels)
        The pictures.
    seed : int
        For the random projections.

    Returns
    -------
    ndarray of int64, shape (n,)
        The group of each image, numbered from 0 by its first image; -1 for images in no group.

    Notes
    -----
    Two images are linked where their grey pictures of at most 16 x 16 pixels differ by no more than 0.15 times the
    smaller one's contrast (root mean square): the same file saved again, scaled, or a little brighter. Nearly uniform
    images are in no group. Only images that fall into one cell of one of 12 random grids over 10 random projections are
    compared, so the time is linear in n.

    References
    ----------
    M. Datar et al., Locality-Sensitive Hashing Scheme Based on p-Stable Distributions, SoCG 2004.
    """
    images = as_array("images", images, shape="(n, height, width) or (n, height, width, channels)")
    if images.ndim not in (3, 4) or images.dtype != np.uint8 or 0 in images.shape[1:]:
        raise InputError(
            f"images must be uint8 (n, height, width) or (n, height, width, channels); got {images.dtype} of shape "
            f"{images.shape}."
        )
    seed = seed_number(seed)
    n = len(images)
    small = np.concatenate([_grey(images[start : start + _AT_ONCE]) for start in range(0, n, _AT_ONCE)] or [_NONE])
    contrast = small.std(axis=1)
    some = np.flatnonzero(contrast > _FLAT)
    left: list[NDArray[np.int64]] = []
    right: list[NDArray[np.int64]] = []
    if len(some) > 1:
        shape = (small[some] - small[some].mean(axis=1, keepdims=True)) / contrast[some][:, None]
        rng = np.random.default_rng(seed)
        for _ in range(_TABLES):
            line = rng.standard_normal((shape.shape[1], _PROJECTIONS)).astype(np.float32)
            along = shape @ line
            spread = np.maximum(along.std(axis=0), 1e-6)
            cell = np.floor(along / (_WIDTH * spread) + rng.random(_PROJECTIONS)).astype(np.int64)
            order = np.lexsort((along[:, 0], *cell.T))
            a, b = order[:-1], order[1:]
            same = (cell[a] == cell[b]).all(axis=1)
            a, b = some[a[same]], some[b[same]]
            # The grey level must agree as well: a brighter copy differs by its level, which counts.
            apart = np.sqrt(np.square(small[a] - small[b]).mean(axis=1))
            near = apart <= _APART * np.minimum(contrast[a], contrast[b])
            left.append(a[near])
            right.append(b[near])
    none = np.zeros(0, dtype=np.int64)
    return linked_groups(n, np.concatenate([none, *left]), np.concatenate([none, *right]))


_NONE = np.zeros((0, 1), dtype=np.float32)


def _grey(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, pixels) grey levels in [0, 1], no side above 16, each the mean of its area."""
    x = np.asarray(images)
    grey = x.mean(axis=3, dtype=np.float32) if x.ndim == 4 else x.astype(np.float32)
    for axis in (1, 2):
        side = grey.shape[axis]
        if side > _SIDE:
            edges = np.arange(_SIDE) * side // _SIDE
            size = np.diff(np.append(edges, side)).astype(np.float32)
            grey = np.add.reduceat(grey, edges, axis=axis)
            grey /= size.reshape([-1 if at == axis else 1 for at in range(3)])
    return grey.reshape(len(grey), -1) / np.float32(255)
