from __future__ import annotations

import numpy as np
import pytest

import dqkit as dq


def test_digits_plant_exactly_the_asked_share_of_flips_outside_the_test_split():
    ds = dq.load_digits(label_noise=0.1, unlabeled=0.5, seed=3)
    shown = ds.is_labeled & ~ds.is_test
    flipped = ds.labels != ds.true_labels
    pool = int((~ds.is_test).sum())
    assert len(ds) == 1797
    assert shown.sum() == pool - round(0.5 * pool)
    assert (flipped & shown).sum() == round(0.1 * shown.sum())
    assert not (flipped & ds.is_test).any()


def test_digits_are_the_same_for_the_same_seed_and_differ_for_another():
    one, again, other = (dq.load_digits(label_noise=0.1, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.labels, again.labels)
    assert not np.array_equal(one.labels, other.labels)


def test_the_test_split_does_not_depend_on_the_planted_noise():
    clean, noisy = dq.load_digits(seed=5), dq.load_digits(label_noise=0.3, unlabeled=0.2, seed=5)
    assert np.array_equal(clean.split, noisy.split)


def test_digit_images_keep_all_seventeen_grey_levels():
    from sklearn.datasets import load_digits

    ds = dq.load_digits()
    assert np.array_equal(np.round(ds.content / (255 / 16)), load_digits().images)


@pytest.mark.parametrize("option", ["label_noise", "unlabeled", "test_size"])
def test_a_share_outside_zero_to_one_is_refused_by_name(option):
    with pytest.raises(dq.InputError, match=option):
        dq.load_digits(**{option: 1.5})
