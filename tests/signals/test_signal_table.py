"""Every signal side by side: shapes, defaults where nothing is known, and a planted fault for each check."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import dqkit.signals
from dqkit.records import Dataset, InputError, Predictions
from dqkit.signals import disagreement, neighbors, signal_table, uncertainty

CLASSES = ("ant", "bee", "cat")


def make(n=180, *, modality="table", content=None, metadata=None, problems=(), seed=0) -> Dataset:
    rng = np.random.default_rng(seed)
    ids = np.array([f"s{i:03d}" for i in range(n)], dtype=object)
    labels = np.arange(n) % 3
    labels[rng.random(n) < 0.2] = -1
    frame = pd.DataFrame(metadata or {}, index=pd.Index(ids, name="sample_id"))
    return Dataset(
        ids=ids,
        labels=labels.astype(np.int64),
        classes=CLASSES,
        modality=modality,
        content=pd.DataFrame({"x": np.arange(n)}) if content is None else content,
        split=np.where(np.arange(n) < n - 30, "train", "test").astype(object),
        metadata=frame,
        problems=pd.DataFrame(
            [(ids[at], "unreadable", "broken", True) for at in problems],
            columns=["sample_id", "kind", "message", "fatal"],
        ),
    )


def predict(ds: Dataset, *, members=3, features=True, seed=1) -> Predictions:
    rng = np.random.default_rng(seed)
    n = len(ds)
    logits = rng.normal(size=(members, n, 3))
    logits[:, np.arange(n), np.arange(n) % 3] += 3
    probs = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    rows = (rng.normal(size=(n, 6)) + 5 * np.eye(6)[np.arange(n) % 3]).astype(np.float32) if features else None
    return Predictions.from_arrays(probs, ids=list(ds.ids), classes=CLASSES, features=rows)


def test_the_table_has_one_row_per_sample_and_scores_in_range():
    ds = make()
    found = signal_table(ds, predict(ds))
    assert found.table.index.tolist() == ds.ids.tolist()
    no_scores = ["duplicate_group", "feature_cluster", "nearest_distance"]
    scores = found.table.drop(columns=no_scores).select_dtypes("number")
    assert scores.min().min() >= 0
    assert scores.max().max() <= 1
    assert not found.table.drop(columns=["given_label"]).isna().any().any()
    assert found.table["given_label"].iloc[0] in (*CLASSES, None)


def test_columns_are_those_of_the_functions_alone():
    ds = make()
    predictions = predict(ds)
    table = signal_table(ds, predictions).table
    alone = uncertainty(predictions.pred_probs)
    np.testing.assert_array_equal(table[alone.columns], alone)
    graph = neighbors(predictions.features).table
    np.testing.assert_array_equal(table[graph.columns].astype(float), graph.astype(float))
    assert (disagreement(predictions.member_probs)["vote_entropy"].to_numpy() == table["vote_entropy"]).all()


def test_unlabelled_samples_have_no_label_score_and_the_prediction_as_suggestion():
    ds = make()
    table = signal_table(ds, predict(ds)).table[ds.labels < 0]
    assert len(table) > 0
    assert (table["label_score"] == 0).all()
    assert not table["label_flag"].any()
    assert (table["suggested_label"] == table["predicted_label"]).all()
    assert all(label is None for label in table["given_label"])


def test_the_summary_is_json_without_nan():
    ds = make(problems=[3])
    json.dumps(signal_table(ds, predict(ds)).summary, allow_nan=False)
    json.dumps(signal_table(ds, predict(ds, features=False, members=1)).summary, allow_nan=False)


def test_without_features_the_neighbour_columns_say_nothing():
    ds = make()
    found = signal_table(ds, predict(ds, features=False))
    assert found.neighbors is None
    assert found.table["knn_agreement"].isna().all()
    assert (found.table["outlier_score"] == 0).all()
    assert (found.table["duplicate_group"] == -1).all()
    assert (found.table["knn_shapley"] == 0.5).all()
    assert "skipped" in found.summary["duplicates"]


def test_one_member_disagrees_with_nobody():
    ds = make()
    table = signal_table(ds, predict(ds, members=1)).table
    assert (table[["vote_entropy", "js_divergence", "variation_ratio"]] == 0).all().all()


def test_an_unreadable_sample_is_judged_by_nothing_and_is_nobodys_neighbour():
    ds = make(problems=[3, 40])
    found = signal_table(ds, predict(ds))
    assert (found.neighbors.indices[[3, 40]] == -1).all()
    assert not np.isin(found.neighbors.indices, [3, 40]).any()
    row = found.table.loc["s003"]
    assert (row["label_score"], row["label_flag"], row["outlier_score"]) == (0, False, 0)
    assert found.summary["usable"] == 178


def test_no_labels_skip_what_needs_them():
    ds = make()
    ds = ds.with_labels(np.full(len(ds), -1))
    found = signal_table(ds, predict(ds))
    assert found.label_errors is None
    assert {name for name, told in found.summary.items() if isinstance(told, dict) and "skipped" in told} == {
        "label_errors",
        "calibration",
        "underperforming_groups",
        "content",
        "group_leakage",
    }
    assert found.table["knn_agreement"].isna().all()


def test_a_copy_across_the_split_is_leakage():
    ds = make()
    predictions = predict(ds)
    predictions.features[170] = predictions.features[5]
    told = signal_table(ds, predictions).summary["leakage"]
    assert ["s005", "s170"] in told["examples"]
    assert told["test_rows"] >= 1


def test_an_underperforming_metadata_group_is_named():
    camera = np.where(np.arange(180) < 40, "old", "new")
    ds = make(metadata={"camera": camera})
    labels = np.where((camera == "old") & (np.arange(180) % 2 == 0), (np.arange(180) + 1) % 3, np.arange(180) % 3)
    told = signal_table(ds.with_labels(labels), predict(ds)).summary["underperforming_groups"]
    assert ("camera", "old") in {(group["by"], group["group"]) for group in told["groups"]}


def test_images_and_texts_bring_their_properties():
    rng = np.random.default_rng(0)
    pixels = rng.integers(40, 220, (180, 8, 8, 3), dtype=np.uint8)
    pixels[7] = 1
    ds = make(modality="image", content=pixels, problems=[9])
    found = signal_table(ds, predict(ds))
    assert found.table.loc["s007", "dark_flag"]
    assert found.summary["content"]["flagged"]["dark"] == 1
    texts = np.array([f"text number {i} of many words" for i in range(180)], dtype=object)
    texts[4] = ""
    ds = make(modality="text", content=texts)
    assert signal_table(ds, predict(ds)).table["empty_flag"].to_numpy().nonzero()[0].tolist() == [4]


def test_copies_of_texts_are_read_off_the_texts_and_not_off_their_features():
    words = [f"{a} {b} {c}" for a in ("red", "blue", "green") for b in ("cars", "ships") for c in range(1000, 1030)]
    texts = np.array([f"what of {w} and why number {i * 7919}" for i, w in enumerate(words)], dtype=object)
    texts[11] = texts[10]
    texts[12] = texts[10].upper() + "!"
    ds = make(modality="text", content=texts)
    alike = replace(predict(ds), features=np.ones((180, 4), dtype=np.float32))
    table = signal_table(ds, alike).table
    assert table["exact_duplicate"].to_numpy().nonzero()[0].tolist() == [10, 11]
    assert table["duplicate_group"].iloc[[10, 11, 12]].nunique() == 1
    assert (table["duplicate_group"] == table["duplicate_group"].iloc[10]).sum() == 3


def test_near_copies_of_images_are_seen_in_their_pixels_where_features_tell_them_apart():
    rng = np.random.default_rng(0)
    pixels = np.repeat(np.repeat(rng.integers(40, 220, (180, 4, 4), dtype=np.uint8), 4, axis=1), 4, axis=2)
    for copy, of in ((165, 20), (170, 4), (175, 4)):
        pixels[copy] = pixels[of] + rng.integers(-6, 7, (16, 16))
    pixels[120] = pixels[119]
    ds = make(modality="image", content=pixels, problems=[120])
    features = rng.normal(size=(180, 20)).astype(np.float32)
    predictions = replace(predict(ds), features=features)
    features[31] = features[170]  # and what features alone see is joined
    found = signal_table(ds, predictions)
    group = found.table["duplicate_group"]
    rows = {n: sorted(group.index[group == n]) for n in sorted(set(group)) if n >= 0}
    assert rows == {0: ["s004", "s031", "s170", "s175"], 1: ["s020", "s165"]}
    assert (found.table["near_duplicate"] == (group >= 0)).all()
    assert found.summary["leakage"]["groups"] == 2


def test_a_few_samples_are_enough():
    for n in (1, 2, 3):
        ds = make(n).with_labels(np.arange(n) % 3)
        found = signal_table(ds, predict(ds))
        assert len(found) == n
        json.dumps(found.summary, allow_nan=False)


def test_the_same_seed_gives_the_same_table():
    ds = make()
    pd.testing.assert_frame_equal(signal_table(ds, predict(ds)).table, signal_table(ds, predict(ds)).table)


def test_predictions_of_another_dataset_are_refused():
    ds = make()
    other = predict(ds.take(np.arange(len(ds))[::-1]))
    with pytest.raises(InputError, match="ids of the dataset"):
        signal_table(ds, other)
    with pytest.raises(InputError, match="ids of the dataset"):
        signal_table(ds.take([0, 1]), predict(ds))


def test_a_name_of_the_package_is_the_function_whatever_was_imported_before():
    import importlib

    importlib.import_module("dqkit.signals.label_noise.label_errors")
    for name in ("uncertainty", "calibration", "neighbors", "underperforming_groups", "signal_table"):
        importlib.import_module(f"dqkit.signals.{name}")
        assert callable(getattr(dqkit.signals, name)), name


def test_trained_models_that_learned_nothing_call_no_label_wrong_instead_of_blaming_the_order_of_classes():
    ds = make(60)
    wrong_way = 0.2 + 0.6 * (np.arange(len(ds.classes)) != ds.labels[:, None])
    probs = wrong_way / wrong_way.sum(axis=1, keepdims=True)
    own = Predictions.from_arrays(probs, ids=ds.ids, classes=ds.classes)
    with pytest.raises(InputError, match="order of the classes"):
        signal_table(ds, own)
    trained = replace(own, folds=np.arange(60) % 5)
    found = signal_table(ds, trained)
    assert found.label_errors.not_judged.startswith("The baselines cannot judge these labels")
    assert found.summary["label_errors"] == {"skipped": found.label_errors.not_judged, "not_judged": True}
    assert not found.table["label_flag"].any()
