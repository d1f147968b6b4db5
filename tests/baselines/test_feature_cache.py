"""What no label has a part in is made once for all rounds, and made anew when the content changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

import dqkit.baselines.images as image_members
import dqkit.baselines.text as text_members
from dqkit.baselines import cross_val_predictions
from dqkit.baselines.feature_cache import Shelf, content_fingerprint
from dqkit.datasets import from_arrays
from dqkit.records import Dataset


def pictures(n: int = 60, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = (rng.random((n, 8, 8)) * 120 + 100 * y[:, None, None]).astype(np.uint8)
    return from_arrays(x, y)


def counted(calls: list[str], name: str, made: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        calls.append(name)
        return made(*args, **options)

    return call


def relabelled(ds: Dataset) -> Dataset:
    labels = ds.labels.copy()
    labels[:3] = 1 - labels[:3]
    return ds.with_labels(labels)


def test_after_relabelling_the_features_of_images_are_found_and_the_result_is_that_of_a_call_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(image_members, "patch_features", counted(calls, "patches", image_members.patch_features))
    ds = pictures()
    cross_val_predictions(ds, checkpoint_dir=tmp_path, network=0, progress=False)
    assert calls == ["patches"]
    again = cross_val_predictions(relabelled(ds), checkpoint_dir=tmp_path, network=0, progress=False)
    assert calls == ["patches"]
    alone = cross_val_predictions(relabelled(ds), network=0, progress=False)
    assert (again.member_probs == alone.member_probs).all()
    assert (again.features == alone.features).all()
    assert (again.folds == alone.folds).all()
    cross_val_predictions(pictures(seed=1), checkpoint_dir=tmp_path, network=0, progress=False)
    assert calls == ["patches"] * 3
    assert len(list(tmp_path.glob("kept-patches-*"))) == 1  # the newest content's alone


def test_after_relabelling_the_terms_of_texts_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    made = text_members.TextRepresentation._tfidf
    monkeypatch.setattr(text_members.TextRepresentation, "_tfidf", counted(calls, "terms", made))
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(80)])
    texts = [" ".join(rng.choice(words[i % 2 * 30 :][:50], size=9)) for i in range(60)]
    ds = from_arrays(texts, np.arange(60) % 2)
    cross_val_predictions(ds, checkpoint_dir=tmp_path, progress=False)
    assert calls == ["terms", "terms"]
    again = cross_val_predictions(relabelled(ds), checkpoint_dir=tmp_path, progress=False)
    assert calls == ["terms", "terms"]
    alone = cross_val_predictions(relabelled(ds), progress=False)
    assert (again.member_probs == alone.member_probs).all()


def test_a_shelf_gives_what_was_kept_and_makes_anew_what_is_torn_or_was_made_otherwise(tmp_path: Path) -> None:
    calls: list[str] = []
    make = counted(calls, "made", lambda: np.arange(6, dtype=np.float16).reshape(2, 3))
    shelf = Shelf(tmp_path / "new", "content")
    first, second = (shelf.array("a", {"width": 3}, make) for _ in range(2))
    assert len(calls) == 1
    assert first.dtype == second.dtype == np.float16
    assert (first == second).all()
    shelf.array("a", {"width": 4}, make)
    Shelf(tmp_path / "new", "other").array("a", {"width": 4}, make)
    assert len(calls) == 3
    file = next((tmp_path / "new").iterdir())
    file.write_bytes(file.read_bytes()[:-2])
    Shelf(tmp_path / "new", "other").array("a", {"width": 4}, make)
    assert len(calls) == 4
    matrix = csr_array(np.eye(3, dtype=np.float32))
    for _ in range(2):
        kept = shelf.sparse("a", {}, counted(calls, "sparse", lambda: matrix))
        assert (kept.toarray() == matrix.toarray()).all()
        assert kept.dtype == np.float32
    assert calls.count("sparse") == 1
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_no_folder_keeps_nothing_and_an_array_of_objects_is_never_read(tmp_path: Path) -> None:
    calls: list[str] = []
    make = counted(calls, "made", lambda: np.zeros(2))
    Shelf().array("a", {}, make)
    Shelf().array("a", {}, make)
    assert len(calls) == 2
    shelf = Shelf(tmp_path, "content")
    shelf.array("a", {}, make)
    np.save(next(tmp_path.iterdir()), np.array([{}], dtype=object), allow_pickle=True)
    assert (shelf.array("a", {}, make) == 0).all()


def test_the_hash_of_a_content_knows_every_value_and_which_samples_may_be_learned_from_but_no_label() -> None:
    ds = pictures()
    assert content_fingerprint(ds) == content_fingerprint(relabelled(ds))
    other = pictures()
    other.content[3, 2, 1] ^= 1
    held = replace(ds, split=np.array(["test"] + [""] * 59, dtype=object))
    hashes = {content_fingerprint(one) for one in (ds, other, held, pictures(seed=1))}
    assert len(hashes) == 4
