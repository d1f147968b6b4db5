"""How many threads small data deserve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# Below this many samples a matrix product is over before the threads that share it have met: measured on 1,797 digits,
# one thread took a third of the CPU time of two and no longer.
FEW_SAMPLES = 5000


@contextmanager
def fitting_threads(n: int) -> Iterator[None]:
    """One BLAS and OpenMP thread while `n` samples are few; the user's settings come back afterwards."""
    if n >= FEW_SAMPLES:
        yield
        return
    # The limit reaches only libraries that are loaded: these bring scipy's BLAS and scikit-learn's OpenMP.
    import scipy.linalg  # noqa: F401
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
