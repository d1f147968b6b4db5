"""The features in FiftyOne: their 2-D map for the App's Embeddings panel, and themselves, to sort by similarity."""

from __future__ import annotations

import hashlib
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dqkit.records import Predictions

Layout = Literal["pca", "tsne"]
MAP_KEY = "map"
SIMILAR_KEY = "similar"
MOST_VALUES = 25_000_000  # beyond, the features take longer to store than all the rest of a push


def save_map(fo: ModuleType, target: Any, predictions: Predictions, layout: Layout, *, seed: int = 0) -> None:
    """Save (again) the brain runs "map" and "similar" if the features are others than those they were made of.

    similar: the features themselves, for the App's "sort by similarity"; left out above 25 million values.
    """
    if predictions.features is None or len(predictions.ids) < 3:
        return
    features = np.ascontiguousarray(predictions.features, dtype=np.float32)
    ids = "\n".join(str(i) for i in predictions.ids)
    fingerprint = hashlib.sha1(features.tobytes() + f"{layout}{seed}{ids}".encode()).hexdigest()
    if target.info["dqkit"].get("map") == fingerprint and target.has_brain_run(MAP_KEY):
        return
    import fiftyone.brain as brain

    keys = dict(zip(*target.values(["dqkit_id", "id"]), strict=True))
    points = map_points(features, layout=layout, seed=seed)
    at = [row for row, sample_id in enumerate(predictions.ids) if str(sample_id) in keys]
    chosen = target.select([keys[str(predictions.ids[row])] for row in at], ordered=True)
    for key in (MAP_KEY, SIMILAR_KEY):
        if target.has_brain_run(key):
            target.delete_brain_run(key)
    brain.compute_visualization(chosen, points=points[at], brain_key=MAP_KEY, progress=False)
    if features.size <= MOST_VALUES:
        brain.compute_similarity(
            chosen,
            embeddings=features[at],
            brain_key=SIMILAR_KEY,
            backend="sklearn",
            metric="euclidean",
            progress=False,
        )
    target.info["dqkit"]["map"] = fingerprint
    target.save()


def map_points(features: NDArray[np.float32], *, layout: Layout = "pca", seed: int = 0) -> NDArray[np.float64]:
    """Two coordinates per row of (n, d) features, alike rows near each other; the same for the same seed.

    "pca": the two directions of most variance, in a moment. "tsne": neighbourhoods kept (van der Maaten & Hinton
    2008) on the 50 first directions; minutes above some thousand rows.

    >>> map_points(np.eye(4, dtype=np.float32)).shape
    (4, 2)
    """
    from sklearn.decomposition import PCA

    n, d = features.shape
    wide = np.nan_to_num(features) if d > 1 else np.column_stack([np.nan_to_num(features), np.zeros(n)])
    kept = min(n, wide.shape[1], 50 if layout == "tsne" else 2)
    points = PCA(kept, svd_solver="randomized", random_state=seed).fit_transform(wide)
    if layout == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(30.0, (n - 1) / 3)
        points = TSNE(2, init="pca", perplexity=perplexity, random_state=seed).fit_transform(points)
    return np.asarray(points[:, :2], dtype=np.float64)
