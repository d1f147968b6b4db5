from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dqkit.records import Dataset, InputError, Predictions

if TYPE_CHECKING:
    from .conftest import Pushed


def test_a_push_carries_labels_signals_predictions_and_metadata_of_every_sample(pushed: Pushed) -> None:
    target = pushed.push()
    assert target.persistent
    assert len(target) == len(pushed.dataset)
    by_id = {sample.dqkit_id: sample for sample in target}
    for at, sample_id in enumerate(pushed.dataset.ids):
        sample = by_id[sample_id]
        given = None if pushed.dataset.labels[at] < 0 else pushed.dataset.classes[pushed.dataset.labels[at]]
        assert (sample.given_label.label if sample.given_label else None) == given
        assert (sample.label.label if sample.label else None) == given
        assert sample.split == pushed.dataset.split[at]
        assert sample.tags == [pushed.dataset.split[at]]
        assert sample.meta_camera == f"cam{at % 2}"
        probs = pushed.predictions.pred_probs[at]
        assert sample.prediction.label == pushed.dataset.classes[int(probs.argmax())]
        assert sample.prediction.confidence == pytest.approx(float(probs.max()))
        np.testing.assert_allclose(np.exp(sample.prediction.logits), probs, rtol=1e-5)
        assert sample.label_flag is bool(pushed.signals["label_flag"].iloc[at])
        assert sample.duplicate_group == at - 1
        assert sample.signal_label == "a signal named as one of our fields"
    assert by_id["s02"].entropy is None
    assert by_id["s03"].entropy == pushed.signals.loc["s03", "entropy"]
    assert target.default_classes == list(pushed.dataset.classes)


def test_the_saved_view_is_the_queue_in_its_order_with_reasons(pushed: Pushed) -> None:
    view = pushed.push().load_saved_view("queue")
    assert view.values("dqkit_id") == ["s07", "s05", "s01"]
    assert view.values("queue_reasons") == ["looks like an eel", "never labelled", "two annotators disagree"]
    assert view.values("queue_action") == ["relabel", "label", "second_opinion"]
    assert view.values("queue_suggestion") == ["eel", "cat", None]


def test_whether_a_sample_is_a_control_is_not_shown_to_the_annotator(pushed: Pushed) -> None:
    assert not [name for name in pushed.push().get_field_schema() if "control" in name]


def test_pushing_again_updates_in_place(fo: ModuleType, pushed: Pushed) -> None:
    first = pushed.push()
    keys = dict(zip(first.values("dqkit_id"), first.values("id"), strict=True))
    pushed.labels.loc["s01", ["label", "source", "annotator"]] = ["eel", "human", "ana"]
    pushed.signals["entropy"] = 0.25
    queue = pd.DataFrame(
        {"sample_id": ["s03"], "action": "label", "score": 1.0, "suggested_label": "dog", "reasons": "x"}
    )
    again = pushed.push(queue=queue)
    assert dict(zip(again.values("dqkit_id"), again.values("id"), strict=True)) == keys
    sample = again.one(fo.ViewField("dqkit_id") == "s01")
    assert (sample.label.label, sample.label.source, sample.label.annotator) == ("eel", "human", "ana")
    assert sample.given_label.label == "dog"
    assert set(again.values("entropy")) == {0.25}
    assert again.load_saved_view("queue").values("dqkit_id") == ["s03"]


def test_pushing_the_same_again_writes_no_sample(pushed: Pushed) -> None:
    before = pushed.push().values("last_modified_at")
    assert pushed.push().values("last_modified_at") == before


def test_what_is_not_passed_stays_as_it_was(pushed: Pushed) -> None:
    pushed.push()
    target = pushed.push(signals=None, predictions=None, queue=None)
    assert target.load_saved_view("queue").values("dqkit_id") == ["s07", "s05", "s01"]
    assert target.count("prediction") == len(pushed.dataset)
    assert target.count("entropy") == len(pushed.dataset) - 1


def test_new_samples_join_and_a_signal_of_another_type_replaces_the_old_field(pushed: Pushed) -> None:
    pushed.push()
    pushed.dataset = pushed.make_dataset(14)
    pushed.labels = pushed.current_labels(pushed.dataset)
    signals = pd.DataFrame({"duplicate_group": ["a"] * 14}, index=pushed.dataset.ids)
    target = pushed.push(signals=signals, predictions=None, queue=None)
    assert sorted(target.values("dqkit_id")) == sorted(pushed.dataset.ids)
    assert set(target.values("duplicate_group")) == {"a"}


def test_images_are_drawn_once_and_hold_the_pixels(pushed: Pushed) -> None:
    target = pushed.push()
    files = dict(zip(target.values("dqkit_id"), target.values("filepath"), strict=True))
    image = np.asarray(Image.open(files["s04"]))
    assert image.shape == (64, 64)
    np.testing.assert_array_equal(image[::8, ::8], pushed.dataset.content[4])
    stamps = {name: Path(name).stat().st_mtime_ns for name in files.values()}
    pushed.push()
    assert {name: Path(name).stat().st_mtime_ns for name in files.values()} == stamps
    assert len(list(pushed.media_dir.rglob("*"))) == len({Path(name).parent for name in files.values()}) + len(stamps)


def test_samples_that_are_files_are_not_copied(pushed: Pushed, tmp_path: Path) -> None:
    own = tmp_path / "own.png"
    Image.new("L", (9, 9)).save(own)
    dataset = pushed.dataset
    paths = np.array([str(own) if i == 3 else None for i in range(len(dataset))], dtype=object)
    target = pushed.push(dataset=Dataset(**{**dataset.__dict__, "paths": paths}))
    assert str(own) in target.values("filepath")
    assert len([file for file in pushed.media_dir.rglob("*.png")]) == len(dataset) - 1


@pytest.mark.parametrize("modality", ["text", "table"])
def test_texts_and_table_rows_can_be_seen_and_searched(pushed: Pushed, modality: str) -> None:
    target = pushed.push(dataset=pushed.make_dataset(modality=modality))
    sample = target.sort_by("dqkit_id").first()
    pixels = np.asarray(Image.open(sample.filepath))
    assert pixels.shape == (240, 360)
    assert (pixels < 128).sum() > 100
    expected = "Review number 0: <b>good</b> & ünïcode" if modality == "text" else "town: Bern"
    assert expected in sample.content


def test_ids_with_slashes_case_and_great_length_get_files_of_their_own(pushed: Pushed) -> None:
    dataset = pushed.make_dataset()
    odd = ["a/b", "A/b", "a b", "../../etc/passwd", "x" * 3000, "ü", "a_b", "", ".", "con", "a\nb", "?"]
    odd[7] = " "
    ids = np.array(odd, dtype=object)
    dataset = Dataset(**{**dataset.__dict__, "ids": ids, "metadata": dataset.metadata.set_axis(ids)})
    target = pushed.push(
        dataset=dataset, labels=pushed.current_labels(dataset), signals=None, predictions=None, queue=None
    )
    files = [Path(name) for name in target.values("filepath")]
    assert len({str(file).lower() for file in files}) == len(odd)
    assert all(file.is_file() and file.is_relative_to(pushed.media_dir) for file in files)


def test_a_dataset_of_that_name_that_is_not_ours_is_refused_and_untouched(fo: ModuleType, pushed: Pushed) -> None:
    foreign = fo.Dataset(pushed.name)
    foreign.add_sample(fo.Sample(filepath="/nowhere.png", ground_truth=fo.Classification(label="mine")))
    fields = list(foreign.get_field_schema())
    with pytest.raises(InputError, match="did not make"):
        pushed.push()
    foreign.reload()
    assert len(foreign) == 1
    assert list(foreign.get_field_schema()) == fields
    assert foreign.list_saved_views() == []
    assert not pushed.media_dir.exists()


def test_two_workbenches_never_share_a_dataset(pushed: Pushed) -> None:
    pushed.push(owner="work/a")
    with pytest.raises(InputError, match="belongs to work/a"):
        pushed.push(owner="work/b")
    assert len(pushed.push(owner="work/a")) == len(pushed.dataset)


def test_input_that_does_not_fit_is_refused_before_anything_is_made(fo: ModuleType, pushed: Pushed) -> None:
    n = len(pushed.dataset)
    other = Predictions.from_arrays(np.full((n, 2), 0.5), ids=list(pushed.dataset.ids), classes=["a", "b"])
    unknown = pd.concat(
        [pushed.labels.assign(label="cat"), pushed.labels.head(1).assign(label="wolf").set_axis(["s00"])]
    )
    for changes, word in [
        ({"predictions": other}, "classes"),
        ({"labels": pushed.labels.drop(columns="label")}, "column 'label'"),
        ({"labels": unknown[~unknown.index.duplicated(keep="last")]}, "wolf"),
        ({"queue": pushed.queue.drop(columns="reasons")}, "reasons"),
        ({"queue": pushed.queue.replace("s07", "nobody")}, "nobody"),
        ({"name": ""}, "'name'"),
    ]:
        with pytest.raises(InputError, match=word):
            pushed.push(**changes)
    assert not fo.dataset_exists(pushed.name)
