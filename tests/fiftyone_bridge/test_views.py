from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from dqkit.fiftyone_bridge.feature_map import map_points

if TYPE_CHECKING:
    from .conftest import Pushed


def test_the_map_holds_two_coordinates_of_every_sample_and_is_made_once_per_features(pushed: Pushed) -> None:
    assert pushed.predictions is not None
    features = np.random.default_rng(0).random((12, 5)).astype(np.float32)
    predictions = replace(pushed.predictions, features=features)
    target = pushed.push(predictions=predictions)
    results = target.load_brain_results("map")
    by_key = dict(zip(results.sample_ids, results.points, strict=True))
    expected = map_points(features)
    for key, sample_id in zip(*target.values(["id", "dqkit_id"]), strict=True):
        # Sums may be taken in another order by another number of threads.
        np.testing.assert_allclose(by_key[key], expected[int(sample_id[1:])], rtol=1e-4, atol=1e-5)
    similar = target.load_brain_results("similar")
    nearest = np.linalg.norm(features - features[4], axis=1).argsort(kind="stable")[:3]
    query = target.match({"$expr": {"$eq": ["$dqkit_id", "s04"]}}).first().id
    found = target.sort_by_similarity(query, k=3, brain_key="similar").values("dqkit_id")
    assert found == [f"s{at:02d}" for at in nearest]
    assert similar.total_index_size == 12
    made = target.get_brain_info("map").timestamp
    assert pushed.push(predictions=predictions).get_brain_info("map").timestamp == made
    again = pushed.push(predictions=replace(predictions, features=features * [1, 2, 3, 4, 5]))
    assert again.get_brain_info("map").timestamp > made


@pytest.mark.parametrize(("layout", "columns"), [("pca", 1), ("pca", 2), ("pca", 60), ("tsne", 1), ("tsne", 60)])
def test_a_map_is_finite_and_repeats_whatever_the_shape_of_the_features(layout: str, columns: int) -> None:
    features = np.random.default_rng(1).random((9, columns)).astype(np.float32)
    points = map_points(features, layout=layout)  # type: ignore[arg-type]
    assert points.shape == (9, 2)
    assert np.isfinite(points).all()
    np.testing.assert_array_equal(points, map_points(features, layout=layout))  # type: ignore[arg-type]


def test_a_map_by_pca_keeps_the_distances_of_points_in_a_plane() -> None:
    rng = np.random.default_rng(2)
    plane = rng.normal(size=(20, 2))
    turned = plane @ np.linalg.qr(rng.normal(size=(6, 6)))[0][:2]
    points = map_points(turned.astype(np.float32))
    between = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.testing.assert_allclose(between, np.linalg.norm(plane[:, None] - plane[None], axis=2), atol=1e-5)


def test_the_apps_own_annotation_offers_our_classes_for_the_label_and_nothing_else(pushed: Pushed) -> None:
    target = pushed.push()
    assert target.active_label_schemas == ["label"]
    assert list(target.label_schemas) == ["label"]
    assert target.label_schemas["label"]["classes"] == ["cat", "dog", "eel"]
    assert target.label_schemas["label"]["component"] == "dropdown"  # arrow keys on radio buttons change the label
    classes = ("cat", "dog", "eel", "fox")
    again = pushed.push(dataset=replace(pushed.dataset, classes=classes), predictions=None)
    assert again.label_schemas["label"]["classes"] == list(classes)


def test_duplicates_are_a_view_of_groups_and_go_when_there_are_none(pushed: Pushed) -> None:
    assert pushed.signals is not None
    pushed.signals["duplicate_group"] = [-1, 0, 0, -1, 1, -1, 1, 1, -1, -1, -1, -1]
    view = pushed.push().load_saved_view("duplicates")
    assert view.media_type == "group"
    groups = [sorted(group.values("dqkit_id")) for group in view.iter_dynamic_groups()]
    assert sorted(groups) == [["s01", "s02"], ["s04", "s06", "s07"]]
    pushed.signals["duplicate_group"] = -1
    assert "duplicates" not in pushed.push().list_saved_views()


def test_each_round_keeps_a_view_of_what_it_queued_and_answered_samples_drop_out(pushed: Pushed) -> None:
    target = pushed.push(round_number=1)
    assert target.load_saved_view("round 1").values("dqkit_id") == ["s07", "s05", "s01"]
    queue = pd.DataFrame(
        {"sample_id": ["s03"], "action": "label", "score": 1.0, "suggested_label": "dog", "reasons": "x"}
    )
    target = pushed.push(round_number=2, queue=queue)
    assert target.load_saved_view("round 2").values("dqkit_id") == ["s03"]
    assert target.load_saved_view("round 1").values("dqkit_id") == ["s07", "s05", "s01"]
    sample = target.match({"$expr": {"$eq": ["$dqkit_id", "s05"]}}).first()
    sample.tags.append("skip")
    sample.save()
    assert target.load_saved_view("round 1").values("dqkit_id") == ["s07", "s01"]
