"""How many threads small data deserve."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

# Below this many samples a matrix product is over before the threads that share it have met: measured on 1,797 digits,
# one thread took a third of the CPU time of two and no longer.
FEW_SAMPLES = 5000
FEW_UNKNOWNS = 1024


@contextmanager
def fitting_threads(n: int) -> Iterator[None]:
    """One BLAS and OpenMP thread while `n` samples are few; the user's settings come back afterwards."""
    if n >= FEW_SAMPLES:
        yield
        return
    with _one_each():
        yield


@contextmanager
def solving_threads(d: int) -> Iterator[None]:
    """One thread while systems of `d` unknowns are solved, unless they are large enough to share."""
    if d >= FEW_UNKNOWNS:
        yield
        return
    with _one_each():
        yield


@contextmanager
def own_threads() -> Iterator[ThreadPoolExecutor]:
    """A pool of as many threads as BLAS would have used, while BLAS has one in each: between two short products its
    own threads would wait by spinning, which costs as much CPU time as the products do."""
    from threadpoolctl import threadpool_info

    threads = max([info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"], default=1)
    with _one_each(), ThreadPoolExecutor(min(threads, os.cpu_count() or 1)) as pool:
        yield pool


@contextmanager
def _one_each() -> Iterator[None]:
    # The limit reaches only libraries that are loaded: these bring scipy's BLAS and scikit-learn's OpenMP.
    import scipy.linalg  # noqa: F401
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
