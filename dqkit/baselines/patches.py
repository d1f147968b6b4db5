"""Image features without labels: whitened k-means patches, pooled over a grid (Coates & Ng 2011)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.clusters import lloyd
from dqkit.arrays.threads import in_blocks

SIDE = 32
LARGE = 25_000_000


@dataclass(frozen=True)
class PatchSettings:
    """size: patch side in pixels. stride: step between patches. words: dictionary size. grid: pooling cells a side.

    mirror: features that an image and its mirror image share. Every word gets a mirrored twin, and the response of a
    word in a cell is added to the twin's in the mirrored cell: what mirrored copies would teach, at half the width.
    Colour images only: a mirrored digit is no digit.
    """

    size: int
    stride: int
    words: int
    grid: int
    pad: int
    mirror: bool
    seed: int = 0


def settings_for(shape: tuple[int, ...], seed: int) -> PatchSettings:
    """Settings for (h, w[, c]) images of one shape."""
    left = min(side // by for side, by in zip(shape[:2], _shrink(shape[0], shape[1]), strict=True))
    color = len(shape) == 3 and shape[2] > 1
    if min(shape[:2]) < 16 or left < 6:
        return PatchSettings(size=min(5, left), stride=1, words=240, grid=2, pad=1, mirror=color, seed=seed)
    return PatchSettings(size=6, stride=2, words=300, grid=3, pad=0, mirror=color, seed=seed)


def _shrink(h: int, w: int) -> tuple[int, int]:
    """How many rows and columns become one; of a strip lower than that at least one row is left."""
    down = max(1, -(-max(h, w) // SIDE))
    return min(down, h), min(down, w)


def small(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, h, w[, c]) uint8 -> float32 (n, c, h', w') in [0, 1], shrunk by area so that no side is above 32."""
    x = np.asarray(images)
    x = x[..., None] if x.ndim == 3 else x
    n, h, w, c = x.shape
    a, b = _shrink(h, w)
    out = x[:, : h // a * a, : w // b * b].astype(np.float32)
    if max(a, b) > 1:
        out = out.reshape(n, h // a, a, w // b, b, c).mean(axis=(2, 4))
    return np.ascontiguousarray(out.transpose(0, 3, 1, 2)) / np.float32(255)


def _patches(x: NDArray[np.float32], size: int, stride: int) -> NDArray[np.float32]:
    """(n, c, h, w) -> (n, rows, columns, c * size * size)."""
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    n, c, rows, columns = view.shape[:4]
    return view.transpose(0, 2, 3, 1, 4, 5).reshape(n, rows, columns, c * size * size)


def _normalize(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each patch minus its mean, over its deviation (10/255 keeps flat patches from exploding)."""
    patches = patches - patches.mean(axis=-1, keepdims=True)
    patches /= np.sqrt(np.mean(patches * patches, axis=-1, keepdims=True) + np.float32((10 / 255) ** 2))
    return patches


@dataclass(frozen=True, eq=False)
class Dictionary:
    """What patches are compared with: projection (patch, words) = whitening times unit words; bias (words,)."""

    settings: PatchSettings
    projection: NDArray[np.float32]
    bias: NDArray[np.float32]


def learn_dictionary(images: NDArray[np.uint8], settings: PatchSettings) -> Dictionary:
    """Whiten random patches of some images and cluster their directions (spherical k-means)."""
    rng = np.random.default_rng(settings.seed)
    picked = np.sort(rng.choice(len(images), size=min(len(images), 1500), replace=False))
    x = _padded(small(images[picked]), settings.pad)
    p = _patches(x, settings.size, 1)
    flat = p.reshape(-1, p.shape[-1])
    flat = _normalize(flat[np.sort(rng.choice(len(flat), size=min(len(flat), 24_000), replace=False))])
    if settings.mirror:
        flat = np.concatenate([flat, _mirrored(flat, settings.size)])
        flat = flat[rng.permutation(len(flat))]
    mean = flat.mean(axis=0)
    covariance = np.cov((flat - mean).astype(np.float64), rowvar=False).reshape(flat.shape[1], -1)
    values, vectors = np.linalg.eigh(covariance)
    white = ((vectors / np.sqrt(np.maximum(values, 0) + 0.1)) @ vectors.T).astype(np.float32)
    w = (flat - mean) @ white
    norms = np.linalg.norm(w, axis=1)
    w = w[norms > 1e-3 * max(float(norms.mean()), 1e-9)]
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    words = np.zeros((1, flat.shape[1]), np.float32)
    if len(w):
        first = w[rng.choice(len(w), size=min(settings.words, len(w)), replace=False)].copy()
        words = lloyd(w, first, iterations=8, directions=True)
    if settings.mirror:
        words = np.concatenate([words, _mirrored(words, settings.size)])
    projection = np.ascontiguousarray(white @ words.T)
    spread = float(((flat[:4000] - mean) @ projection).std())
    return Dictionary(settings, projection, (mean @ projection + 0.5 * spread).astype(np.float32))


def _mirrored(patches: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    return patches.reshape(len(patches), -1, size, size)[..., ::-1].reshape(len(patches), -1)


def _padded(x: NDArray[np.float32], pad: int) -> NDArray[np.float32]:
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="edge") if pad else x


def patch_features(images: NDArray[np.uint8], dictionary: Dictionary, *, chunk: int = 8) -> NDArray[np.floating[Any]]:
    """(n, grid * grid * words): the root of the mean over each grid cell of how far each word exceeds its threshold.

    float32, or float16 where float32 would take more than 100 MB; the roots even out a long tail.
    """
    s = dictionary.settings
    words = dictionary.projection.shape[1] // (2 if s.mirror else 1)
    width = s.grid * s.grid * words
    out = np.empty((len(images), width), dtype=np.float32 if len(images) * width < LARGE else np.float16)

    def fill(start: int) -> None:
        p = _normalize(_patches(_padded(small(images[start : start + chunk]), s.pad), s.size, s.stride))
        n, rows, columns, length = p.shape
        z = p.reshape(-1, length) @ dictionary.projection
        z -= dictionary.bias
        np.maximum(z, 0, out=z)
        z = z.reshape(n, rows, columns, -1)
        cells = np.stack(
            [
                np.stack([z[:, a:b, c:d].mean(axis=(1, 2)) for c, d in _cells(columns, s.grid)], axis=1)
                for a, b in _cells(rows, s.grid)
            ],
            axis=1,
        )
        if s.mirror:
            cells = cells[..., :words] + cells[:, :, ::-1, words:]
        out[start : start + n] = np.sqrt(cells.reshape(n, -1))

    in_blocks(fill, range(0, len(images), chunk))
    return out


def patch_features_on(
    device: str, images: NDArray[np.uint8], dictionary: Dictionary, *, chunk: int = 512
) -> NDArray[np.floating[Any]]:
    """What `patch_features` gives, computed by torch on a device; equal up to rounding."""
    import torch
    from torch.nn import functional

    s = dictionary.settings
    projection, bias = (torch.from_numpy(part).to(device) for part in (dictionary.projection, dictionary.bias))
    words = len(bias) // (2 if s.mirror else 1)
    width = s.grid * s.grid * words
    out = np.empty((len(images), width), dtype=np.float32 if len(images) * width < LARGE else np.float16)
    for start in range(0, len(images), chunk):
        raw = torch.from_numpy(np.array(images[start : start + chunk])).to(device)
        x = (raw[:, None] if raw.ndim == 3 else raw.permute(0, 3, 1, 2)).float()
        x = functional.avg_pool2d(x, _shrink(*x.shape[2:])) / 255
        x = functional.pad(x, (s.pad,) * 4, mode="replicate") if s.pad else x
        p = x.unfold(2, s.size, s.stride).unfold(3, s.size, s.stride).permute(0, 2, 3, 1, 4, 5)
        n, rows, columns = p.shape[:3]
        p = p.reshape(n, rows, columns, -1)
        p = p - p.mean(dim=-1, keepdim=True)
        p = p / ((p * p).mean(dim=-1, keepdim=True) + (10 / 255) ** 2).sqrt()
        z = (p @ projection - bias).clamp_(min=0)
        cells = torch.stack(
            [
                torch.stack([z[:, a:b, c:d].mean(dim=(1, 2)) for c, d in _cells(columns, s.grid)], dim=1)
                for a, b in _cells(rows, s.grid)
            ],
            dim=1,
        )
        if s.mirror:
            cells = cells[..., :words] + cells.flip(2)[..., words:]
        out[start : start + n] = cells.reshape(n, -1).sqrt().cpu().numpy()
    return out


def _cells(length: int, grid: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, length, grid + 1).round().astype(int)
    return [(int(a), int(max(b, a + 1))) for a, b in pairwise(edges)]
