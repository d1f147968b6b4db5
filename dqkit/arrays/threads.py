"""Threads: how many a piece of work deserves, and work shared out over threads of our own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")

# Below this many samples a matrix product is over before the threads that share it have met: measured on 1,797 digits,
# one thread took a third of the CPU time of two and no longer.
FEW_SAMPLES = 5000
FEW_UNKNOWNS = 1024

# How many threads `own_threads` may use where BLAS itself was told to use one.
_allowed: ContextVar[int | None] = ContextVar("_allowed", default=None)


@contextmanager
def fitting_threads(n: int, *, pooled: bool = False) -> Iterator[None]:
    """One BLAS and OpenMP thread while `n` samples are few; the user's settings come back afterwards.

    pooled: the members share their long work out themselves, in `own_threads`; then one at any n. Between two products
    the threads of BLAS wait by spinning: with two of them, 10,000 images cost 39 CPU seconds, and 22 like this.
    """
    if n >= FEW_SAMPLES and not pooled:
        yield
        return
    token = _allowed.set(1 if n < FEW_SAMPLES else _blas_threads())
    try:
        with _one_each():
            yield
    finally:
        _allowed.reset(token)


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
    threads = _allowed.get() or _blas_threads()
    with _one_each(), ThreadPoolExecutor(threads) as pool:
        yield pool


def in_blocks(work: Callable[[int], object], starts: Sequence[int]) -> None:
    """Do independent parts of one job, each known by where it starts, in `own_threads`; an error in one is raised."""
    if len(starts) < 2:
        for start in starts:
            work(start)
        return
    with own_threads() as pool:
        for _ in pool.map(work, starts):
            pass


@contextmanager
def side_by_side(most: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of one thread a processor, at most so many, in each of which torch computes with that thread alone."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # here too: some of its libraries have one setting for the whole process
    try:
        with ThreadPoolExecutor(
            max(1, min(most, processors())), initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)


def each(call: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Call `call` with every item, several at a time; the first error, an interrupt too, ends the rest.

    Between two short products PyTorch's own threads wait by spinning, which costs as much CPU time as the products do.
    """
    import torch

    before = torch.get_num_threads()
    todo = list(items)
    if before == 1 or len(todo) == 1:
        for item in todo:
            call(item)
        return
    pool = ThreadPoolExecutor(before, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for done in [pool.submit(call, item) for item in todo]:
            done.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        # The number set in a thread is also the one that later threads begin with.
        torch.set_num_threads(before)


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _blas_threads() -> int:
    from threadpoolctl import threadpool_info

    threads = max([info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"], default=1)
    return min(int(threads), processors())


@contextmanager
def _one_each() -> Iterator[None]:
    # The limit reaches only libraries that are loaded: these bring scipy's BLAS and scikit-learn's OpenMP.
    import scipy.linalg  # noqa: F401
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
