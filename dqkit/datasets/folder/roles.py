"""What the name of a split means, in the spellings that people use."""

from __future__ import annotations

import re
import unicodedata

from dqkit.records import TEST_SPLIT

TRAIN, VAL, UNLABELED_SPLIT = "train", "val", "unlabeled"

_WORDS = {
    "train": TRAIN,
    "training": TRAIN,
    "trainval": TRAIN,
    "trn": TRAIN,
    "val": VAL,
    "valid": VAL,
    "validate": VAL,
    "validation": VAL,
    "dev": VAL,
    "devel": VAL,
    "development": VAL,
    "test": TEST_SPLIT,
    "testing": TEST_SPLIT,
    "tst": TEST_SPLIT,
    "holdout": TEST_SPLIT,
    "heldout": TEST_SPLIT,
    "eval": TEST_SPLIT,
    "evaluate": TEST_SPLIT,
    "evaluation": TEST_SPLIT,
    "unlabeled": UNLABELED_SPLIT,
    "unlabelled": UNLABELED_SPLIT,
    "unlabel": UNLABELED_SPLIT,
    "nolabel": UNLABELED_SPLIT,
    "unsup": UNLABELED_SPLIT,
    "unsupervised": UNLABELED_SPLIT,
    "unannotated": UNLABELED_SPLIT,
}
# These say nothing about which split it is: test_set, seg_train, train_images, val2017.
_FILLERS_TEXT = """
set sets data dataset split subset folder dir seg cls image images img imgs photo photos picture pictures
jpg jpeg png sample samples example examples file files
"""
_FILLERS = frozenset(_FILLERS_TEXT.split())
_TAILS = ("dataset", "images", "data", "set")
_PHRASES = {("hold", "out"): "holdout", ("held", "out"): "heldout", ("no", "label"): "nolabel"}
_PHRASES |= {("no", "labels"): "nolabel", ("un", "labeled"): "unlabeled", ("un", "labelled"): "unlabeled"}
_FOLD = re.compile(r"(?:cv|k)?[ _.-]*(?:fold|kfold)[ _.-]*(?:[0-9]{1,3}|[a-z])", re.IGNORECASE)


def split_role(name: str) -> str | None:
    """What a split's name stands for: "train", "val", "test", "unlabeled", the name itself for a fold, else None.

    Notes
    -----
    Case, separators, digits and words such as "set" or "images" do not matter. Names that mean "never train on this"
    (testing, holdout, eval) stand for "test".

    Examples
    --------
    >>> [split_role(name) for name in ("Training_Set", "val2017", "hold-out", "Unlabelled", "fold_3", "trainer")]
    ['train', 'val', 'test', 'unlabeled', 'fold_3', None]
    """
    plain = unicodedata.normalize("NFKC", name).strip()
    if _FOLD.fullmatch(plain):
        return plain
    words = tuple(re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).casefold()))
    found: set[str] = set()
    i = 0
    while i < len(words):
        phrase = _PHRASES.get(words[i : i + 2])
        role = _WORDS.get(phrase) if phrase else _role_of_word(words[i])
        if role is not None:
            found.add(role)
        elif words[i] not in _FILLERS:
            return None
        i += 2 if phrase else 1
    return found.pop() if len(found) == 1 else None


def role_within(name: str) -> str | None:
    """The role that one word of a split's name tells, among others that do not matter: test of test_berlin.

    None where no word or several tell one, and for folds, whose train and test pictures are the same.

    >>> [role_within(name) for name in ("test_berlin", "berlin", "test_fold1")]
    ['test', None, None]
    """
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())
    found = {role for word in words if (role := _role_of_word(word)) not in (None, UNLABELED_SPLIT)}
    return found.pop() if len(found) == 1 and not any("fold" in word for word in words) else None


def _role_of_word(word: str) -> str | None:
    """The role of one word, also where a filler is glued to it, as in testset."""
    if word in _WORDS:
        return _WORDS[word]
    return next((_WORDS[word.removesuffix(t)] for t in _TAILS if word.removesuffix(t) in _WORDS), None)
