"""Text properties by hand, and near-identical texts against all pairs."""

from __future__ import annotations

import random

import numpy as np
import pytest

from dqkit.records import InputError
from dqkit.signals import similar_texts, text_properties


def test_counts_scripts_and_shares_by_hand():
    found = text_properties(["Hello world", "", "   ", "Привет мир", "a!!b", "你好", "12 34", "abc где"])
    assert found["characters"].tolist() == [11, 0, 3, 10, 4, 2, 5, 7]
    assert found["words"].tolist() == [2, 0, 0, 2, 1, 1, 2, 2]
    assert found["script"].tolist() == ["latin", "none", "none", "cyrillic", "latin", "han", "none", "cyrillic"]
    assert found["empty_flag"].tolist() == [False, True, True] + [False] * 5
    assert found["special_score"].tolist() == [0, 0, 0, 0, 0.5, 0, 0, 0]
    assert found["special_flag"].tolist() == [False] * 4 + [True] + [False] * 3


def test_texts_in_another_script_than_most_are_flagged():
    found = text_properties(["good film", "bad film", "so so", "плохо", "it is плохо"])
    assert found["foreign_script_flag"].tolist() == [False, False, False, True, True]
    assert found["foreign_script_score"].tolist() == pytest.approx([0, 0, 0, 1, 5 / 9])


def test_combining_signs_belong_to_their_letters():
    assert text_properties(["नमस्ते दुनिया"])["special_score"].tolist() == [0.0]


def test_a_text_far_longer_than_the_others_is_odd():
    texts = ["x" * n for n in (90, 100, 110, 95, 105, 120, 80, 5000, 2)] + [""]
    found = text_properties(texts)
    assert np.flatnonzero(found["odd_length_flag"]).tolist() == [7, 8]
    assert found["odd_length_score"].between(0, 1).all()


def test_case_spacing_and_punctuation_do_not_make_texts_different():
    assert similar_texts(["Call NOW!!", "call   now", "call-now", "later", "", "!!"]).tolist() == [0, 0, 0, -1, -1, -1]


def jaccard(a, b):
    left, right = ({t[i : i + 5] for i in range(max(len(t) - 4, 1))} for t in (a, b))
    return len(left & right) / len(left | right)


def test_near_identical_texts_are_the_pairs_that_overlap():
    draw = random.Random(0)
    words = ["".join(draw.choice("abcdefghij") for _ in range(6)) for _ in range(60)]
    texts = [" ".join(draw.sample(words, 30)) for _ in range(60)]
    for at in range(0, 40, 2):  # a copy with some words at the end replaced: overlaps from 1 down
        kept = texts[at].split()[: 30 - at // 4]
        texts[at + 1] = " ".join(kept + draw.sample(words, at // 4))
    group = similar_texts(texts, threshold=0.8)
    expected = {(i, j) for i in range(60) for j in range(i) if jaccard(texts[i], texts[j]) >= 0.8}
    found = {(i, j) for i in range(60) for j in range(i) if group[i] >= 0 and group[i] == group[j]}
    assert len(expected) >= 5
    assert found == expected


def test_thousands_of_copies_are_one_group():
    assert set(similar_texts(["same old text"] * 5000)) == {0}


def test_no_texts_have_no_properties():
    assert text_properties([]).empty
    assert similar_texts([]).tolist() == []


def test_bad_input_is_named():
    with pytest.raises(InputError, match="float at position 1"):
        text_properties(["a", float("nan")])
    with pytest.raises(InputError, match="threshold"):
        similar_texts(["a"], threshold=0)
