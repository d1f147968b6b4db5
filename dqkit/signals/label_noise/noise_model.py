"""How labels were corrupted, and what the truth then looks like: the noise model behind `label_errors`.

Out-of-sample probabilities of a network trained on noisy labels estimate P(given label | x), not P(true label | x).
With class-dependent noise the two are tied by a matrix: P(given | x) = P(true | x) T, T[t, g] = P(given g | true t)
(Patrini et al. 2017, "forward correction"; Northcutt et al. 2021, "confident learning"). This file estimates T from the
rows whose class is clear, and divides it out again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

FLOOR = 1e-4
FIT_ROWS = 50_000  # enough to place every entry of T and one exponent; more rows cost time and change nothing
BLOCK_VALUES = 2_000_000
UNMIX_STEPS = 12
UNMIX_VALUES = 100_000  # three such arrays stay in a processor's cache through all the steps
ROUNDS = 3


def row_blocks(n: int, c: int, *, values: int = BLOCK_VALUES) -> Iterator[slice]:
    """Slices of rows whose (rows, c) arrays hold about so many values: a few megabytes by default."""
    step = max(values // max(c, 1), 1)
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def normalized(values: NDArray[np.floating]) -> Floats:
    """Rows divided by their sums."""
    rows: Floats = np.asarray(values / values.sum(axis=-1, keepdims=True), dtype=np.float32)
    return rows


def member_weights(given_probs: NDArray[np.float64], *, steps: int = 300) -> NDArray[np.float64]:
    """(m,) mixture weights that make the given labels most likely, by EM; `given_probs` is (m, n): P_m(given | x).

    The probabilities are out of sample, so this is a cross-validated choice (van der Laan et al. 2007, super learner).
    """
    m = len(given_probs)
    weights = np.full(m, 1.0 / m)
    if m == 1 or given_probs.shape[1] == 0:
        return weights
    likelihood = np.maximum(given_probs, 1e-6)
    for _ in range(steps):
        new = weights * (likelihood @ (1.0 / (weights @ likelihood))) / likelihood.shape[1]
        settled = float(np.abs(new - weights).max()) < 1e-5
        weights = new
        if settled:
            break
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def floor_of(probs: Floats) -> float:
    """The probability that no class falls below, whatever the row: 0.98 times the 2 % quantile of the rows' smallest.

    Calibration against noisy labels mixes an even share into every row (dqkit's own baselines do): even noise that the
    probabilities hold already. Left in, it caps the odds against a label, and a noise matrix then outweighs them.
    """
    return 0.98 * float(np.quantile(probs.min(axis=1), 0.02)) if len(probs) else 0.0


def without_floor(probs: Floats, floor: float) -> Floats:
    """(k, c) the same rows with the floor taken off every class and scaled to sum to one again."""
    lowered = np.maximum(probs - np.float32(floor), np.float32(1e-6))
    return np.asarray(lowered / lowered.sum(axis=1, keepdims=True), dtype=np.float32)


def sharpen(probs: NDArray[np.floating], exponent: float) -> Floats:
    """Each row raised to `exponent` and normalised again (exponent = 1 / temperature)."""
    floored = np.maximum(np.asarray(probs, dtype=np.float32), np.float32(FLOOR))
    if exponent != 1.0:
        logs = np.log(floored) * np.float32(exponent)
        logs -= logs.max(axis=1, keepdims=True)
        floored = np.maximum(np.exp(logs), np.float32(1e-9))
    return normalized(floored)


def best_exponent(probs: NDArray[np.floating], given: Ints) -> float:
    """The exponent in [0.3, 3.3] whose sharpened rows make the given labels most likely (temperature, Guo et al.
    2017)."""
    logs = np.log(np.maximum(np.asarray(probs, dtype=np.float32), np.float32(FLOOR)))
    logs -= logs.max(axis=1, keepdims=True)
    at_given = logs[np.arange(len(given)), given]
    best, lowest = 1.0, np.inf
    for exponent in np.exp(np.linspace(-1.2, 1.2, 17)):
        loss = float((np.log(np.exp(exponent * logs).sum(axis=1)) - exponent * at_given).mean())
        if loss < lowest - 1e-9:
            best, lowest = float(exponent), loss
    return best


def unmix(probs: Floats, matrix: NDArray[np.floating], *, steps: int = UNMIX_STEPS) -> Floats:
    """(n, c) P(true | x) such that its product with `matrix` is near `probs`: Richardson-Lucy (EM) steps from
    `probs`."""
    if np.array_equal(matrix, np.eye(len(matrix))):
        return probs
    forward = np.ascontiguousarray(matrix, dtype=np.float32)
    backward = np.ascontiguousarray(forward.T)
    out = np.empty(probs.shape, dtype=np.float32)
    for rows in row_blocks(*probs.shape, values=UNMIX_VALUES):
        p = probs[rows]
        q = p.copy()
        mixed, gain = np.empty_like(p), np.empty_like(p)
        # A step keeps the sums of the rows, so that they need not be divided out between steps.
        for _ in range(steps):
            np.matmul(q, forward, out=mixed)
            np.maximum(mixed, np.float32(1e-9), out=mixed)
            np.divide(p, mixed, out=mixed)
            np.matmul(mixed, backward, out=gain)
            q *= gain
        np.divide(q, q.sum(axis=1, keepdims=True), out=out[rows])
    return out


def clear_matrix(clean: Floats, given: Ints, *, share: float = 0.5, at_least: int = 30) -> NDArray[np.float64]:
    """(c, c) noise matrix counted on the clearer half of each predicted class.

    The clear half, not all rows: where the model is unsure, its own mistakes would be booked as label noise. Counts are
    shrunk towards the overall noise rate spread evenly, by the weight of five rows a class.
    """
    c = clean.shape[1]
    predicted = clean.argmax(axis=1)
    confidence = clean[np.arange(len(clean)), predicted]
    counts = np.zeros((c, c))
    order = np.lexsort((-confidence, predicted))
    starts = np.searchsorted(predicted[order], np.arange(c + 1))
    for k in range(c):
        rows = order[starts[k] : starts[k + 1]]
        keep = min(len(rows), max(int(np.ceil(share * len(rows))), at_least))
        counts[k] = np.bincount(given[rows[:keep]], minlength=c)
    return _shrunk(counts, weight=5.0)


def overall_matrix(clean: Floats, given: Ints) -> NDArray[np.float64]:
    """(c, c) shares of given labels by predicted class over all rows."""
    c = clean.shape[1]
    counts = np.zeros((c, c))
    np.add.at(counts, (clean.argmax(axis=1), given), 1.0)
    counts += 0.5 * np.eye(c) + 0.01
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _shrunk(counts: NDArray[np.float64], *, weight: float) -> NDArray[np.float64]:
    c = len(counts)
    rate = 1.0 - float(np.trace(counts)) / max(float(counts.sum()), 1.0)
    prior = np.full((c, c), rate / (c - 1))
    np.fill_diagonal(prior, 1.0 - rate)
    mixed = counts + weight * prior + 1e-3
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))


def fit_matrix(probs: Floats, given: Ints) -> tuple[NDArray[np.float64], Floats]:
    """The noise matrix of the clear rows and the unmixed probabilities, found in alternation."""
    clean = probs
    matrix = np.eye(probs.shape[1])
    for _ in range(ROUNDS):
        matrix = clear_matrix(clean, given)
        clean = unmix(probs, matrix)
    return matrix, clean


def fit_sample(rows: NDArray[np.floating], given: Ints, seed: int, *, limit: int = FIT_ROWS) -> NDArray[np.intp]:
    """Positions of at most `limit` rows, picked by what they hold and not by where they stand."""
    n, c = rows.shape
    if n <= limit:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    along = rng.uniform(1e3, 2e3, size=c)
    offset = rng.uniform(0.0, 1.0, size=c)
    key = np.empty(n)
    labels: NDArray[np.float64] = np.asarray(offset)[given]
    for block in row_blocks(n, c):
        key[block] = np.mod((rows[block] * along).sum(axis=1) + labels[block], 1.0)
    return np.sort(np.argsort(key, kind="stable")[:limit])


def transition_matrix(true: Ints, given: Ints, c: int) -> NDArray[np.float64]:
    """(c, c) shares of the given labels by true class; a class no row is thought to belong to keeps its own label."""
    counts = np.bincount(true * c + given, minlength=c * c).reshape(c, c).astype(np.float64)
    empty = counts.sum(axis=1) == 0
    counts[empty, np.flatnonzero(empty)] = 1.0
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))
