"""Query functions of scikit-activeml, small-text and modAL, where installed, under the arguments of `select`.

No peer refits anything: each asks `Fixed`, or a committee of them, for the probabilities that dqkit's strategies get,
so picks differ by the method alone and CPU seconds are those of the query.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np

Query = Callable[..., np.ndarray]

COMMITTEE_PEERS = frozenset(
    {
        "skactiveml QBC KL",
        "skactiveml QBC vote entropy",
        "skactiveml QBC variation ratios",
        "skactiveml GreedyBALD",
        "small-text BALD",
        "modAL vote entropy",
        "modAL consensus entropy",
        "modAL max disagreement",
    }
)


def peers() -> dict[str, Query]:
    """Query functions of the libraries that are installed; those in `COMMITTEE_PEERS` need member_probs."""
    out: dict[str, Query] = {}
    for queries in (skactiveml_queries, small_text_queries, modal_queries):
        with contextlib.suppress(ImportError):
            out.update(queries())
    return out


class Fixed:
    """A classifier that only knows the probabilities of the rows it was made with."""

    def __init__(self, probs: np.ndarray, features: np.ndarray, labeled: np.ndarray) -> None:
        self.known = np.asarray(probs, dtype=np.float64)
        self.features = features
        self.parts = (np.arange(len(features)), np.flatnonzero(~labeled), np.flatnonzero(labeled))

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Positions of the rows: peers ask about all of them, the unlabelled or the labelled ones, in that order."""
        for at in (*self.parts, np.concatenate(self.parts[1:])):
            if len(at) == len(rows) and all(np.array_equal(rows[i], self.features[at[i]]) for i in (0, len(at) // 2)):
                return at
        raise ValueError(f"a peer asked about {len(rows)} rows in an order of its own")

    def predict_proba(self, rows: np.ndarray, **_: object) -> np.ndarray:
        return self.known[self.of(rows)]

    def embed(self, rows: np.ndarray, **_: object) -> tuple[np.ndarray, np.ndarray]:
        """small-text: the features themselves, and their probabilities."""
        return np.asarray(rows), self.predict_proba(rows)


def modal_queries() -> dict[str, Query]:
    from modAL.batch import uncertainty_batch_sampling
    from modAL.disagreement import consensus_entropy_sampling, max_disagreement_sampling, vote_entropy_sampling
    from modAL.uncertainty import entropy_sampling, margin_sampling, uncertainty_sampling

    class Learner(Fixed):
        """What modAL's own learner offers its samplings."""

        on_transformed = False

        def __init__(self, probs, features, labeled) -> None:  # type: ignore[no-untyped-def]
            super().__init__(probs, features, labeled)
            self.X_training = features[labeled]

    class Committee(Learner):
        def __init__(self, probs, members, features, labeled) -> None:  # type: ignore[no-untyped-def]
            super().__init__(probs, features, labeled)
            self.members = members
            self.classes_ = np.arange(members.shape[2])

        def __len__(self) -> int:
            return len(self.members)

        def __iter__(self):  # type: ignore[no-untyped-def]
            return iter(self.members)

        def vote_proba(self, rows, **_: object) -> np.ndarray:  # type: ignore[no-untyped-def]
            return self.members[:, self.of(rows)].transpose(1, 0, 2).astype(np.float64)

        def vote(self, rows, **_: object) -> np.ndarray:  # type: ignore[no-untyped-def]
            return self.vote_proba(rows).argmax(axis=2)

    def bind(sampling: Callable[..., object]) -> Query:
        def query(n, *, features, pred_probs, labeled, labels, seed, member_probs=None) -> np.ndarray:  # type: ignore[no-untyped-def]
            pool = np.flatnonzero(~labeled)
            model = (
                Learner(pred_probs, features, labeled)
                if member_probs is None
                else Committee(member_probs.mean(axis=0), member_probs, features, labeled)
            )
            got = sampling(model, features[pool], n_instances=n)
            return pool[np.asarray(got[0] if isinstance(got, tuple) else got)]

        return query

    return {
        "modAL margin": bind(margin_sampling),
        "modAL entropy": bind(entropy_sampling),
        "modAL least confident": bind(uncertainty_sampling),
        "modAL ranked batch": bind(uncertainty_batch_sampling),
        "modAL vote entropy": bind(vote_entropy_sampling),
        "modAL consensus entropy": bind(consensus_entropy_sampling),
        "modAL max disagreement": bind(max_disagreement_sampling),
    }


def small_text_queries() -> dict[str, Query]:
    from small_text import (
        BALD,
        BreakingTies,
        ContrastiveActiveLearning,
        EmbeddingKMeans,
        GreedyCoreset,
        LeastConfidence,
        LightweightCoreset,
        PredictionEntropy,
    )

    class Dropout(Fixed):
        """The committee in the place of samples by dropout, which a logistic regression has not."""

        def __init__(self, members, features, labeled) -> None:  # type: ignore[no-untyped-def]
            super().__init__(members.mean(axis=0), features, labeled)
            self.members = members

        def predict_proba(self, rows, **_: object) -> np.ndarray:  # type: ignore[no-untyped-def]
            return self.members[:, self.of(rows)].transpose(1, 0, 2).astype(np.float64)

    def bind(make: Callable[[], object]) -> Query:
        def query(n, *, features, pred_probs, labeled, labels, seed, member_probs=None) -> np.ndarray:  # type: ignore[no-untyped-def]
            pool, known = np.flatnonzero(~labeled), np.flatnonzero(labeled)
            np.random.seed(seed % 2**32)  # noqa: NPY002 - small-text draws from the global generator
            model = (
                Fixed(pred_probs, features, labeled)
                if member_probs is None
                else Dropout(member_probs, features, labeled)
            )
            return np.asarray(make().query(model, features, pool, known, labels[known], n=n))  # type: ignore[attr-defined]

        return query

    return {
        "small-text breaking ties": bind(BreakingTies),
        "small-text least confidence": bind(LeastConfidence),
        "small-text entropy": bind(PredictionEntropy),
        "small-text contrastive": bind(lambda: ContrastiveActiveLearning(pbar=None)),
        "small-text coreset": bind(GreedyCoreset),
        "small-text light coreset": bind(LightweightCoreset),
        "small-text k-means": bind(EmbeddingKMeans),
        "small-text BALD": bind(BALD),
    }


def skactiveml_queries() -> dict[str, Query]:
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import (
        Badge,
        Clue,
        ContrastiveAL,
        CoreSet,
        Falcun,
        GreedyBALD,
        MaxHerding,
        ProbabilisticAL,
        ProbCover,
        QueryByCommittee,
        TypiClust,
        UncertaintySampling,
    )

    class Known(SkactivemlClassifier):
        """`Fixed` as a fitted classifier of this library."""

        def __init__(self, fixed=None, classes=None, missing_label=-1, cost_matrix=None, random_state=0) -> None:  # type: ignore[no-untyped-def]
            super().__init__(classes, missing_label, cost_matrix, random_state)
            self.fixed = fixed
            self.classes_ = classes

        def fit(self, X, y, sample_weight=None):  # type: ignore[no-untyped-def]
            return self

        def predict_proba(self, X, **_: object) -> np.ndarray:  # type: ignore[no-untyped-def]
            return np.array(self.fixed.predict_proba(X))

        def predict(self, X, **_: object) -> np.ndarray:  # type: ignore[no-untyped-def]
            return np.asarray(self.predict_proba(X).argmax(axis=1))

        def __deepcopy__(self, memo: object) -> Known:  # the library copies a committee before it asks it
            return self

    def bind(make: Callable[..., object], how: str, **options: object) -> Query:
        def query(n, *, features, pred_probs, labeled, labels, seed, member_probs=None) -> np.ndarray:  # type: ignore[no-untyped-def]
            classes = np.arange(pred_probs.shape[1])
            asked: dict[str, object] = {}
            if how == "committee":
                members = [Known(Fixed(p, features, labeled), classes) for p in member_probs]
                asked = {"ensemble": members, "fit_ensemble": False}
            elif how:
                asked = {how: Known(Fixed(pred_probs, features, labeled), classes), f"fit_{how}": False}
            strategy = make(missing_label=-1, random_state=seed, **options)
            return strategy.query(X=features, y=labels, batch_size=n, **asked)  # type: ignore[attr-defined,no-any-return]

        return query

    return {
        "skactiveml margin": bind(UncertaintySampling, "clf", method="margin_sampling"),
        "skactiveml entropy": bind(UncertaintySampling, "clf", method="entropy"),
        "skactiveml least confident": bind(UncertaintySampling, "clf", method="least_confident"),
        "skactiveml probabilistic AL": bind(ProbabilisticAL, "clf", metric="rbf"),
        "skactiveml contrastive": bind(ContrastiveAL, "clf"),
        "skactiveml CLUE": bind(Clue, "estimator"),
        "skactiveml Falcun": bind(Falcun, "clf"),
        "skactiveml BADGE": bind(Badge, "clf"),
        "skactiveml CoreSet": bind(CoreSet, ""),
        "skactiveml TypiClust": bind(TypiClust, ""),
        "skactiveml ProbCover": bind(ProbCover, ""),
        "skactiveml MaxHerding": bind(MaxHerding, ""),
        "skactiveml QBC KL": bind(QueryByCommittee, "committee", method="KL_divergence"),
        "skactiveml QBC vote entropy": bind(QueryByCommittee, "committee", method="vote_entropy"),
        "skactiveml QBC variation ratios": bind(QueryByCommittee, "committee", method="variation_ratios"),
        "skactiveml GreedyBALD": bind(GreedyBALD, "committee"),
    }
