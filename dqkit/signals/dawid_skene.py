"""Consensus without a model: each annotator's confusion is learned from the agreement with the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS = 100
POOLED_WEIGHT = 1.0  # answers a class that an annotator is assumed to have given as everyone does
MIN_ANSWERS_A_SAMPLE = 4.0
MIN_ANSWERS_A_PERSON = 10.0


def enough_answers(given: NDArray[np.int64]) -> bool:
    """Whether annotators can be told apart: at least 4 answers a sample and 10 a person, on average over those that
    have any. With fewer, EM follows the loudest pattern, and a majority vote is safer."""
    answered = given >= 0
    samples, people = answered.sum(axis=1), answered.sum(axis=0)
    if not answered.any():
        return False
    return bool(
        samples[samples > 0].mean() >= MIN_ANSWERS_A_SAMPLE and people[people > 0].mean() >= MIN_ANSWERS_A_PERSON
    )


def dawid_skene(given: NDArray[np.int64], c: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, c) probabilities of the true class, and (people, c, c) confusions, row = true class, by EM.

    given: (n, people), -1 = not answered. Dawid & Skene 1979; each person's confusion is drawn towards everyone's by
    the weight of one answer a class, so that a person who knows one answer only does not run away with the rest.
    """
    n, people = given.shape
    row, person = np.nonzero(given >= 0)
    answer = given[row, person]
    truth = np.full((n, c), 0.01)
    np.add.at(truth, (row, answer), 1.0)
    truth /= truth.sum(axis=1, keepdims=True)
    confusion = np.tile(np.eye(c), (people, 1, 1))
    for _ in range(STEPS):
        counts = np.zeros((people, c, c))
        np.add.at(counts.transpose(0, 2, 1), (person, answer), truth[row])
        pooled = counts.sum(axis=0) + 0.5
        confusion = counts + POOLED_WEIGHT * c * (pooled / pooled.sum(axis=1, keepdims=True))
        confusion /= confusion.sum(axis=2, keepdims=True)
        prior = truth.mean(axis=0) + 1e-3
        logs = np.tile(np.log(prior / prior.sum()), (n, 1))
        np.add.at(logs, row, np.log(confusion[person, :, answer]))
        new = np.exp(logs - logs.max(axis=1, keepdims=True))
        new /= new.sum(axis=1, keepdims=True)
        settled = float(np.abs(new - truth).max()) < 1e-6
        truth = new
        if settled:
            break
    return truth, confusion
