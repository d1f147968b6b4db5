from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dqkit.fiftyone_bridge import from_fiftyone
from dqkit.records import InputError


@pytest.fixture
def theirs(fo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A user's own dataset: three labelled images, one not, tags for splits."""
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    for i in range(4):
        Image.new("RGB", (64, 64), (60 * i, 0, 0)).save(tmp_path / f"{i}.png")
    dataset = fo.Dataset("someone-elses")
    rows = [("b", ["train"]), ("a", ["test", "night"]), (None, []), ("a", ["val"])]
    dataset.add_samples(
        [
            fo.Sample(
                filepath=str(tmp_path / f"{i}.png"),
                truth=None if label is None else fo.Classification(label=label),
                word=label,
                boxes=fo.Detections(),
                tags=tags,
            )
            for i, (label, tags) in enumerate(rows)
        ]
    )
    yield dataset
    dataset.delete()


@pytest.mark.parametrize("field", ["truth", "word"])
def test_a_users_dataset_becomes_ids_pixels_labels_classes_and_splits(theirs: Any, field: str) -> None:
    source = from_fiftyone(theirs, field)
    assert source.content[:, 0, 0].tolist() == [[60 * i, 0, 0] for i in range(4)]
    assert source.ids.tolist() == theirs.values("id")
    assert source.paths is not None
    assert source.paths.tolist() == theirs.values("filepath")
    assert source.classes == ("a", "b")
    assert source.labels.tolist() == [1, 0, -1, 0]
    assert source.labels.dtype == np.int64
    assert source.split.tolist() == ["train", "test", "train", "val"]
    assert source.name == "someone-elses"


def test_a_view_and_a_name_do_as_well_and_declared_classes_keep_their_order(theirs: Any) -> None:
    theirs.default_classes = ["b", "a", "c"]
    theirs.save()
    source = from_fiftyone("someone-elses", "truth")
    assert source.classes == ("b", "a", "c")
    assert source.labels.tolist() == [0, 1, -1, 1]
    view = from_fiftyone(theirs.match_tags("val"), "truth")
    assert view.labels.tolist() == [1]
    assert view.name == "someone-elses"


def test_nothing_of_theirs_is_changed(theirs: Any) -> None:
    before = (theirs.get_field_schema().keys(), theirs.values("last_modified_at"), dict(theirs.info))
    from_fiftyone(theirs, "truth")
    theirs.reload()
    assert (theirs.get_field_schema().keys(), theirs.values("last_modified_at"), dict(theirs.info)) == before


def test_a_field_that_holds_no_labels_and_a_name_that_is_not_there_are_refused(theirs: Any) -> None:
    with pytest.raises(InputError, match="truth"):
        from_fiftyone(theirs, "boxes")
    with pytest.raises(InputError, match="nothere"):
        from_fiftyone("nothere", "truth")
    with pytest.raises(InputError, match="0 samples"):
        from_fiftyone(theirs.match_tags("no such tag"), "truth")


def test_a_missing_or_broken_file_is_a_problem_of_its_sample_and_not_of_the_dataset(theirs: Any) -> None:
    files = theirs.values("filepath")
    Path(files[1]).unlink()
    Path(files[2]).write_bytes(b"no image")
    dataset = from_fiftyone(theirs, "truth")
    assert dataset.is_usable.tolist() == [True, False, False, True]
    for file in files:
        Path(file).unlink(missing_ok=True)
    with pytest.raises(InputError, match="none of 4"):
        from_fiftyone(theirs, "truth")
