"""Real datasets that come with scikit-learn, with planted label noise for demonstrations and tests."""

from __future__ import annotations

from functools import partial

import numpy as np

from dqkit.checks import number, takes, whole_number
from dqkit.datasets.assemble import Columns, GivenLabels, Samples, assemble
from dqkit.records import TEST_SPLIT, UNLABELED, Dataset, InputError

DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SHARE = partial(number, least=0, below=1)


@takes(label_noise=SHARE, unlabeled=SHARE, test_size=SHARE, seed=partial(whole_number, least=0, most=2**32 - 1))
def load_digits(*, label_noise: float = 0.0, unlabeled: float = 0.0, test_size: float = 0.25, seed: int = 0) -> Dataset:
    """Load scikit-learn's 1,797 handwritten digits (8 x 8, grey), with planted label errors.

    Parameters
    ----------
    label_noise : float
        Share in [0, 1) of the given labels outside the test split that are replaced by another class, drawn uniformly.
    unlabeled : float
        Share in [0, 1) of the samples outside the test split whose label is withheld.
    test_size : float
        Share in [0, 1) held out as split "test", stratified; its labels are the true ones.
    seed : int
        The same seed gives the same dataset. The test split depends on nothing else.

    Returns
    -------
    Dataset
        The truth of every sample is in `true_labels`.

    References
    ----------
    E. Alpaydin & C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998, as shipped by scikit-learn.

    Examples
    --------
    >>> ds = load_digits(label_noise=0.1, unlabeled=0.5, seed=0)
    >>> len(ds), ds.content.shape, ds.classes[7]
    (1797, (1797, 8, 8), 'seven')
    """
    from sklearn.datasets import load_digits as sklearn_digits
    from sklearn.model_selection import train_test_split

    bunch = sklearn_digits()
    # The originals hold 17 grey levels, 0 to 16.
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    truth = np.asarray(bunch.target, dtype=np.int64)
    n = len(truth)
    everyone = np.arange(n)
    if test_size:
        try:
            pool, test = train_test_split(everyone, test_size=test_size, stratify=truth, random_state=seed)
        except ValueError as error:  # a part with fewer samples than classes
            raise InputError(f"test_size must leave a digit of each class on both sides; got {test_size:g}.") from error
    else:
        pool, test = everyone, everyone[:0]
    split = np.full(n, "train", dtype=object)
    split[test] = TEST_SPLIT

    # A stream of its own: a caller who draws with the same seed must not draw the flipped samples' order.
    rng = np.random.default_rng([seed, len(DIGIT_NAMES)])
    shuffled = rng.permutation(np.sort(pool))
    withheld = round(unlabeled * len(pool))
    hidden, shown = shuffled[:withheld], shuffled[withheld:]
    flipped = shown[: round(label_noise * len(shown))]
    labels = truth.copy()
    labels[flipped] = (truth[flipped] + rng.integers(1, 10, size=len(flipped))) % 10
    labels[hidden] = UNLABELED
    return assemble(
        Samples(images, "image"),
        GivenLabels(labels, DIGIT_NAMES, true=truth),
        Columns(ids=[f"digit-{i:04d}" for i in range(n)], split=split),
        name="digits",
    )
