from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from dqkit.baselines import BaselineWarning, cross_val_predictions
from dqkit.baselines.calibration import fit_calibration
from dqkit.records import InputError, MissingExtra, check_probabilities
from tests.baselines.data import blobs, dataset, digits


def test_no_sample_is_judged_by_a_model_that_saw_its_label() -> None:
    """One neighbour remembers its training set: on random labels it is right in sample only."""
    rng = np.random.default_rng(0)
    ds = dataset(rng.normal(size=(300, 3)), rng.integers(0, 2, 300))
    out = cross_val_predictions(ds, KNeighborsClassifier(1), progress=False)
    assert (out.pred_probs.argmax(1) == ds.labels).mean() < 0.65


def test_probabilities_equal_a_plain_loop_over_the_folds() -> None:
    ds = blobs(unlabeled=0.3)
    out = cross_val_predictions(ds, GaussianNB(), seed=3, progress=False)
    x, rest = ds.content.to_numpy(), ds.labels < 0
    scores, others = np.zeros((len(ds), 3), dtype=np.float32), []
    for fold in range(5):
        train, held = (ds.labels >= 0) & (out.folds != fold), out.folds == fold
        model = GaussianNB().fit(ds.content[train], ds.labels[train])
        logs = np.log(np.maximum(model.predict_proba(ds.content), 1e-6)).astype(np.float32)
        scores[held] = logs[held]
        others.append(logs[rest])
    calibration = fit_calibration(scores[~rest], ds.labels[~rest])
    np.testing.assert_allclose(out.member_probs[0][~rest], calibration(scores[~rest]), atol=1e-5)
    np.testing.assert_allclose(out.member_probs[0][rest], np.mean([calibration(s) for s in others], axis=0), atol=1e-5)
    assert x.shape == (90, 4)


def test_test_unlabelled_and_unusable_samples_are_predicted_but_never_trained_on() -> None:
    ds = blobs()
    split = np.where(np.arange(90) < 10, "test", "train").astype(object)
    problem = pd.DataFrame([{"sample_id": ds.ids[20], "kind": "unreadable", "message": "", "fatal": True}])
    labels = ds.labels.copy()
    labels[30:40] = -1
    ds = replace(ds, split=split, problems=problem, labels=labels)
    out = cross_val_predictions(ds, GaussianNB(), progress=False)
    idle = np.r_[0:10, 20, 30:40]
    assert (out.folds[idle] == -1).all()
    assert (np.delete(out.folds, idle) >= 0).all()
    poisoned = labels.copy()
    poisoned[np.r_[0:10, 20]] = (poisoned[np.r_[0:10, 20]] + 1) % 3
    again = cross_val_predictions(replace(ds, labels=poisoned), GaussianNB(), progress=False)
    assert (again.pred_probs == out.pred_probs).all()


@pytest.mark.slow
@pytest.mark.parametrize("modality", ["image", "text", "table"])
def test_the_same_seed_gives_the_same_bits(modality: str) -> None:
    if modality == "image":
        ds = digits(60)
    elif modality == "text":
        words = np.array(["goal match team", "vote law party", "stock price bank"])
        texts = np.array([f"{words[i % 3]} number {i}" for i in range(60)], dtype=object)
        ds = dataset(texts, np.arange(60) % 3, modality="text")
    else:
        ds = blobs(60)
    one, two = (cross_val_predictions(ds, folds=3, seed=7, progress=False) for _ in range(2))
    assert len(one.members) >= 3
    assert one.member_probs.tobytes() == two.member_probs.tobytes()
    assert one.pred_probs.tobytes() == two.pred_probs.tobytes()
    assert one.features is not None
    assert two.features is not None
    assert one.features.tobytes() == two.features.tobytes()
    check_probabilities("member_probs", one.member_probs, tolerance=1e-5)
    check_probabilities("pred_probs", one.pred_probs, tolerance=1e-5)


@pytest.mark.slow
def test_digits_with_flipped_labels_are_read_better_than_their_labels() -> None:
    ds = digits(700)
    rng = np.random.default_rng(0)
    flipped = np.where(rng.random(700) < 0.1, (ds.labels + rng.integers(1, 10, 700)) % 10, ds.labels)
    out = cross_val_predictions(ds.with_labels(flipped), folds=3, progress=False)
    assert (out.pred_probs.argmax(1) == ds.labels).mean() > 0.95
    table = out.baselines.set_index("model")
    assert table.loc["ensemble", "log_loss"] <= table.loc[list(out.members), "log_loss"].min() + 0.02
    assert {"chance", "majority", "nearest neighbour", "linear", "ensemble"} <= set(table.index)
    assert out.weights.sum() == pytest.approx(1)


def test_a_class_with_one_sample_gets_finite_probabilities() -> None:
    ds = blobs(60)
    labels = ds.labels.copy()
    labels[labels == 2] = 0
    labels[5] = 2
    for estimators in (None, LogisticRegression()):
        out = cross_val_predictions(ds.with_labels(labels), estimators, progress=False)
        check_probabilities("pred_probs", out.pred_probs, tolerance=1e-5)
        assert out.pred_probs[5].argmax() != 2


def test_classes_without_any_sample_keep_their_column() -> None:
    ds = replace(blobs(60), classes=("a", "b", "c", "never seen"))
    for estimators in (None, LogisticRegression()):
        out = cross_val_predictions(ds, estimators, progress=False)
        assert out.pred_probs.shape == (60, 4)
        assert out.pred_probs[:, 3].max() < 0.2


class Broken:
    def fit(self, x: object, y: object) -> None:
        raise RuntimeError("out of luck")

    def predict_proba(self, x: object) -> None:
        """Never reached."""


def test_a_failing_member_is_reported_and_the_others_go_on() -> None:
    with pytest.warns(BaselineWarning, match="'bad' failed in fold 0 and is left out: RuntimeError: out of luck"):
        out = cross_val_predictions(blobs(), {"good": GaussianNB(), "bad": Broken()}, progress=False)
    assert out.members == ("good",)
    status = out.baselines.set_index("model")["status"]
    assert status["bad"] == "failed: RuntimeError: out of luck"
    assert status["good"] == "ok"


def test_when_every_member_fails_the_first_error_is_the_cause() -> None:
    from dqkit.records import DqkitError

    with pytest.warns(BaselineWarning), pytest.raises(DqkitError, match="every member failed") as caught:
        cross_val_predictions(blobs(), Broken(), progress=False)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_copies_and_groups_are_held_out_together() -> None:
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(40, 3)), 2, axis=0)
    ds = dataset(x, rng.integers(0, 2, 80))
    out = cross_val_predictions(ds, KNeighborsClassifier(1), progress=False)
    assert (out.folds[::2] == out.folds[1::2]).all()
    grouped = cross_val_predictions(
        blobs(), GaussianNB(), groups=[f"patient {i // 6}" for i in range(90)], progress=False
    )
    assert all(len(set(grouped.folds[i : i + 6])) == 1 for i in range(0, 90, 6))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folds": 1}, "folds must be at least 2"),
        ({"folds": 2.5}, "folds must be at least 2 and a whole number; got 2.5"),
        ({"folds": True}, "folds must be at least 2"),
        ({"seed": -1}, "seed must be at least 0 and at most 4294967295 and a whole number; got -1"),
        ({"seed": 2**32}, "seed must be at least 0 and at most 4294967295"),
        ({"seed": 1.0}, "seed must be at least 0 and at most 4294967295 and a whole number"),
        ({"seed": True}, "seed must be at least 0 and at most 4294967295 and a whole number"),
        ({"groups": [1, 2]}, r"groups must have shape \(90,\)"),
        ({"groups": [0] * 90}, "groups do not allow it"),
        ({"estimators": {}}, "at least one estimator"),
        ({"estimators": {"x": object()}}, "fit and predict_proba"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cross_val_predictions(blobs(), progress=False, **change)  # type: ignore[arg-type]


def test_one_class_is_not_enough() -> None:
    ds = blobs()
    with pytest.raises(InputError, match="at least two classes"):
        cross_val_predictions(ds.with_labels(np.where(ds.labels == 0, 0, -1)), progress=False)


@pytest.mark.parametrize("estimators", [None, GaussianNB()])
@pytest.mark.parametrize("kept", [[0, 0, 1, 1], [0, 0, 1, 2], [0, 1, 2]])
def test_a_nearly_unlabelled_pool_gets_fewer_folds_and_a_word_about_it(estimators: object, kept: list[int]) -> None:
    ds = blobs(60)
    labels = np.full(60, -1)
    for c in set(kept):
        labels[np.flatnonzero(ds.labels == c)[: kept.count(c)]] = c
    with pytest.warns(BaselineWarning, match=f"5 folds are too many for {len(kept)} labelled samples") as told:
        out = cross_val_predictions(ds.with_labels(labels), estimators, progress=False)
    assert len(told) == 1
    check_probabilities("pred_probs", out.pred_probs, tolerance=1e-5)
    at = np.flatnonzero(labels >= 0)
    assert 2 <= len(set(out.folds[at])) <= len(kept)
    assert all(len(set(labels[at][out.folds[at] != fold])) >= 2 for fold in set(out.folds[at]))


def test_few_groups_make_few_folds() -> None:
    with pytest.warns(BaselineWarning, match="3 folds are used"):
        out = cross_val_predictions(blobs(), GaussianNB(), groups=np.arange(90) // 30, progress=False)
    assert all(len(set(out.folds[i : i + 30])) == 1 for i in (0, 30, 60))


def test_a_lone_sample_of_one_of_two_classes_is_named() -> None:
    ds = blobs(60, classes=2)
    labels = np.where(ds.labels == 0, 0, -1)
    labels[1] = 1
    message = "got 1 of class 'class 1' and 30 of 'class 0'.*Label another sample of 'class 1'"
    with pytest.raises(InputError, match=message):
        cross_val_predictions(ds.with_labels(labels), GaussianNB(), progress=False)


def test_a_numpy_seed_is_as_good_as_any() -> None:
    first = cross_val_predictions(blobs(), GaussianNB(), 3, np.int64(7), progress=False)  # type: ignore[arg-type]
    again = cross_val_predictions(blobs(), GaussianNB(), 3, 7, progress=False)
    np.testing.assert_array_equal(first.pred_probs, again.pred_probs)


@pytest.mark.slow
def test_the_network_of_small_images_leaves_its_history_and_its_checks() -> None:
    ds = digits(240)
    out = cross_val_predictions(ds, folds=3, progress=False)
    margins, wrong = out.dynamics["margins"], out.dynamics["wrong_epochs"]
    trained = out.folds >= 0
    assert margins.shape[0] == len(ds)
    assert np.isfinite(margins[trained]).all()
    assert np.isnan(margins[~trained]).all()
    np.testing.assert_allclose(wrong[trained], np.clip(wrong[trained], 0, 1))
    # The mean of two folds is below zero at least where both are.
    assert np.corrcoef(wrong[trained], margins[trained].mean(axis=1))[0, 1] < -0.5
    assert set(out.checks["member"]) == {"network"}
    assert out.checks["ok"].all()
    rows = out.baselines.set_index("model")
    assert (rows.loc[rows["kind"] == "member", "size_mb"] > 0).all()


@pytest.mark.slow
def test_a_network_can_be_left_out_or_asked_for() -> None:
    ds = digits(150)
    assert "network" not in cross_val_predictions(ds, folds=2, network=False, progress=False).members
    assert "network" in cross_val_predictions(ds, folds=2, network=True, progress=False).members
    both = cross_val_predictions(ds, folds=2, network=2, progress=False)
    assert both.members == ("patches", "kernel", "network", "network_2")
    assert (both.member_probs[2] != both.member_probs[3]).any()


@pytest.mark.slow
def test_weighted_batches_change_the_network_and_other_words_are_refused() -> None:
    ds = digits(500)
    few = np.isin(ds.labels, [0, 1]) & ~((ds.labels == 1) & (np.arange(len(ds)) % 10 > 0))
    ds = ds.take(np.flatnonzero(few))
    plain, weighted = (
        cross_val_predictions(ds, folds=2, imbalance=kind, progress=False) for kind in (None, "weighted")
    )
    at = plain.members.index("network")
    rare = ds.labels == 1
    assert 0 < rare.sum() < 20
    assert (weighted.member_probs[at] != plain.member_probs[at]).any()
    with pytest.raises(InputError, match="imbalance must be None, 'weighted' or 'focal'; got 'both'"):
        cross_val_predictions(ds, imbalance="both", progress=False)
    with pytest.raises(InputError, match="network must be None, True, False or how many, 0 to 20; got 'yes'"):
        cross_val_predictions(ds, network="yes", progress=False)


def test_what_is_no_dataset_is_named() -> None:
    with pytest.raises(InputError, match=r"ds must be a dqkit.Dataset; got list"):
        cross_val_predictions([1, 2], progress=False)  # type: ignore[arg-type]


def test_logs_are_refused_before_any_training_where_tensorboard_is_missing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'dqkit\[tensorboard\]'"):
        cross_val_predictions(blobs(), tensorboard=tmp_path / "logs", progress=False)
    assert not (tmp_path / "logs").exists()
