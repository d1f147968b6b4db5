"""Kinds of label noise, drawn at random: who errs, where, and towards what.

Every function takes the true labels t (n,), the features x (n, d), the belief q (n, c) of a model that was trained on
the truth (what it finds hard is what people find hard), a rate and a random generator, and returns the given labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

Ints = np.ndarray
Floats = np.ndarray
Rng = np.random.Generator
HIGHEST = 0.72  # of the rate at which a label says nothing


def corrupted(kind: str, t: Ints, x: Floats, q: Floats, rng: Rng) -> Ints:
    """The given labels under one kind of noise, at a rate drawn for it."""
    limit = HIGHEST * (1 - 1 / q.shape[1])
    draw = rng.random()
    rate = (
        rng.uniform(0, 0.08) if draw < 0.25 else rng.beta(1, 2) * limit if draw < 0.85 else rng.uniform(0.3, 1) * limit
    )
    return np.asarray(KINDS[kind](t, x, q, float(rate), rng), np.int64)


def none(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    return t.copy()


def even(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """Any other class alike."""
    c = q.shape[1]
    return moved(t, rng.random(len(t)) < rate, lambda rows: (t[rows] + rng.integers(1, c, len(rows))) % c)


def by_class(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """A matrix decides: rates differ between classes, many cells are zero or nearly so."""
    c = q.shape[1]
    each = rng.gamma(rng.choice([0.7, 2, 20]), 1, c)
    each = np.minimum(each / each[t].mean() * rate, 0.8)
    matrix = rng.gamma(rng.choice([0.1, 0.3, 1, 5]), 1, (c, c)) + 1e-6
    matrix[rng.random((c, c)) < rng.choice([0, 0.2, 0.4, 0.6])] = 1e-9
    np.fill_diagonal(matrix, 0)
    return moved(t, rng.random(len(t)) < each[t], lambda rows: drawn(matrix[t[rows]], rng))


def pairs(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """Some classes are taken for one certain other class."""
    c = q.shape[1]
    ring = rng.random() < 0.5
    other = np.array([(k + 1) % c if ring else rng.choice(np.delete(np.arange(c), k)) for k in range(c)])
    hit = rng.random(c) < rng.uniform(0.2, 1)
    hit[rng.integers(c)] = True
    each = np.where(hit, min(rate * rng.uniform(0.7, 1.3), 0.45), 0)
    return moved(t, rng.random(len(t)) < each[t], lambda rows: other[t[rows]])


def in_doubt(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """Errors gather where the belief doubts the truth, and go where it goes."""
    at = np.arange(len(t))
    chance = scaled((1.02 - q[at, t]) ** rng.uniform(0.4, 2.5), rate, 0.95)
    towards = q + rng.uniform(0.001, 0.03)
    towards[at, t] = 0
    return moved(t, rng.random(len(t)) < chance, lambda rows: drawn(towards[rows], rng))


def boundary(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """The answers of a tempered model, or the rows nearest to the border changed over to its other side."""
    at = np.arange(len(t))
    if rng.random() < 0.5:
        logs = np.log(np.maximum(q, 1e-6)) / rng.uniform(0.5, 2)
        low, high = -8.0, 12.0
        for _ in range(30):
            middle = (low + high) / 2
            wrong = 1 - lifted(logs, t, middle)[at, t].mean()
            low, high = (middle, high) if wrong > rate else (low, middle)
        return drawn(lifted(logs, t, low), rng)
    rest = q.copy()
    rest[at, t] = 0
    rival = rest.argmax(axis=1)
    margin = np.log(q[at, t] + 1e-4) - np.log(rest[at, rival] + 1e-4)
    near = np.argsort(margin + rng.normal(size=len(t)) * rng.uniform(0, 1.5))[: int(rate * len(t))]
    given = t.copy()
    given[near] = rival[near]
    return given


def neighbours(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """A label copied from a row that lies near."""
    from sklearn.neighbors import NearestNeighbors

    n = len(t)
    view = x[:, : max(2, x.shape[1] // 2)]
    k = min(int(rng.integers(3, 30)), n - 1)
    near = t[NearestNeighbors(n_neighbors=k, algorithm="brute").fit(view).kneighbors(view, return_distance=False)]
    mixed = (near != t[:, None]).any(axis=1)
    hit = mixed & (rng.random(n) < min(rate * n / max(mixed.sum(), 1), 0.85))

    def copied(rows: Ints) -> Ints:
        pick = ((near[rows] != t[rows, None]) * rng.random((len(rows), k))).argmax(axis=1)
        return np.asarray(near[rows, pick])

    return moved(t, hit, copied)


def careless(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """Several people, some of whom answer at random, always the same, or half by guess."""
    n, c = q.shape
    given = moved(t, rng.random(n) < rng.uniform(0, 0.06), lambda rows: drawn(q[rows] + 0.01, rng))
    people = int(rng.integers(3, 30))
    who = rng.integers(0, people, n)
    for person in np.flatnonzero(rng.random(people) < min(rate * rng.uniform(1, 2), 0.8)):
        rows = np.flatnonzero(who == person)
        way = rng.random()
        if way < 0.5:
            given[rows] = rng.integers(0, c, len(rows))
        elif way < 0.65:
            given[rows] = rng.integers(c)
        else:
            given[rows] = np.where(rng.random(len(rows)) < 0.6, drawn(q[rows] + 0.05, rng), t[rows])
    return given


def clusters(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """Whole regions are misread, at least in part."""
    n, c = q.shape
    k = int(rng.integers(4, 25))
    centres = x[rng.permutation(n)[:k], :20]
    if n * k < 3e5:
        region = ((x[:, None, :20] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    else:
        region = (x @ rng.normal(size=(x.shape[1], k)).astype(np.float32)).argmax(axis=1)
    given = t.copy()
    for one in rng.permutation(k):
        if (given != t).mean() >= rate:
            break
        rows = np.flatnonzero(region == one)
        given[rows[rng.random(len(rows)) < rng.uniform(0.3, 0.8)]] = rng.integers(c)
    return given


def mixture(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """Rows of one kind among rows of another."""
    one, two = rng.choice(["even", "by_class", "pairs"]), rng.choice(["in_doubt", "person", "boundary", "worst"])
    sides = [KINDS[name](t, x, q, rate, rng) for name in (one, two)]
    return np.where(rng.random(len(t)) < rng.uniform(0.2, 0.8), *sides)


@dataclass(frozen=True, eq=False)
class People:
    """How a group of people errs.

    floor, power: how far errors gather where the belief doubts. hard: (n,) how hard each row is besides. classes: (c,)
    how often each class is missed. matrix: (c, c) which class it is taken for; own: how far the belief decides that
    in its place. sharp, twist (n, c): how much one answer is the common one. cap: highest chance to err.
    """

    floor: float
    power: float
    hard: Floats
    classes: Floats
    matrix: Floats
    own: float
    sharp: float
    twist: Floats
    cap: float

    def answers(self, t: Ints, q: Floats, rate: float, rng: Rng) -> Ints:
        n, c = q.shape
        chance = (1 - q[np.arange(n), t] + self.floor) ** self.power * self.hard * self.classes[t]
        other = np.arange(c) != t[:, None]
        towards = (q + 1e-4) * other
        towards /= towards.sum(axis=1, keepdims=True)
        towards = (self.own * towards + (1 - self.own) * self.matrix[t]) ** self.sharp * self.twist + 1e-12 * other
        hit = rng.random(n) < scaled(chance, rate, self.cap)
        return moved(t, hit, lambda rows: drawn(towards[rows], rng))


def group(t: Ints, q: Floats, rng: Rng) -> People:
    """People whose confusions are those of the belief, more or less."""
    n, c = q.shape
    seen = np.zeros((c, c))
    np.add.at(seen, t, q)
    np.fill_diagonal(seen, 0)
    seen /= np.maximum(seen.sum(axis=1, keepdims=True), 1e-9)
    matrix = seen ** rng.uniform(0.7, 1.5) * rng.gamma(rng.choice([0.5, 1, 5]), 1, (c, c)) + 1e-4
    np.fill_diagonal(matrix, 0)
    return People(
        floor=10 ** rng.uniform(-2, 0),
        power=rng.uniform(0.3, 1.6),
        hard=rng.gamma(1.5, 1, n) ** rng.uniform(0, 1.2),
        classes=np.exp(rng.normal(size=c) * rng.uniform(0, 0.8)),
        matrix=matrix / matrix.sum(axis=1, keepdims=True),
        own=rng.uniform(0, 1),
        sharp=rng.uniform(0.7, 2),
        twist=rng.gamma(1, 1, (n, c)) ** rng.uniform(0, 1),
        cap=rng.uniform(0.6, 0.95),
    )


def person(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """One person's answers."""
    return group(t, q, rng).answers(t, q, rate, rng)


def three(t: Ints, q: Floats, rate: float, rng: Rng) -> Floats:
    """The answers of three people of one group, (3, n)."""
    people, limit = group(t, q, rng), 0.8 * (1 - 1 / q.shape[1])
    out = []
    for _ in range(3):
        own = replace(people, classes=people.classes * np.exp(rng.normal(size=q.shape[1]) * 0.3))
        out.append(own.answers(t, q, min(rate * np.exp(rng.normal() * 0.3), limit), rng))
    return np.stack(out)


def majority(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """What most of three people say."""
    votes = rng.random(q.shape) * 0.5
    for answers in three(t, q, 1.5 * rate + 0.02, rng):
        votes[np.arange(len(t)), answers] += 1
    return votes.argmax(axis=1)


def worst(t: Ints, x: Floats, q: Floats, rate: float, rng: Rng) -> Ints:
    """A wrong answer of three wherever there is one."""
    answers = three(t, q, 0.55 * rate, rng)
    wrong = answers != t
    pick = (wrong * rng.random(wrong.shape)).argmax(axis=0)
    return np.where(wrong.any(axis=0), answers[pick, np.arange(len(t))], t)


KINDS: dict[str, Callable[..., Ints]] = {
    "none": none,
    "even": even,
    "by_class": by_class,
    "pairs": pairs,
    "in_doubt": in_doubt,
    "boundary": boundary,
    "person": person,
    "majority": majority,
    "worst": worst,
    "neighbours": neighbours,
    "careless": careless,
    "clusters": clusters,
    "mixture": mixture,
}


def moved(t: Ints, hit: Floats, to: Callable[[Ints], Ints]) -> Ints:
    rows, given = np.flatnonzero(hit), t.copy()
    given[rows] = to(rows)
    return given


def drawn(weights: Floats, rng: Rng) -> Ints:
    """One column of each row, in proportion to its weights."""
    cut = (weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)).cumsum(axis=1)
    return np.minimum((rng.random(len(cut))[:, None] > cut).sum(axis=1), weights.shape[1] - 1)


def scaled(chance: Floats, rate: float, cap: float) -> Floats:
    """Chances in the same proportion whose mean is the rate, none above the cap."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(np.exp(middle) * chance, cap).mean() < rate else (low, middle)
    return np.minimum(np.exp(low) * chance, cap)


def lifted(logs: Floats, t: Ints, by: float) -> Floats:
    """Softmax of the log probabilities with that of the truth raised."""
    out = logs.copy()
    out[np.arange(len(t)), t] += by
    out = np.exp(out - out.max(axis=1, keepdims=True))
    return out / out.sum(axis=1, keepdims=True)
