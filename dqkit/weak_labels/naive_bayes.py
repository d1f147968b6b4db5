"""Votes weighed by how often each function is right where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqkit.records import ABSTAIN

# A function is taken to be right with this chance before anything is known of it, as Snorkel does, and that counts as
# much as so many votes.
STARTING_ACCURACY = 0.7
STARTING_VOTES = 2


@dataclass(frozen=True, eq=False)
class Known:
    """How the functions did on the dev labels.

    table: (n, functions) votes. labels: (n,), -1 where unknown. rows: those with a label. right, voted: (functions,).
    told: (functions,) False for those that vote for no class that a dev label has: these could only show them wrong.
    """

    table: NDArray[np.int64]
    labels: NDArray[np.int64]
    rows: NDArray[np.intp]
    right: NDArray[np.int64]
    voted: NDArray[np.int64]
    told: NDArray[np.bool_]

    @classmethod
    def of(cls, table: NDArray[np.int64], dev: NDArray[np.int64] | None) -> Known:
        labels = np.full(len(table), ABSTAIN, dtype=np.int64) if dev is None else dev
        rows = np.flatnonzero(labels >= 0)
        votes = table[rows]
        told = np.asarray(np.isin(table, np.unique(labels[rows])).any(axis=0), dtype=bool)
        right = ((votes == labels[rows][:, None]) & told).sum(axis=0)
        return cls(table, labels, rows, right, ((votes != ABSTAIN) & told).sum(axis=0), told)

    def accuracy(self, *, without: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
        """(functions,) accuracies, pulled towards the starting one; or (rows, functions), each row without itself."""
        right, voted = self.right, self.voted
        if without is not None:
            own = self.table[without]
            right = right - ((own == self.labels[without][:, None]) & self.told)
            voted = voted - ((own != ABSTAIN) & self.told)
        return np.asarray((right + STARTING_VOTES * STARTING_ACCURACY) / (voted + STARTING_VOTES), dtype=np.float64)


def naive_bayes(
    table: NDArray[np.int64], cardinality: int, balance: NDArray[np.float64], accuracy: NDArray[np.float64]
) -> NDArray[np.float64]:
    """P(class | votes) for independent functions that are right with chance `accuracy`, else wrong at random.

    accuracy: (functions,), or (n, functions) where it differs from row to row.
    """
    logs = np.tile(np.log(balance), (len(table), 1))
    right = np.log(np.clip(accuracy, 1e-6, 1 - 1e-6))
    wrong = np.log((1 - np.clip(accuracy, 1e-6, 1 - 1e-6)) / (cardinality - 1))
    for c in range(cardinality):
        logs[:, c] += np.where(table == c, right, np.where(table == ABSTAIN, 0.0, wrong)).sum(axis=1)
    probs = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(probs / probs.sum(axis=1, keepdims=True))


def majority(table: NDArray[np.int64], cardinality: int) -> NDArray[np.float64]:
    """Each class's share of the votes in every row; no row abstains throughout.

    >>> majority(np.array([[0, 0, 1], [-1, 1, -1]]), 2).round(2).tolist()
    [[0.67, 0.33], [0.0, 1.0]]
    """
    counts = np.stack([(table == c).sum(axis=1) for c in range(cardinality)], axis=1)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True), dtype=np.float64)
