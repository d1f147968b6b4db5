"""Default members for texts: linear models on word and character TF-IDF, and naive Bayes."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.members import Fitted, Member, Positions, Predict, Scores, Task
from dqkit.baselines.representation import Representation

FEATURE_WIDTH = 100
PENALTIES = (0.1, 0.3, 1.0, 3.0)


class TextRepresentation(Representation):
    """Sparse TF-IDF matrices of words and of character n-grams, learned from the non-test texts without labels."""

    @cached_property
    def texts(self) -> list[str]:
        return [str(text) for text in self.task.dataset.content]

    @cached_property
    def words(self) -> Any:
        """(n, terms) sparse: words and word pairs, rows of length one."""
        return self._terms("words", analyzer="word", ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b|[?!]")

    @cached_property
    def characters(self) -> Any:
        """(n, terms) sparse: character 2- to 4-grams inside words."""
        return self._terms("characters", analyzer="char_wb", ngram_range=(2, 4), max_features=60_000)

    def _terms(self, name: str, **options: Any) -> Any:
        """No label has a part in it, so a later call may find it made."""
        return self.task.shelf.sparse(name, options, lambda: self._tfidf(**options))

    def _tfidf(self, **options: Any) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        seen = self.task.unsupervised
        for floor in (2 if len(seen) > 200 else 1, 1):
            vectorizer = TfidfVectorizer(
                sublinear_tf=True, min_df=floor, dtype=np.float32, strip_accents="unicode", **options
            )
            try:
                if len(seen) == len(self.texts):
                    return vectorizer.fit_transform(self.texts).tocsr()
                vectorizer.fit([self.texts[i] for i in seen])
                return vectorizer.transform(self.texts).tocsr()
            except ValueError:
                continue  # no term is that frequent (or there is no term at all)
        from scipy.sparse import csr_array

        return csr_array((len(self.texts), 1), dtype=np.float32)

    @cached_property
    def features(self) -> NDArray[np.float32]:
        from sklearn.utils.extmath import randomized_svd

        x = self.words
        width = min(FEATURE_WIDTH, min(x.shape) - 1)
        if width < 1:
            return np.asarray(x.toarray(), dtype=np.float32)
        seen = self.task.unsupervised
        _, _, right = randomized_svd(x[seen], min(width, len(seen)), n_iter=3, random_state=self.task.seed % 2**32)
        projected = np.asarray(x @ right.T, dtype=np.float32)
        length = np.linalg.norm(projected, axis=1, keepdims=True)
        return np.asarray(projected / np.maximum(length, 1e-6), dtype=np.float32)

    def members(self) -> list[Member]:
        return [
            _linear(self.task, "words", lambda: self.words),
            _linear(self.task, "characters", lambda: self.characters),
            Member("bayes", lambda fold, seed: _bayes(self.task, self.words, fold), {"model": "naive bayes"}),
        ]


def _linear(task: Task, name: str, matrix: Any) -> Member:
    """Ridge regression on one sparse matrix; the penalty is the best of four on fold 0."""
    chosen: list[float] = []

    def fit(fold: int, seed: int) -> Predict:
        x = matrix()
        if not chosen:
            held = np.flatnonzero(task.folds == 0)
            wanted = np.eye(task.n_classes)[task.y[held]]
            errors = [float(((_ridge(task, x, 0, p)(held) - wanted) ** 2).mean()) for p in PENALTIES]
            chosen.append(PENALTIES[int(np.argmin(errors))])
        return _ridge(task, x, fold, chosen[0])

    return Member(name, fit, {"model": "sparse ridge"})


def _ridge(task: Task, x: Any, fold: int, penalty: float) -> Predict:
    train = task.training(fold)
    rows = x[train]
    targets = np.eye(task.n_classes, dtype=np.float32)[task.y[train]]
    prior = targets.mean(axis=0)
    weights = conjugate_ridge(rows, targets - prior, penalty)

    def predict(at: Positions) -> Scores:
        return np.asarray(x[at] @ weights + prior, dtype=np.float32)

    return Fitted(predict, weights.nbytes)


def conjugate_ridge(x: Any, targets: NDArray[np.float32], penalty: float, *, steps: int = 60) -> NDArray[np.float32]:
    """(d, c) ridge coefficients of a sparse (n, d) matrix by conjugate gradients on all targets at once."""
    xt = x.T.tocsr()
    w = np.zeros((x.shape[1], targets.shape[1]), dtype=np.float32)
    residual = np.asarray(xt @ targets, dtype=np.float32)
    direction = residual.copy()
    power = (residual * residual).sum(axis=0)
    stop = 1e-6 * np.maximum(power, 1e-20)
    for _ in range(steps):
        moved = np.asarray(xt @ (x @ direction), dtype=np.float32) + np.float32(penalty) * direction
        step = power / np.maximum((direction * moved).sum(axis=0), 1e-30)
        w += step * direction
        residual -= step * moved
        after = (residual * residual).sum(axis=0)
        if (after <= stop).all():
            break
        direction = residual + (after / np.maximum(power, 1e-30)) * direction
        power = after
    return w


def _bayes(task: Task, x: Any, fold: int) -> Predict:
    """Multinomial naive Bayes on TF-IDF weights; a class absent from training keeps a small prior."""
    train = task.training(fold)
    targets = np.eye(task.n_classes, dtype=np.float32)[task.y[train]]
    counts = np.asarray(x[train].T @ targets, dtype=np.float64) + 0.1
    weights = np.log(counts / counts.sum(axis=0, keepdims=True))
    weights = (weights - weights.mean(axis=1, keepdims=True)).astype(np.float32)
    prior = np.log((targets.sum(axis=0) + 0.1) / (len(train) + 0.1 * task.n_classes))

    def predict(at: Positions) -> Scores:
        return np.asarray(x[at] @ weights + prior, dtype=np.float32)

    return Fitted(predict, weights.nbytes)
