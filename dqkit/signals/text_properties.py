"""Properties of texts that spoil training: empty, odd in length, in another script, full of signs, nearly the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.near_copies import similar_texts
from dqkit.near_copies.similar_texts import as_texts

ODD_LENGTH_IQR = 3.0
SPECIAL, FOREIGN = 0.3, 0.5

# First code point of each run of blocks in which one script is written; letters before and between are "other".
_SCRIPTS = (
    (0x0041, "latin"),
    (0x0250, "other"),
    (0x0370, "greek"),
    (0x0400, "cyrillic"),
    (0x0530, "armenian"),
    (0x0590, "hebrew"),
    (0x0600, "arabic"),
    (0x0700, "other"),
    (0x0750, "arabic"),
    (0x0780, "other"),
    (0x08A0, "arabic"),
    (0x0900, "devanagari"),
    (0x0980, "bengali"),
    (0x0A00, "other"),
    (0x0B80, "tamil"),
    (0x0C00, "other"),
    (0x0E00, "thai"),
    (0x0E80, "other"),
    (0x10A0, "georgian"),
    (0x1100, "hangul"),
    (0x1200, "other"),
    (0x1E00, "latin"),
    (0x1F00, "greek"),
    (0x2000, "other"),
    (0x3040, "kana"),
    (0x3100, "other"),
    (0x3130, "hangul"),
    (0x3190, "other"),
    (0x31F0, "kana"),
    (0x3200, "other"),
    (0x3400, "han"),
    (0xA000, "other"),
    (0xAC00, "hangul"),
    (0xD7B0, "other"),
    (0xF900, "han"),
    (0xFB00, "latin"),
    (0xFB13, "other"),
    (0xFB50, "arabic"),
    (0xFE00, "other"),
    (0xFF21, "latin"),
    (0xFF66, "kana"),
    (0xFFA0, "other"),
    (0x20000, "han"),
    (0x32000, "other"),
)
_STARTS = np.array([start for start, _ in _SCRIPTS], dtype=np.uint32)
_NAMES = tuple(sorted({name for _, name in _SCRIPTS}))
_SCRIPT_OF = np.array([_NAMES.index(name) for _, name in _SCRIPTS], dtype=np.int64)


def text_properties(texts: Sequence[str], *, similar: float = 0.8) -> pd.DataFrame:
    """Find texts that are empty, oddly long, full of signs, in another script or nearly identical.

    Parameters
    ----------
    texts : sequence of str
        n texts.
    similar : float
        The share of common shingles (Jaccard) from which two texts are nearly identical.

    Returns
    -------
    DataFrame
        One row per text, scores in [0, 1], higher = look sooner. characters, words: counts. script: in which most
        letters are written, "none" without letters. empty_score, empty_flag: nothing but white space. odd_length_score,
        odd_length_flag: log of the length more than 3 IQR outside the quartiles of the texts that are not empty.
        special_score, special_flag: share of characters that are neither letter, digit nor white space, above 0.3.
        foreign_script_score, foreign_script_flag: share of letters outside the script most used in all texts, above
        0.5. near_identical_group (int, -1 = none), near_identical_flag: see `similar_texts`.

    Raises
    ------
    InputError
        Where an entry is not a string.

    Examples
    --------
    >>> text_properties(["hello there", "", "!!!"])[["characters", "empty_flag", "special_flag"]].to_numpy().tolist()
    [[11, False, False], [0, True, False], [3, False, True]]
    """
    texts = as_texts(texts)
    characters = np.array([len(text) for text in texts], dtype=np.int64)
    empty = np.array([not text.strip() for text in texts], dtype=bool)
    special = np.array([_special_share(text) for text in texts], dtype=np.float64)
    letters = np.array([_letters_by_script(text) for text in texts], dtype=np.int64).reshape(len(texts), len(_NAMES))
    written = letters.sum(axis=1)
    main = letters.argmax(axis=1)
    common = int(np.bincount(main[written > 0], minlength=len(_NAMES)).argmax())
    foreign = np.divide(written - letters[:, common], written, out=np.zeros(len(texts)), where=written > 0)
    odd, odd_flag = _odd_length(characters, empty)
    group = similar_texts(texts, threshold=similar)
    return pd.DataFrame(
        {
            "characters": characters,
            "words": np.array([len(text.split()) for text in texts], dtype=np.int64),
            "script": np.where(written > 0, np.array(_NAMES, dtype=object)[main], "none"),
            "empty_score": empty.astype(np.float64),
            "empty_flag": empty,
            "odd_length_score": odd,
            "odd_length_flag": odd_flag,
            "special_score": special,
            "special_flag": special > SPECIAL,
            "foreign_script_score": foreign,
            "foreign_script_flag": foreign > FOREIGN,
            "near_identical_group": group,
            "near_identical_flag": group >= 0,
        }
    )


def _special_share(text: str) -> float:
    if not text:
        return 0.0
    # A combining sign belongs to the letter before it in many scripts; isalnum() calls it neither.
    plain = sum(char.isalnum() or char.isspace() or not char.isprintable() or _combines(char) for char in text)
    return 1 - plain / len(text)


def _combines(char: str) -> bool:
    if char < "\u0300":
        return False
    import unicodedata

    return unicodedata.category(char).startswith("M")


def _letters_by_script(text: str) -> NDArray[np.int64]:
    codes = np.frombuffer("".join(filter(str.isalpha, text)).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    if not len(codes):
        return np.zeros(len(_NAMES), dtype=np.int64)
    place = np.maximum(np.searchsorted(_STARTS, codes, side="right") - 1, 0)
    return np.bincount(_SCRIPT_OF[place], minlength=len(_NAMES))


def _odd_length(
    characters: NDArray[np.int64], empty: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    score = np.zeros(len(characters))
    if empty.all():
        return score, np.zeros(len(characters), dtype=bool)
    size = np.log1p(characters.astype(np.float64))
    low, high = np.percentile(size[~empty], [25, 75])
    # Lengths that hardly vary would make every other one odd: a quarter of the length is always usual.
    room = ODD_LENGTH_IQR * max(high - low, 0.1)
    beyond = np.maximum(low - size, size - high)
    score = np.where(empty, 0.0, np.clip(beyond / (2 * room), 0.0, 1.0))
    return score, ~empty & (beyond > room)
