"""Split columns of any spelling: names, booleans and the numbers of folds."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.datasets.conversion import call_foreign, column, missing, nested
from dqkit.records import TEST_SPLIT, InputError

TRAIN_SPLIT = "train"
TRAIN_WORDS = frozenset({"train", "training", "trn", "trainset", "train set", "training set"})
TEST_WORDS = frozenset(
    {"test", "testing", "tst", "testset", "test set", "holdout", "hold out", "held out", "heldout"}
    | {"eval", "evaluate", "evaluation"}
)
VALIDATION_WORDS = frozenset(
    {"val", "valid", "validate", "validation", "validation set", "dev", "devel", "development"}
)
SPLIT_WORDS = TRAIN_WORDS | TEST_WORDS | VALIDATION_WORDS
_MOST, _SAMPLE = 12, 500
_TRUE, _FALSE = frozenset({"true", "yes", "y", "1", "1.0"}), frozenset({"false", "no", "n", "0", "0.0"})


def split_names(split: ArrayLike | None, *, n: int, name: str = "") -> tuple[NDArray[np.object_], tuple[str, ...]]:
    """(n,) split names, and what had to be decided.

    Missing ones are "train"; "train" and "test" are known however they are spelled; other names stay as they are.
    name: the column that they come from; a column of yes and no is understood where its name says of what
    ("is_test", "in_train"). Numbers are folds: none of them is held out for test.
    Raises `InputError` for yes and no without such a name.
    """
    if split is None:
        names = np.empty(n, dtype=object)
        names.fill(TRAIN_SPLIT)  # np.full would make a text of each entry first
        return names, ()
    values = column("split", split, n=n)
    gone = missing(values)
    at, found = call_foreign("split", lambda: pd.factorize(values), rule="the name of one split for each sample")
    distinct = list(found)
    words = {_text(v).casefold() for v in distinct} - {""}
    booleans = values.dtype.kind == "b" or any(isinstance(v, bool | np.bool_) for v in distinct)
    member = _member(name)
    if words and words <= _TRUE | _FALSE and (booleans or member or words & {"true", "false", "yes", "no", "y", "n"}):
        if member is None:
            raise InputError(
                f"split must hold the names of splits; got {_shown(distinct)}. Say which of them is held out, such as "
                'with np.where(mask, "test", "train").'
            )
        other = TEST_SPLIT if member == TRAIN_SPLIT else TRAIN_SPLIT
        read = [member if _text(v).casefold() in _TRUE else other for v in distinct]
        notes: tuple[str, ...] = (f"Split: {name!r} marks {member}.",)
    else:
        read = [_known(_text(v)) for v in distinct]
        notes = ()
        if words and all(re.fullmatch(r"-?\d+(\.0)?", w) for w in words):
            notes = (f"Split: the numbers {_shown(distinct)} are taken as folds; none is held out for test.",)
    table = np.array([*read, TRAIN_SPLIT], dtype=object)
    out = table[at]
    out[gone] = TRAIN_SPLIT
    return out, notes


def is_split_column(values: pd.Series[Any], name: str) -> bool:
    """Whether a column names splits: known words and nothing else, train or test among them, or yes and no."""
    if len({_text(v) for v in values.head(_SAMPLE)}) > _MOST or nested(values) or values.nunique() > _MOST:
        return False
    distinct = {_plain(_text(v)) for v in pd.unique(values.dropna())}
    if _member(name) is not None and distinct and distinct <= _TRUE | _FALSE:
        return True
    return bool(distinct) and distinct <= SPLIT_WORDS | {"unlabeled", "unlabelled"} and len(distinct) > 1


def _known(name: str) -> str:
    """A split's name; to train on what somebody has marked as "Test" would be the worst reading of it."""
    plain = _plain(name)
    if not plain or plain in TRAIN_WORDS:
        return TRAIN_SPLIT
    return TEST_SPLIT if plain in TEST_WORDS else name


def _member(name: str) -> str | None:
    """The split that a column of yes and no marks, by the words of its name."""
    words = set(re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).casefold()))
    for split, known in ((TEST_SPLIT, TEST_WORDS), (TRAIN_SPLIT, TRAIN_WORDS), ("validation", VALIDATION_WORDS)):
        if words & known or name.casefold().removeprefix("is") in known:
            return split
    return None


def _plain(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.casefold().strip()))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value).strip()


def _shown(values: Any) -> str:
    return ", ".join(repr(_text(v)) for v in list(values)[:6])
