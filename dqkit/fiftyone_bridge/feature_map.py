"""The 2-D map of the features, as the FiftyOne brain run "map" that the App's Embeddings panel shows."""

from __future__ import annotations

import hashlib
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dqkit.records import Predictions

Layout = Literal["pca", "tsne"]
MAP_KEY = "map"


def save_map(fo: ModuleType, target: Any, predictions: Predictions, layout: Layout, *, seed: int = 0) -> None:
    """Save (again) the brain run "map" if the features are others than those it was made of."""
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
    placed = {keys[str(i)]: point for i, point in zip(predictions.ids, points, strict=True) if str(i) in keys}
    if target.has_brain_run(MAP_KEY):
        target.delete_brain_run(MAP_KEY)
    brain.compute_visualization(target.select(list(placed)), points=placed, brain_key=MAP_KEY, progress=False)
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
