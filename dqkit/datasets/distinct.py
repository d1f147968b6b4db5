"""Whether a million texts differ, told without making a Python string of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

_LONGEST = 64
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio: every bit of a word reaches the upper half


def surely_distinct(texts: pd.Series[Any]) -> bool:
    """Whether the texts of a column of pandas' text type are all different; False where that must be looked at.

    Texts of different hashes differ. Where two hashes are the same, a text is missing or one is longer than 64 bytes,
    the answer is False.

    >>> surely_distinct(pd.Series(["a", "b", "bb"], dtype="str")), surely_distinct(pd.Series(["a", "a"], dtype="str"))
    (True, False)
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pa.array(texts, type=pa.large_string())
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not len(column) or column.null_count:
        return False
    lengths = pc.binary_length(column)
    shortest, longest = pc.min(lengths).as_py(), pc.max(lengths).as_py()
    if longest > _LONGEST or not longest:
        return False
    if shortest != longest:
        if pc.any(pc.ends_with(column, "\0")).as_py():
            return False
        column = pc.utf8_rpad(column, width=longest, padding="\0")
    ends = np.frombuffer(column.buffers()[1], np.int64)[column.offset : column.offset + len(column) + 1]
    raw = np.frombuffer(column.buffers()[2], np.uint8)[ends[0] : ends[-1]]
    if len(raw) != len(column) * longest:  # characters of more than one byte
        return False
    width = -(-longest // 8)
    words = np.zeros((len(column), 8 * width), np.uint8)
    words[:, :longest] = raw.reshape(len(column), longest)
    numbers = words.view(">u8").astype(np.uint64)
    if _ascending(numbers):
        return True
    hashes = _hashed(numbers)
    hashes.sort()
    return not bool((hashes[1:] == hashes[:-1]).any())


def _ascending(words: np.ndarray[Any, np.dtype[np.uint64]]) -> bool:
    """Whether each row comes after the one before it, word by word: such ids need not be hashed and sorted."""
    after = np.zeros(len(words) - 1, dtype=bool)
    for k in range(words.shape[1] - 1, -1, -1):
        before, now = words[:-1, k], words[1:, k]
        after = (now > before) | ((now == before) & after)
    return bool(after.all())


def _hashed(words: np.ndarray[Any, np.dtype[np.uint64]]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """One number a row of numbers; of one number a row, the number itself."""
    out = words[:, 0].copy()
    for k in range(1, words.shape[1]):
        out *= _ODD
        out ^= out >> np.uint64(29)
        out += words[:, k]
    return out
