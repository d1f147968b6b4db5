"""A round on the user's own probabilities, and with the options of the baselines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dqkit as dq
from dqkit.records import Dataset, InputError, Predictions
from dqkit.rounds.training import Training, aligned


def dataset(n: int = 40) -> Dataset:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    names = np.array(["cat", "dog"])
    return dq.from_arrays(rng.normal(size=(n, 3)) + 3 * y[:, None], names[y].tolist())


def own(ds: Dataset, order: np.ndarray | None = None, classes: tuple[str, ...] = ("dog", "cat")) -> Predictions:
    """A model that is sure of the label of all samples but the fourth, which it takes for the other class."""
    order = np.arange(len(ds)) if order is None else order
    said = ds.labels.copy()
    said[3] = 1 - said[3]
    probs = np.full((len(ds), len(classes)), 0.1 / (len(classes) - 1))
    for row, at in enumerate(order):
        probs[row, classes.index(ds.classes[said[at]])] = 0.9
    return Predictions.from_arrays(probs, ids=ds.ids[order].tolist(), classes=classes, features=ds.content.iloc[order])


def test_a_round_on_own_probabilities_trains_nothing_and_finds_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be trained")

    monkeypatch.setattr("dqkit.baselines.cross_val_predictions", never)
    ds = dataset()
    wb = dq.Workbench.create(tmp_path / "wb", ds)
    shuffled = np.random.default_rng(1).permutation(len(ds))
    rnd = wb.run_round(budget=5, audit_share=0, predictions=own(ds, shuffled), progress=False)
    assert rnd.signals["label_score"].idxmax() == ds.ids[3]
    assert rnd.queue["sample_id"].iloc[0] == ds.ids[3]
    assert rnd.queue["suggested_label"].iloc[0] == ds.classes[1 - ds.labels[3]]
    again = dq.Workbench.open(wb.path).rounds[-1].predictions
    assert again.classes == ds.classes
    assert (again.pred_probs.argmax(1) == ds.labels).sum() == len(ds) - 1
    wb.record(ds.ids[3], ds.classes[1 - ds.labels[3]], annotator="ana")
    assert wb.run_round(budget=5, predictions=own(ds), progress=False).metrics["oos_accuracy"] == 1.0
    assert wb.report(tmp_path / "health.html").exists()


def test_own_probabilities_come_into_the_order_of_the_dataset_and_an_unknown_class_gets_zero() -> None:
    ds = dataset(6)
    wide = replace(ds, classes=("cat", "dog", "eel"))
    found = aligned(own(ds, np.array([5, 3, 1, 0, 2, 4])), wide)
    assert found.pred_probs.tolist() == pytest.approx(
        np.array([[0.9, 0.1, 0], [0.1, 0.9, 0], [0.9, 0.1, 0], [0.9, 0.1, 0], [0.9, 0.1, 0], [0.1, 0.9, 0]])
    )
    assert found.member_probs.shape == (1, 6, 3)
    assert found.features == pytest.approx(ds.content.to_numpy())
    assert (found.ids == ds.ids).all()


def test_own_probabilities_that_do_not_fit_are_named_before_a_round_is_opened(tmp_path: Path) -> None:
    ds = dataset()
    wb = dq.Workbench.create(tmp_path / "wb", ds)
    mine = own(ds)
    part = Predictions.from_arrays(mine.pred_probs[:30], ids=ds.ids[:30].tolist(), classes=mine.classes)
    other = own(ds, classes=("dog", "cat", "emu"))
    twice = replace(mine, ids=np.array([*ds.ids[:-1], ds.ids[0]], dtype=object))
    for predictions, message in [
        (part, f"10 of 40 are missing, such as {ds.ids[30]!r}"),
        (other, "got 'emu' too"),
        (twice, f"got {ds.ids[0]!r} more than once"),
        (mine.pred_probs, "must be a dqkit.Predictions; got ndarray"),
    ]:
        with pytest.raises(InputError, match=message):
            wb.run_round(budget=5, predictions=predictions, progress=False)  # type: ignore[arg-type]
    for option in ({"network": 1}, {"estimators": object()}):
        with pytest.raises(InputError, match=f"must come alone.*{next(iter(option))}"):
            wb.run_round(budget=5, predictions=mine, progress=False, **option)
    for option, message in [
        ({"imbalance": "much"}, "imbalance"),
        ({"groups": [1, 2]}, r"\(40,\)"),
        ({"network": -1}, "network"),
    ]:
        with pytest.raises(InputError, match=message):
            wb.run_round(budget=5, progress=False, **option)
    assert wb.store.rounds() == []


def test_a_pretrained_network_for_a_table_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pretrained must be used with images or texts"):
        dq.cross_val_predictions(dataset(), pretrained="a/model", checkpoint_dir=tmp_path / "fits", progress=False)
    assert not (tmp_path / "fits").exists()
    with dq.Workbench.create(tmp_path / "wb", dataset()) as wb:
        with pytest.raises(InputError, match="pretrained must be used with images or texts"):
            wb.run_round(pretrained="a/model", progress=False)
        assert wb.store.rounds() == []


def test_options_reach_the_baselines_and_tell_interrupted_rounds_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = dataset()
    wb = dq.Workbench.create(tmp_path / "wb", ds)
    groups = np.arange(40) // 4
    folds = wb.run_round(budget=5, groups=groups, progress=False).predictions.folds
    assert all(len(set(folds[groups == g])) == 1 for g in range(10))
    told: list[dict[str, object]] = []

    def heard(_: Dataset, *args: object, **options: object) -> None:
        told.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr("dqkit.baselines.cross_val_predictions", heard)
    pictures = dq.from_arrays(np.zeros((40, 8, 8), np.uint8), ds.labels, classes=ds.classes)
    wb = dq.Workbench.create(tmp_path / "pictures", pictures)
    with pytest.raises(KeyboardInterrupt):
        wb.run_round(budget=5, network=2, imbalance="focal", pretrained=tmp_path / "model", progress=False)
    assert [told[0][name] for name in ("network", "imbalance", "pretrained")] == [2, "focal", tmp_path / "model"]
    assert told[0]["finetune"] is False
    photos = dq.Workbench.create(
        tmp_path / "photos", dq.from_arrays(np.zeros((9, 8, 8), dtype=np.uint8), [0, 1, 2] * 3)
    )
    with pytest.raises(KeyboardInterrupt):
        photos.run_round(budget=5, finetune="anyway", progress=False)
    assert told[1]["finetune"] == "anyway"
    assert photos.store.rounds()[-1]["settings"]["finetune"] == "True"
    assert wb.store.rounds()[-1]["settings"]["network"] == "2"
    same = [Training(groups=parts).settings for parts in (groups, list(groups * 3), groups[::-1])]  # under other names
    assert same[0] == same[1] == same[2]
    told_apart = [Training(groups=groups), Training(groups=groups % 2), Training(network=0), Training(network=1)]
    assert len({str(one.settings) for one in [*told_apart, Training()]}) == 5


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pred_probs": [[0.5, 0.5], [1.0]]}, "rows of one length"),
        ({"pred_probs": [["a", "b"], ["a", "b"]]}, "must hold numbers"),
        ({"ids": ["a", "a"]}, "ids must be distinct; got 'a'"),
        ({"classes": ["x", "x"]}, "classes must be distinct; got 'x'"),
        ({"features": [[0.0], [float("nan")]]}, "features must be finite"),
    ],
)
def test_own_predictions_that_break_a_rule_are_refused_by_name(changed, words):
    fine = {"pred_probs": [[0.5, 0.5], [1.0, 0.0]], "ids": ["a", "b"], "classes": ["x", "y"]} | changed
    with pytest.raises(dq.InputError, match=words):
        dq.Predictions.from_arrays(fine.pop("pred_probs"), **fine)
