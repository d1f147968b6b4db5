"""Image features without labels: whitened k-means patches, pooled over a grid (Coates & Ng 2011)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 32


@dataclass(frozen=True)
class PatchSettings:
    """size: patch side in pixels. stride: step between patches. words: dictionary size. grid: pooling cells a side."""

    size: int
    stride: int
    words: int
    grid: int
    pad: int
    seed: int = 0


def settings_for(shape: tuple[int, ...], n: int, seed: int) -> PatchSettings:
    """Settings for images of one shape, cheap enough for n of them."""
    side = min(shape[0], shape[1], SIDE)
    if side < 16:
        return PatchSettings(size=min(5, side), stride=1, words=240 if n < 20_000 else 160, grid=2, pad=1, seed=seed)
    return PatchSettings(size=6, stride=2, words=800 if n < 20_000 else 1000, grid=2, pad=0, seed=seed)


def small(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, h, w[, c]) uint8 -> float32 (n, c, h', w') in [0, 1], shrunk by area so that no side is above 32."""
    x = np.asarray(images)
    x = x[..., None] if x.ndim == 3 else x
    n, h, w, c = x.shape
    down = max(1, -(-max(h, w) // SIDE))
    out = x[:, : h // down * down, : w // down * down].astype(np.float32)
    if down > 1:
        out = out.reshape(n, h // down, down, w // down, down, c).mean(axis=(2, 4))
    return np.ascontiguousarray(out.transpose(0, 3, 1, 2)) / np.float32(255)


def _patches(x: NDArray[np.float32], size: int, stride: int) -> NDArray[np.float32]:
    """(n, c, h, w) -> (n, rows, columns, c * size * size)."""
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    n, c, rows, columns = view.shape[:4]
    return view.transpose(0, 2, 3, 1, 4, 5).reshape(n, rows, columns, c * size * size)


def _normalize(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each patch minus its mean, over its deviation (10/255 keeps flat patches from exploding)."""
    patches -= patches.mean(axis=-1, keepdims=True)
    patches /= np.sqrt(np.mean(patches * patches, axis=-1, keepdims=True) + np.float32((10 / 255) ** 2))
    return patches


@dataclass(frozen=True, eq=False)
class Dictionary:
    """What patches are compared with: projection (patch, words) = whitening times unit words, bias (words,)."""

    settings: PatchSettings
    projection: NDArray[np.float32]
    bias: NDArray[np.float32]
    threshold: float


def learn_dictionary(images: NDArray[np.uint8], settings: PatchSettings) -> Dictionary:
    """Whiten random patches of some images and cluster their directions (spherical k-means)."""
    rng = np.random.default_rng(settings.seed)
    picked = np.sort(rng.choice(len(images), size=min(len(images), 1500), replace=False))
    x = _padded(small(images[picked]), settings.pad)
    p = _patches(x, settings.size, 1)
    flat = p.reshape(-1, p.shape[-1])
    wanted = min(len(flat), 24_000)
    flat = _normalize(flat[np.sort(rng.choice(len(flat), size=wanted, replace=False))])
    mean = flat.mean(axis=0)
    covariance = np.cov((flat - mean).astype(np.float64), rowvar=False).reshape(flat.shape[1], -1)
    values, vectors = np.linalg.eigh(covariance)
    white = ((vectors / np.sqrt(np.maximum(values, 0) + 0.05)) @ vectors.T).astype(np.float32)
    w = (flat - mean) @ white
    norms = np.linalg.norm(w, axis=1)
    w = w[norms > 1e-3 * max(float(norms.mean()), 1e-9)]
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    words = (
        _spherical_kmeans(w, min(settings.words, len(w)), rng) if len(w) else np.zeros((1, flat.shape[1]), np.float32)
    )
    projection = np.ascontiguousarray(white @ words.T)
    sample = (flat[:4000] - mean) @ projection
    return Dictionary(settings, projection, (mean @ projection).astype(np.float32), float(sample.std()))


def _spherical_kmeans(w: NDArray[np.float32], k: int, rng: np.random.Generator, rounds: int = 8) -> NDArray[np.float32]:
    centers = w[rng.choice(len(w), size=k, replace=False)].copy()
    for _ in range(rounds):
        nearest = np.argmax(w @ centers.T, axis=1)
        order = np.argsort(nearest, kind="stable")
        present, starts = np.unique(nearest[order], return_index=True)
        sums = np.add.reduceat(w[order], starts, axis=0)
        centers[present] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return centers


def _padded(x: NDArray[np.float32], pad: int) -> NDArray[np.float32]:
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="edge") if pad else x


def patch_features(images: NDArray[np.uint8], dictionary: Dictionary, *, chunk: int = 32) -> NDArray[np.float32]:
    """float32 (n, grid * grid * words): the mean over each grid cell of how far each word exceeds its threshold."""
    s = dictionary.settings
    out: NDArray[Any] | None = None
    for start in range(0, len(images), chunk):
        x = _padded(small(images[start : start + chunk]), s.pad)
        p = _normalize(_patches(x, s.size, s.stride))
        n, rows, columns, width = p.shape
        z = p.reshape(-1, width) @ dictionary.projection
        z -= dictionary.bias + np.float32(0.5 * dictionary.threshold)
        np.maximum(z, 0, out=z)
        z = z.reshape(n, rows, columns, -1)
        if out is None:
            out = np.empty((len(images), s.grid * s.grid * z.shape[-1]), dtype=np.float32)
        cells = [
            z[:, top:bottom, left:right].mean(axis=(1, 2))
            for top, bottom in _cells(rows, s.grid)
            for left, right in _cells(columns, s.grid)
        ]
        out[start : start + n] = np.concatenate(cells, axis=1)
    return np.empty((0, 0), dtype=np.float32) if out is None else np.asarray(out)


def _cells(length: int, grid: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, length, grid + 1).round().astype(int)
    return [(int(a), int(max(b, a + 1))) for a, b in pairwise(edges)]
