"""Query functions of scikit-activeml, small-text and modAL, where installed, under the arguments of `select`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
from sklearn.linear_model import LogisticRegression

Query = Callable[..., np.ndarray]


class Fixed:
    """A classifier that only knows the probabilities it was made with; peers ask it instead of refitting."""

    def __init__(self, probs: np.ndarray) -> None:
        self.probs = probs

    def predict_proba(self, rows: object) -> np.ndarray:
        return self.probs


def peers() -> dict[str, Query]:
    """Query functions of the libraries that are installed."""
    out: dict[str, Query] = {}
    for queries in (skactiveml_queries, small_text_queries, modal_queries):
        with contextlib.suppress(ImportError):
            out.update(queries())
    return out


def modal_queries() -> dict[str, Query]:
    from modAL.uncertainty import entropy_sampling, margin_sampling

    def bind(sampling: Callable[..., object]) -> Query:
        def query(n: int, *, features, pred_probs, labeled, labels, seed) -> np.ndarray:  # type: ignore[no-untyped-def]
            pool = np.flatnonzero(~labeled)
            got = sampling(Fixed(pred_probs[pool]), features[pool], n_instances=n)
            return pool[np.asarray(got[0] if isinstance(got, tuple) else got)]

        return query

    return {"modAL margin": bind(margin_sampling), "modAL entropy": bind(entropy_sampling)}


def small_text_queries() -> dict[str, Query]:
    from small_text import BreakingTies, EmbeddingKMeans, GreedyCoreset, LightweightCoreset

    def embedded(kind: type) -> Query:
        def query(n: int, *, features, pred_probs, labeled, labels, seed) -> np.ndarray:  # type: ignore[no-untyped-def]
            pool, known = np.flatnonzero(~labeled), np.flatnonzero(labeled)
            np.random.seed(seed % 2**32)  # noqa: NPY002 - small-text draws from the global generator
            at = kind().sample(None, None, pool, known, labels[known], n, features)
            return np.asarray(at if np.isin(at, pool).all() else pool[at])

        return query

    def ties(n: int, *, features, pred_probs, labeled, labels, seed) -> np.ndarray:  # type: ignore[no-untyped-def]
        pool, known = np.flatnonzero(~labeled), np.flatnonzero(labeled)
        return np.asarray(BreakingTies().query(Fixed(pred_probs), features, pool, known, labels[known], n=n))

    return {
        "small-text breaking ties": ties,
        "small-text coreset": embedded(GreedyCoreset),
        "small-text light coreset": embedded(LightweightCoreset),
        "small-text k-means": embedded(EmbeddingKMeans),
    }


def skactiveml_queries() -> dict[str, Query]:
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import Badge, CoreSet, MaxHerding, ProbCover, TypiClust, UncertaintySampling

    def unsupervised(kind: type) -> Query:
        def query(n: int, *, features, pred_probs, labeled, labels, seed) -> np.ndarray:  # type: ignore[no-untyped-def]
            return kind(missing_label=-1, random_state=seed).query(X=features, y=labels, batch_size=n)

        return query

    def supervised(make: Callable[[int], object]) -> Query:
        def query(n: int, *, features, pred_probs, labeled, labels, seed) -> np.ndarray:  # type: ignore[no-untyped-def]
            classes = np.arange(pred_probs.shape[1])
            model = SklearnClassifier(LogisticRegression(max_iter=1000), classes=classes, missing_label=-1)
            return make(seed).query(X=features, y=labels, clf=model, fit_clf=True, batch_size=n)  # type: ignore[attr-defined]

        return query

    return {
        "skactiveml margin": supervised(
            lambda seed: UncertaintySampling(method="margin_sampling", missing_label=-1, random_state=seed)
        ),
        "skactiveml BADGE": supervised(lambda seed: Badge(missing_label=-1, random_state=seed)),
        "skactiveml CoreSet": unsupervised(CoreSet),
        "skactiveml TypiClust": unsupervised(TypiClust),
        "skactiveml ProbCover": unsupervised(ProbCover),
        "skactiveml MaxHerding": unsupervised(MaxHerding),
    }
