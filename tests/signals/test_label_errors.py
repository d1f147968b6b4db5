"""What `label_errors` promises: planted flips are found, the flags follow the scores, and bad input is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqkit.records import InputError
from dqkit.signals.label_noise.label_errors import LabelErrors, label_errors


def noisy(n=2000, c=4, rate=0.2, seed=0, sharpness=4.0, members=1):
    """Probabilities of the truth blurred by `rate` of even noise, labels drawn with that noise, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, c, n)
    matrix = np.full((c, c), rate / (c - 1))
    np.fill_diagonal(matrix, 1 - rate)
    flip = rng.random(n) < rate
    labels = np.where(flip, (truth + rng.integers(1, c, n)) % c, truth)
    probs = []
    for _ in range(members):
        logits = rng.normal(size=(n, c)) + sharpness * np.eye(c)[truth]
        clean = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        probs.append(clean @ matrix)
    return labels, np.stack(probs) if members > 1 else probs[0], truth


def f1(flag, wrong):
    return 2 * (flag & wrong).sum() / (flag.sum() + wrong.sum())


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
def test_planted_flips_are_found_at_any_rate(rate):
    labels, probs, truth = noisy(rate=rate, members=3)
    found = label_errors(labels, probs)
    assert f1(found.table["flag"].to_numpy(), labels != truth) > 0.93
    low, high = found.noise_rate_interval
    assert low <= (labels != truth).mean() <= high


def test_the_noise_matrix_of_class_dependent_noise_comes_back():
    rng = np.random.default_rng(1)
    matrix = np.array([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.1, 0.0, 0.9]])
    truth = rng.integers(0, 3, 6000)
    labels = (rng.random(6000)[:, None] > matrix[truth].cumsum(axis=1)).sum(axis=1)
    clean = np.full((6000, 3), 0.01) + 0.97 * np.eye(3)[truth]
    found = label_errors(labels, clean @ matrix)
    assert np.abs(found.noise_matrix - matrix).max() < 0.05
    assert (found.table["suggested_label"] == truth).mean() > 0.99


def test_a_flag_is_a_score_above_a_half_and_suggests_another_class():
    labels, probs, _ = noisy()
    table = label_errors(labels, probs).table
    assert (table["flag"] == (table["score"] > 0.5)).all()
    assert table["score"].between(0, 1).all()
    assert (table["flag"] == (table["suggested_label"].to_numpy() != labels)).all()


def test_unlabelled_rows_are_never_flagged_and_do_not_change_the_others():
    labels, probs, _ = noisy(n=600)
    alone = label_errors(labels[:400], probs[:400]).table
    labels[400:] = -1
    table = label_errors(labels, probs).table
    assert (table["score"][400:] == 0).all()
    assert not table["flag"][400:].any()
    np.testing.assert_allclose(table["score"][:400], alone["score"], atol=1e-5)


def test_without_any_label_nothing_is_known_of_the_noise():
    found = label_errors([-1, -1], [[0.9, 0.1], [0.2, 0.8]])
    assert found.table["suggested_label"].tolist() == [0, 1]
    assert found.noise_rate_interval == (0.0, 1.0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), c=st.integers(2, 6), members=st.integers(1, 3))
def test_the_order_of_the_rows_does_not_matter(seed, c, members):
    labels, probs, _ = noisy(n=300, c=c, seed=seed, members=members)
    order = np.random.default_rng(seed).permutation(300)
    plain, shuffled = label_errors(labels, probs), label_errors(labels[order], probs[..., order, :])
    np.testing.assert_allclose(plain.table["score"].to_numpy()[order], shuffled.table["score"], atol=1e-4)
    assert plain.noise_rate == pytest.approx(shuffled.noise_rate, abs=1e-6)


def test_the_same_seed_gives_the_same_bits():
    labels, probs, _ = noisy(members=2)
    assert label_errors(labels, probs, seed=3).table.equals(label_errors(labels, probs, seed=3).table)


def test_a_better_member_weighs_more():
    labels, good, _ = noisy(sharpness=6.0)
    useless = np.full_like(good, 1 / good.shape[1])
    found = label_errors(labels, np.stack([useless, good]))
    assert found.weights[1] > 0.9
    assert found.weights.sum() == pytest.approx(1)


def test_neighbours_join_only_where_they_help():
    rng = np.random.default_rng(0)
    labels, _, truth = noisy(n=800, sharpness=1.0)
    _, weak, _ = noisy(n=800, sharpness=1.0)
    telling = 5 * np.eye(4)[truth] + 0.3 * rng.normal(size=(800, 4))
    blind = rng.normal(size=(800, 4))
    helped, plain = label_errors(labels, weak, features=telling), label_errors(labels, weak)
    wrong = labels != truth
    assert "neighbours" in helped.scorers
    assert f1(helped.table["flag"].to_numpy(), wrong) > f1(plain.table["flag"].to_numpy(), wrong) + 0.1
    assert "neighbours" not in label_errors(labels, weak, features=blind).scorers


def test_expected_precision_falls_with_the_budget_and_ends_at_the_noise_rate():
    labels, probs, truth = noisy(sharpness=3.0)
    found = label_errors(labels, probs)
    curve = [found.expected_precision(k) for k in (10, 200, 400, 2000, 10**9)]
    assert curve == sorted(curve, reverse=True)
    assert curve[-1] == pytest.approx(found.noise_rate, abs=1e-3)
    first = found.table["score"].to_numpy().argsort()[::-1][:200]
    assert abs(curve[1] - (labels != truth)[first].mean()) < 0.2
    with pytest.raises(InputError, match="at least 1"):
        found.expected_precision(0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:May not flag all label issues")  # cleanlab's word on classes of few rows
def test_confident_learning_is_cleanlab_flag_for_flag_in_hundreds_of_random_cases():
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    flagged = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        n, c, members = int(rng.integers(10, 80)), int(rng.integers(2, 6)), int(rng.integers(1, 4))
        labels, probs, _ = noisy(
            n=n, c=c, rate=rng.uniform(0, 0.6), sharpness=rng.uniform(0, 5), seed=seed, members=members
        )
        if seed % 3 == 0:
            probs = np.round(probs, 1) + 0.01  # ties
            probs /= probs.sum(axis=-1, keepdims=True)
        if seed % 5 == 0:
            labels[labels == c - 1] = 0  # a class never seen
        if len(np.unique(labels)) < 2:
            continue
        mean = probs.mean(axis=0) if members > 1 else probs
        expected = find_label_issues(labels, mean, n_jobs=1)
        found = label_errors(labels, probs, method="confident_learning")
        assert found.table["flag"].tolist() == expected.tolist()
        np.testing.assert_allclose(1 - found.table["score"], get_label_quality_scores(labels, mean), atol=1e-12)
        assert 0 <= found.noise_rate <= 1
        np.testing.assert_allclose(found.noise_matrix.sum(axis=1), 1)
        flagged += int(expected.sum())
    assert flagged > 500


def test_confident_learning_leaves_unlabelled_rows_alone():
    labels, probs, _ = noisy(n=300)
    labels[::3] = -1
    table = label_errors(labels, probs, method="confident_learning").table
    assert not table["flag"][::3].any()
    assert table["flag"].any()


BAD = {
    "probabilities that do not sum to one": ([0, 1], [[0.5, 0.4], [0.5, 0.5]], "sum to one"),
    "negative probabilities": ([0, 1], [[1.2, -0.2], [0.5, 0.5]], r"lie in \[0, 1\]"),
    "logits": ([0, 1], [[3.0, -2.0], [0.5, 0.5]], "softmax"),
    "a label out of range": ([0, 2], [[0.5, 0.5], [0.5, 0.5]], "below 2"),
    "a label below -1": ([0, -2], [[0.5, 0.5], [0.5, 0.5]], "-1 or more"),
    "NaN": ([0, 1], [[np.nan, 0.5], [0.5, 0.5]], "finite"),
    "infinity": ([0, 1], [[np.inf, 0.5], [0.5, 0.5]], "finite"),
    "a NaN in one member": ([0, 1], [[[0.5, 0.5]] * 2, [[0.5, 0.5], [np.nan, 0.5]]], "finite"),
    "a label that is NaN": ([0.0, np.nan], [[0.5, 0.5], [0.5, 0.5]], "whole numbers"),
    "names for labels": (["cat", "dog"], [[0.5, 0.5], [0.5, 0.5]], "whole numbers"),
    "no rows": ([], np.empty((0, 2)), "at least one row"),
    "no members": ([0], np.empty((0, 1, 2)), "one member"),
    "one class": ([0, 0], [[1.0], [1.0]], "at least 2 classes"),
    "another length": ([0, 1, 1], [[0.5, 0.5], [0.5, 0.5]], "one entry for each"),
    "two axes of labels": ([[0], [1]], [[0.5, 0.5], [0.5, 0.5]], "labels must have shape"),
    "four axes": ([0], np.full((1, 1, 1, 2), 0.5), "must have shape"),
    "members that disagree in shape": ([0, 1], [np.full((2, 2), 0.5), np.full((3, 2), 0.5)], "Members|member"),
    "members that disagree in classes": ([0, 1], [np.full((2, 2), 0.5), np.full((2, 4), 0.25)], "Members|member"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_before_anything_runs(case):
    labels, probs, words = BAD[case]
    for method in ("auto", "confident_learning"):
        with pytest.raises(InputError, match=words):
            label_errors(labels, probs, method=method)


@pytest.mark.filterwarnings("ignore:May not flag all label issues")  # cleanlab's word on classes of one row
@pytest.mark.parametrize("method", ["auto", "confident_learning"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_few_rows_are_answered_with_and_without_features(method, n):
    probs = np.tile([0.3, 0.6, 0.1], (n, 1))
    for features in (None, np.eye(n)):
        found = label_errors(np.arange(n) % 3, probs, features=features, method=method)
        assert len(found.table) == n
        assert found.table["score"].between(0, 1).all()
        low, high = found.noise_rate_interval
        assert 0 <= low <= high <= 1
        if found.not_judged:  # so few rows tell nothing by any test
            assert np.isnan(found.noise_rate)
            assert (low, high) == (0.0, 1.0)
            assert not found.table["flag"].any()
        else:
            assert low <= found.noise_rate <= high


@pytest.mark.parametrize("method", ["auto", "confident_learning"])
def test_labels_of_a_single_class_are_answered(method):
    probs = np.tile([0.9, 0.1], (50, 1))
    assert not label_errors(np.zeros(50, int), probs, method=method).table["flag"].any()


def test_members_that_disagree_in_shape_are_told():
    with pytest.raises(InputError, match="pred_probs"):
        label_errors([0, 1], [np.full((2, 2), 0.5), np.full((3, 2), 0.5)])


def test_an_unknown_method_and_features_of_another_length_are_told():
    with pytest.raises(InputError, match="method"):
        label_errors([0, 1], [[0.5, 0.5], [0.5, 0.5]], method="magic")
    with pytest.raises(InputError, match="features"):
        label_errors([0, 1], [[0.5, 0.5], [0.5, 0.5]], features=np.zeros((3, 2)))
    with pytest.raises(InputError, match="dynamics"):
        label_errors([0, 1], [[0.5, 0.5], [0.5, 0.5]], dynamics={"margin": [1.0]})


def test_one_row_and_a_class_never_seen_are_answered():
    found = label_errors([0], [[0.3, 0.7]])
    assert isinstance(found, LabelErrors)
    assert len(found.table) == 1
    labels, probs, _ = noisy(c=3)
    wide = np.hstack([probs * 0.99, np.full((len(probs), 1), 0.01)])
    found = label_errors(labels, wide)
    assert found.noise_matrix.shape == (4, 4)
    np.testing.assert_allclose(found.noise_matrix.sum(axis=1), 1)
    assert (found.table["suggested_label"] < 3).all()


def test_a_continuous_target_is_judged_by_its_residuals():
    x = np.linspace(0, 5, 200)
    y = x + 0.05 * np.sin(37 * x)
    y[[20, 90]] += [3, -2]
    found = label_errors(y, x, task="regression")
    assert found.table.index[found.table["flag"]].tolist() == [20, 90]
    assert found.noise_rate == pytest.approx(0.01)
    assert found.noise_matrix.shape == (0, 0)


def test_a_continuous_target_that_nobody_asked_for_is_judged_with_a_warning():
    x = np.linspace(0, 5, 200)
    y = x + 0.05 * np.sin(37 * x)
    with pytest.warns(DeprecationWarning, match="regression"):
        found = label_errors(y, x)
    assert found.table.equals(label_errors(y, x, task="regression").table)


def test_class_labels_that_must_be_whole_are_asked_for_by_the_task():
    probs = np.full((3, 2), 0.5)
    with pytest.raises(InputError, match="labels must be whole numbers"):
        label_errors([0.5, 1.0, 0.0], probs, task="classification")
    with pytest.raises(InputError, match="task must be"):
        label_errors([0, 1, 0], probs, task="ranking")


def test_whole_numbers_are_classes_as_floats_too_and_a_target_only_where_asked():
    labels, probs, _ = noisy(n=300)
    as_integers, as_floats = label_errors(labels, probs), label_errors(labels.astype(float), probs)
    assert as_integers.table.equals(as_floats.table)
    target = np.arange(30.0)
    assert label_errors(target, target + 1, task="regression").noise_matrix.shape == (0, 0)


def test_a_few_clear_errors_in_clean_labels_are_the_noise_rate():
    truth = np.r_[np.zeros(100, int), np.ones(100, int)]
    labels = truth.copy()
    labels[:3] = 1  # 97 labelled 0, 103 labelled 1
    probs = np.where(truth[:, None] == np.arange(2), 0.95, 0.05)
    found = label_errors(labels, probs)
    assert np.flatnonzero(found.table["flag"]).tolist() == [0, 1, 2]
    assert found.noise_rate == pytest.approx(3 / 200, abs=0.005)
    assert found.table["error_probability"].mean() == pytest.approx(found.noise_rate)
    low, high = found.noise_rate_interval
    assert low <= 3 / 200 <= high


def test_expected_precision_is_near_the_true_precision_at_every_budget():
    for rate, sharpness in ((0.1, 5.0), (0.3, 4.0)):
        labels, probs, truth = noisy(n=4000, rate=rate, sharpness=sharpness, members=2)
        found = label_errors(labels, probs)
        first = np.argsort(-found.table["score"].to_numpy(), kind="stable")
        wrong = labels != truth
        for k in (20, 100, 300, 1000, 4000):
            assert found.expected_precision(k) == pytest.approx(wrong[first[:k]].mean(), abs=0.1)


def test_the_interval_covers_the_rate_over_many_draws_of_unlike_noise():
    covered = []
    for seed in range(20):
        for rate in (0.05, 0.25):
            labels, probs, truth = noisy(n=1000, rate=rate, sharpness=3.0, seed=seed)
            low, high = label_errors(labels, probs).noise_rate_interval
            covered.append(low <= (labels != truth).mean() <= high)
    assert np.mean(covered) >= 0.95


def test_a_rare_class_makes_confident_learning_no_noisier_than_its_flags():
    probs = np.full((4, 5), 0.1) + 0.5 * np.eye(5)[[0, 1, 0, 1]]
    found = label_errors([0, 1, 0, 1], probs, method="confident_learning")  # a warning would fail this test
    assert not found.table["flag"].any()


@pytest.mark.parametrize("kind", [int, bool])
def test_confident_learning_reads_one_hot_votes_of_any_number_type(kind):
    given = np.arange(20) % 2
    votes = np.eye(2)[given]
    twin = label_errors(given, votes, method="confident_learning").table
    assert label_errors(given, votes.astype(kind), method="confident_learning").table.equals(twin)


def test_labels_and_probabilities_that_numpy_reads_as_objects_are_taken_where_they_are_numbers():
    labels, probs, _ = noisy(n=80)
    twin = label_errors(labels, probs).table
    assert label_errors(labels.astype(object), probs.astype(object)).table.equals(twin)


@pytest.mark.parametrize("method", ["auto", "confident_learning"])
@pytest.mark.parametrize(
    ("labels", "probs", "words"),
    [
        (["a", "b"], np.eye(2), "'a' at position 0.*Categorical"),
        ([0.0, np.nan], np.eye(2), "nan at position 1.*as -1"),
        ([0, None], np.eye(2), "None at position 1.*as -1"),
        ([0, 1], np.eye(2).astype(str), "pred_probs must hold numbers"),
        ([0, 1], np.eye(2) + 0j, "pred_probs must hold numbers"),
    ],
)
def test_what_is_no_number_is_named_with_what_to_do(labels, probs, words, method):
    with pytest.raises(InputError, match=words):
        label_errors(labels, probs, method=method)


def test_confident_learning_scores_a_single_class_as_cleanlab_does():
    probs = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]])
    table = label_errors([0, 0, 0], probs, method="confident_learning").table
    assert table["score"].tolist() == pytest.approx([0.1, 0.7, 0.5])
    assert not table["flag"].any()


def test_a_continuous_target_with_a_gap_is_told_so_and_not_taken_for_classes():
    with pytest.raises(InputError, match="targets and predictions must be finite"):
        label_errors([0.5, np.nan, 1.5], [0.4, 0.2, 1.0])


@pytest.mark.parametrize("n", [300, 500, 600, 999, 1000, 2000])
def test_the_interval_holds_the_rate_also_where_no_label_is_in_doubt(n):
    """Rounding once lifted the low end of nothing above 0."""
    y = np.arange(n) % 2
    probs = np.where(np.eye(2)[y] > 0, 1 - 1e-7, 1e-7)
    found = label_errors(y, np.stack([probs] * 3))
    low, high = found.noise_rate_interval
    assert 0 <= low <= found.noise_rate <= high <= 1
