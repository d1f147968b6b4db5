from __future__ import annotations

import random
import sys

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from dqkit.weak_labels import apply_functions, label_model
from dqkit.weak_labels.naive_bayes import Known


def simulated(n=2000, *, seed=0, accuracies=(0.9, 0.8, 0.75, 0.6), coverage=0.6, classes=3):
    """Votes that are independent given the truth, as the label model assumes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(classes, size=n)
    votes = np.full((n, len(accuracies)), -1)
    for j, accuracy in enumerate(accuracies):
        right = rng.random(n) < accuracy
        wrong = (truth + rng.integers(1, classes, size=n)) % classes
        speaks = rng.random(n) < coverage
        votes[speaks, j] = np.where(right, truth, wrong)[speaks]
    return votes, truth


def test_weak_labels_beat_the_majority_when_functions_differ_in_quality():
    votes, truth = simulated(accuracies=(0.95, 0.55, 0.5, 0.5), coverage=0.9)
    counts = np.stack([(votes == c).sum(axis=1) for c in range(3)], axis=1)
    weak = label_model(votes, 3)
    covered = weak.labels >= 0
    assert (weak.labels == truth)[covered].mean() > (counts.argmax(axis=1) == truth)[covered].mean() + 0.05


def test_a_better_function_gets_a_larger_weight():
    votes, _ = simulated()
    weights = label_model(votes, 3).lf_table["weight"].to_numpy()
    assert weights[0] > weights[3]


def test_probabilities_sum_to_one_and_uncovered_rows_abstain():
    votes, _ = simulated(coverage=0.2)
    weak = label_model(votes, 3)
    silent = (votes == -1).all(axis=1)
    assert silent.any()
    assert (weak.labels[silent] == -1).all()
    assert np.allclose(weak.probs.sum(axis=1), 1)
    assert np.allclose(weak.probs[silent], 1 / 3)


def test_one_or_two_functions_are_believed_no_more_than_their_accuracy_and_ties_abstain():
    weak = label_model([[0, 0], [0, 1], [1, -1]], 2)
    assert weak.labels.tolist() == [0, -1, 1]
    # two votes that are right with chance .7 each: .49 against .09; one alone: .7
    assert np.allclose(weak.probs[:, 0], [0.49 / 0.58, 0.5, 0.3])


def test_a_coin_that_is_seen_to_be_one_is_not_believed():
    votes = np.random.default_rng(0).integers(0, 2, (100, 1))
    dev = np.where(np.arange(100) < 40, np.arange(100) % 2, -1)
    assert label_model(votes, 2, dev_labels=dev).probs.max() < 0.7


def test_a_thousand_classes_are_weighed_without_snorkel():
    votes, truth = simulated(n=300, accuracies=(0.9, 0.8, 0.8, 0.3, 0.3), coverage=0.9, classes=1000)
    dev = np.where(np.arange(300) < 60, truth, -1)
    weak = label_model(votes, 1000, dev_labels=dev)
    later = (weak.labels >= 0) & (dev < 0)
    counts = np.stack([(votes == c).sum(axis=1) for c in range(1000)], axis=1)
    assert (weak.labels == truth)[later].mean() > (counts.argmax(axis=1) == truth)[later].mean() + 0.02


def test_the_analysis_counts_coverage_overlaps_and_conflicts():
    table = label_model([[0, 0, -1], [1, 0, -1], [-1, 1, -1], [-1, -1, -1]], 2).lf_table
    assert table["coverage"].tolist() == [0.5, 0.75, 0.0]
    assert table["overlaps"].tolist() == [0.5, 0.5, 0.0]
    assert table["conflicts"].tolist() == [0.25, 0.25, 0.0]
    assert table["polarity"].tolist() == [[0, 1], [0, 1], []]


def test_dev_labels_set_the_balance_of_uncovered_rows_and_measure_the_functions():
    votes = np.array([[0, 0, 1]] * 6 + [[-1, -1, -1]] * 3)
    weak = label_model(votes, 2, dev_labels=[0, 0, 0, 0, 1, -1, -1, -1, -1])
    assert np.allclose(weak.probs[-1], [5 / 7, 2 / 7])
    assert weak.lf_table["dev_votes"].tolist() == [5, 5, 5]
    # four right (or wrong) votes, one the other way, and two pseudo-votes at 0.7
    assert np.allclose(weak.lf_table["dev_accuracy"], [5.4 / 7, 5.4 / 7, 2.4 / 7])


def test_dev_labels_of_one_class_say_nothing_of_the_other():
    votes = np.array([[0, -1, 1], [0, -1, -1], [-1, 1, 1], [0, 1, 1], [-1, -1, -1]] * 10)
    weak = label_model(votes, 2, dev_labels=[0] * 10 + [-1] * 40)
    assert np.allclose(weak.probs[-1], 0.5)
    assert weak.lf_table["dev_votes"].tolist() == [6, 0, 0]  # the others vote for class 1 alone
    assert weak.labels[12] == 1


def test_dev_labels_are_whole_numbers():
    for dev in ([0.5, 1, -1], [0, np.nan, 1]):
        with pytest.raises(dq.InputError, match="dev_labels"):
            label_model([[0, 1], [1, 1], [0, 0]], 2, dev_labels=dev)


def test_names_of_functions_are_escaped():
    shown = label_model([[0, 0, 1]] * 3, 2, names=["<img src=x onerror=alert(1)>", "b", "c"])._repr_html_()
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_the_same_seed_gives_the_same_labels_and_leaves_the_global_generators_alone():
    votes, _ = simulated()
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    one, two = label_model(votes, 3, seed=1), label_model(votes, 3, seed=1)
    assert np.array_equal(one.probs, two.probs)
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002


@pytest.mark.parametrize(
    ("votes", "cardinality", "words"),
    [
        ([[0, 2]], 2, "from -1"),
        ([[0, -2]], 2, "from -1"),
        ([0, 1], 2, "shape"),
        (np.zeros((0, 3), int), 2, "shape"),
        ([[0.5, 1]], 2, "whole numbers"),
        ([[0, 1]], 1, "from 2"),
    ],
)
def test_bad_votes_are_refused(votes, cardinality, words):
    with pytest.raises(dq.InputError, match=words):
        label_model(votes, cardinality)


def test_dev_labels_of_another_length_are_refused():
    with pytest.raises(dq.InputError, match="dev_labels"):
        label_model([[0, 1]], 2, dev_labels=[0, 1])


def test_functions_see_text_metadata_and_ids_and_may_answer_with_names():
    ds = dq.from_arrays(
        ["free money", "see you"], ["spam", "ham"], metadata=pd.DataFrame({"sender": ["bot", "ann"]}), ids=["m1", "m2"]
    )

    def money(x):
        return "spam" if "money" in x.text else None

    def known_sender(x):
        return dq.ABSTAIN if x.sender == "bot" else 0

    def by_id(x):
        return ["m1", "m2"].index(x.sample_id)

    assert ds.classes == ("ham", "spam")
    assert apply_functions(ds, [money, known_sender, by_id]).tolist() == [[1, -1, 0], [-1, 0, 1]]


def test_snorkel_functions_work_on_images_and_rows():
    from snorkel.labeling import labeling_function

    @labeling_function()
    def bright(x):
        return int(x.image.mean() > 100)

    @labeling_function()
    def old(x):
        return int(x.age > 50)

    images = np.stack([np.zeros((4, 4)), np.full((4, 4), 255)]).astype(np.uint8)
    assert apply_functions(dq.from_arrays(images, [0, 1]), [bright]).tolist() == [[0], [1]]
    rows = pd.DataFrame({"age": [20, 80]})
    assert apply_functions(dq.from_arrays(rows, [0, 1]), [old]).tolist() == [[0], [1]]


def test_a_function_that_fails_or_votes_nonsense_is_named():
    ds = dq.from_arrays(["a", "b"], [0, 1])

    def broken(x):
        return 1 / 0

    def nonsense(x):
        return 7

    with pytest.raises(dq.InputError, match=r"'broken'.*ZeroDivisionError"):
        apply_functions(ds, [broken])
    with pytest.raises(dq.InputError, match=r"'nonsense'.*7"):
        apply_functions(ds, [nonsense])
    with pytest.raises(dq.InputError, match="more than once"):
        apply_functions(ds, [broken, broken])


def test_development_labels_that_are_names_are_refused_by_name():
    with pytest.raises(dq.InputError, match="dev_labels must be positions"):
        label_model(np.zeros((3, 2), dtype=int), 2, dev_labels=["a", "b", "a"])


def test_trusted_labels_show_that_functions_which_agree_are_copies_of_a_bad_one():
    """Agreement alone speaks for the copies; that is what Snorkel's model goes by."""
    votes, truth = simulated(accuracies=(0.55, 0.95), coverage=1.0, classes=2)
    copied = votes[:, [0, 0, 0, 1]]
    dev = np.where(np.random.default_rng(5).random(len(truth)) < 0.1, truth, -1)
    later = dev < 0
    misled, told = label_model(copied, 2), label_model(copied, 2, dev_labels=dev)
    right = np.arange(len(truth)), truth
    assert np.log(told.probs[right])[later].mean() > np.log(misled.probs[right])[later].mean() + 0.2
    assert told.lf_table["weight"].iloc[3] > told.lf_table["weight"].iloc[:3].max() + 0.2
    assert (told.labels == truth)[later].mean() > 0.9


def test_the_probability_of_a_dev_label_is_judged_without_itself():
    votes, truth = simulated(n=400)
    dev = np.where(np.arange(400) < 100, truth, -1)
    known = Known.of(votes, dev)
    one = dev.copy()
    one[7] = -1
    assert np.allclose(known.accuracy(without=np.array([7])), Known.of(votes, one).accuracy())


def test_majority_and_naive_bayes_need_no_snorkel_and_snorkels_model_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "snorkel.labeling.model", None)  # as if it were not installed
    votes, _ = simulated(n=200)
    counts = np.stack([(votes == c).sum(axis=1) for c in range(3)], axis=1)
    voted = counts.sum(axis=1) > 0
    shares = counts[voted] / counts[voted].sum(axis=1, keepdims=True)
    assert np.allclose(label_model(votes, 3, model="majority").probs[voted], shares)
    assert len(label_model(votes, 3, model="naive_bayes").labels) == 200
    for model in ("auto", "snorkel"):
        with pytest.raises(dq.MissingExtra, match=r"pip install 'dqkit\[snorkel\]'"):
            label_model(votes, 3, model=model)


def test_auto_lies_between_its_two_models_and_without_dev_labels_halfway():
    votes, _ = simulated(n=300)
    probs = {name: label_model(votes, 3, model=name).probs for name in ("auto", "snorkel", "naive_bayes")}
    assert np.allclose(probs["auto"], (probs["snorkel"] + probs["naive_bayes"]) / 2)


def test_snorkels_model_refuses_votes_that_cannot_tell_its_functions_apart():
    with pytest.raises(dq.InputError, match="3 functions that vote"):
        label_model([[0, 0], [1, 1]], 2, model="snorkel")
    with pytest.raises(dq.InputError, match="model must be one of"):
        label_model([[0, 0], [1, 1]], 2, model="median")


@pytest.mark.parametrize("vote", [True, False, np.True_, np.False_, "junk", 0.5, np.float64("nan"), 2, -2, 10**30, [0]])
def test_a_vote_that_is_no_class_is_refused_with_the_functions_name(vote):
    ds = dq.from_arrays(["win money", "lunch"], [None, None], classes=["spam", "ham"])

    def wins(x):
        return vote

    with pytest.raises(dq.InputError, match=r"'wins' must return .* on sample '0000000'"):
        apply_functions(ds, [wins], progress=False)


def test_a_truth_value_is_told_what_to_return_instead():
    ds = dq.from_arrays(["win money", "lunch"], [None, None], classes=["spam", "ham"])
    with pytest.raises(dq.InputError, match='return "spam" if'):
        apply_functions(ds, [lambda x: "win" in x.text], progress=False)
