from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from dqkit.baselines.memory import MemoryWatch

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what is held at the moment")


def filled(megabytes: int) -> np.ndarray:
    return np.ones((megabytes, 2**20), dtype=np.uint8)


@linux
def test_memory_that_was_taken_and_given_back_is_counted() -> None:
    with MemoryWatch() as watch:
        rows = filled(200)
        time.sleep(0.05)
        del rows
    assert 190 < watch.peak_mb < 260


@linux
def test_memory_held_before_is_not_counted_even_if_it_was_a_record() -> None:
    record = filled(300)
    del record
    kept = filled(100)
    with MemoryWatch() as watch:
        rows = filled(50)
        time.sleep(0.05)
    assert 40 < watch.peak_mb < 90
    assert len(kept) + len(rows) == 150
