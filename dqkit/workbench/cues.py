"""The words of a text that speak most for a class, from the texts that carry a label."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dqkit.records import UNLABELED

MOST_TEXTS = 20_000
MOST_WORDS = 50_000
SHOWN = 8
CLEAR = 2.58  # standard errors: below, a word's lean to a class may be chance (1 % of words that lean to none)
WORD = r"(?u)\b\w[\w'’]+\b"


class Cues:
    """Log-odds of every word for every class against the rest, in standard errors (Monroe et al. 2008).

    texts: (n,) strings. labels: (n,) positions of classes, -1 = unlabelled. With many texts the first 20,000 labelled
    ones are counted. Nothing is counted before the first question.

    >>> texts = ["good warm day", "good sun", "good again", "bad rain", "bad cold rain", "rain"] * 20
    >>> Cues(texts, [0, 0, 0, 1, 1, 1] * 20, 2).of("A good day without rain", 0)
    ('good', 'day')
    """

    def __init__(self, texts: Sequence[str], labels: ArrayLike, classes: int) -> None:
        self._texts, self._labels, self._classes = texts, np.asarray(labels), classes

    def of(self, text: str, label: int) -> tuple[str, ...]:
        """At most 8 words of this text, in small letters, that speak clearly for the class, the strongest first."""
        vectorizer, scores = self._counted
        if vectorizer is None or not 0 <= label < len(scores):
            return ()
        columns = {vectorizer.vocabulary_.get(word) for word in vectorizer.build_analyzer()(text)} - {None}
        names = vectorizer.get_feature_names_out()
        strong = sorted((-scores[label, j], names[j]) for j in columns if scores[label, j] >= CLEAR)
        return tuple(str(name) for _, name in strong[:SHOWN])

    @cached_property
    def _counted(self) -> tuple[Any, np.ndarray[Any, Any]]:
        from sklearn.feature_extraction.text import CountVectorizer

        rows = np.flatnonzero(self._labels != UNLABELED)[:MOST_TEXTS]
        vectorizer = CountVectorizer(binary=True, token_pattern=WORD, min_df=2, max_features=MOST_WORDS)
        try:
            counts = vectorizer.fit_transform([str(self._texts[i]) for i in rows])
        except ValueError:  # no word occurs twice
            return None, np.zeros((0, 0))
        has = np.stack([np.asarray(counts[self._labels[rows] == c].sum(axis=0)).ravel() for c in range(self._classes)])
        return vectorizer, log_odds(has.astype(np.float64), np.bincount(self._labels[rows], minlength=self._classes))


def log_odds(has: np.ndarray[Any, Any], size: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(c, words) standardised log-odds that a text of the class has the word, against all other texts; 0.5 is added."""
    rest, others = has.sum(axis=0) - has, (size.sum() - size)[:, None]
    inside, outside = size[:, None] - has + 0.5, others - rest + 0.5
    lean = np.log((has + 0.5) / inside) - np.log((rest + 0.5) / outside)
    error = np.sqrt(1 / (has + 0.5) + 1 / inside + 1 / (rest + 0.5) + 1 / outside)
    return np.asarray(lean / error)
