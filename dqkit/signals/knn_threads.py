"""Work spread over threads of our own, each with one thread of PyTorch's: nobody spins while NumPy works."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")


def each(call: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Call `call` with every item, several at a time; the first error, an interrupt too, ends the rest.

    Between two short products PyTorch's own threads wait by spinning, which costs as much CPU time as the products do.
    """
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
