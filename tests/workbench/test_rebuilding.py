"""A workbench whose files were lost is made whole again, and what cannot be made is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from dqkit.cli import main
from dqkit.workbench.rebuilding import rebuild
from dqkit.workbench.remaking import _trained, labels_at
from tests.workbench.conftest import small
from tests.workbench.test_exporting import images


def states(table):
    return dict(zip(table["file"], table["state"], strict=True))


@pytest.fixture
def worked(tmp_path):
    """A round with the default estimators, an answer after it."""
    path = tmp_path / "wb"
    with dq.Workbench.create(path, small(90)) as bench:
        bench.record(bench.dataset.ids[1], "red", annotator="ana")
        bench.run_round(budget=5, folds=2, progress=False)
        bench.record(bench.dataset.ids[0], "blue", annotator="ana")
    return path


def test_a_whole_workbench_is_left_as_it_is(worked):
    before = {p: p.stat().st_mtime_ns for p in worked.rglob("*.parquet")}
    assert set(states(rebuild(worked, progress=False)).values()) == {"whole"}
    assert {p: p.stat().st_mtime_ns for p in worked.rglob("*.parquet")} == before


def test_a_rounds_files_come_back_the_same_from_the_journal_and_the_seed(worked):
    folder = worked / "rounds" / "0001"
    before = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("labels", "signals", "queue")}
    for file in [file for file in folder.rglob("*") if file.is_file()]:
        file.write_bytes(b"cut") if file.suffix == ".npz" else file.unlink()
    found = states(rebuild(worked, progress=False))
    assert {name for name, state in found.items() if state == "rebuilt"} == {
        "rounds/0001/findings",
        "rounds/0001/labels.parquet",
        "rounds/0001/predictions",
        "rounds/0001/signals",
        "rounds/0001/queue.parquet",
        "rounds/0001/drawn.parquet",
        "rounds/0001/manifest.json",
    }
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "labels.parquet"), before["labels"])
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "signals.parquet"), before["signals"])
    queue = pd.read_parquet(folder / "queue.parquet")
    for column in ("sample_id", "action", "control"):
        assert queue[column].tolist() == before["queue"][column].tolist()
    with dq.Workbench.open(worked) as bench:
        assert [finding.name for finding in bench.rounds[-1].findings][:2] == ["overview", "balance"]
        assert len(bench.open_queue()) >= 4
        assert bench.labels()["annotator"].notna().sum() == 2


def test_what_only_the_originals_hold_is_named_and_made_from_them(worked):
    (worked / "dataset" / "samples.parquet").unlink()
    (worked / "dataset" / "table.parquet").write_bytes(b"cut")
    found = rebuild(worked, progress=False)
    assert states(found)["dataset/samples.parquet"] == "lost"
    with pytest.raises(dq.InputError, match="the one that the workbench was made of"):
        rebuild(worked, dq.from_arrays(["a", "b"], ["red", "blue"]), progress=False)
    assert set(states(rebuild(worked, small(90), progress=False)).values()) == {"whole", "rebuilt"}
    with dq.Workbench.open(worked) as bench:
        pd.testing.assert_frame_equal(bench.dataset.content, small(90).content)
        assert bench.dataset.labels.tolist() == small(90).labels.tolist()


def test_pixels_sizes_and_problems_come_back_from_the_image_files(tmp_path, monkeypatch):
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    dataset = images(tmp_path)
    dq.Workbench.create(tmp_path / "wb", dataset).close()
    for name in ("images.npy", "metadata.parquet", "problems.parquet"):
        (tmp_path / "wb" / "dataset" / name).unlink()
    assert main(["rebuild", str(tmp_path / "wb"), "--quiet"]) == 0
    with dq.Workbench.open(tmp_path / "wb") as bench:
        assert np.array_equal(bench.dataset.content, dataset.content)
        assert bench.dataset.metadata["width"].tolist() == dataset.metadata["width"].tolist()


def test_images_without_files_are_lost_and_the_shell_says_so(tmp_path, capsys):
    pixels = np.zeros((4, 8, 8), dtype=np.uint8)
    dq.Workbench.create(tmp_path / "wb", dq.from_arrays(pixels, ["a", "b", "a", "b"])).close()
    (tmp_path / "wb" / "dataset" / "images.npy").unlink()
    assert main(["rebuild", str(tmp_path / "wb"), "--quiet"]) == 1
    assert "lost     dataset/images.npy" in capsys.readouterr().out


def test_a_workbench_without_its_journal_is_refused(worked):
    (worked / "labels.sqlite").unlink()
    with pytest.raises(dq.StoreError):
        rebuild(worked, progress=False)


def test_the_labels_of_a_moment_are_those_of_the_workbench(worked):
    with dq.Workbench.open(worked) as bench:
        pd.testing.assert_frame_equal(labels_at(bench.dataset, bench.store.events()), bench.labels())


@pytest.mark.parametrize("name", ["samples.parquet", "table.parquet", "metadata.parquet"])
def test_a_file_of_the_dataset_that_was_cut_is_said_to_be_damaged(tmp_path, name):
    dq.Workbench.create(tmp_path / "wb", small(30)).close()
    file = tmp_path / "wb" / "dataset" / name
    file.write_bytes(file.read_bytes()[:40])
    with dq.Workbench.open(tmp_path / "wb") as bench, pytest.raises(dq.StoreError, match="is damaged"):
        bench.labels()


def test_an_answer_that_came_in_after_the_round_is_not_among_the_labels_it_began_with(worked):
    file = worked / "rounds" / "0001" / "labels.parquet"
    before = pd.read_parquet(file)
    with dq.Workbench.open(worked) as bench:
        sample = before.index[before["source"].eq("given")][-1]
        label = next(name for name in bench.dataset.classes if name != before.loc[sample, "label"])
        late = pd.DataFrame({"sample_id": [sample], "label": [label], "at": ["2001-01-01"]})
        bench.apply(late, annotator="eva")
    file.unlink()
    assert states(rebuild(worked, progress=False))["rounds/0001/labels.parquet"] == "rebuilt"
    assert pd.read_parquet(file)["label"].tolist() == before["label"].tolist()


def test_a_cut_file_of_neighbors_is_made_again(worked):
    file = worked / "rounds" / "0001" / "neighbors.npy"
    before = np.load(file)
    file.write_bytes(file.read_bytes()[:50])
    assert states(rebuild(worked, progress=False))["rounds/0001/signals"] == "rebuilt"
    assert np.array_equal(np.load(file), before)


@pytest.mark.parametrize("name", ["neighbors.npy", "drawn.parquet", "checks.parquet"])
def test_every_file_of_a_round_that_was_deleted_is_named_and_made_again(worked, name):
    file = worked / "rounds" / "0001" / name
    before = np.load(file) if name.endswith("npy") else pd.read_parquet(file)
    file.unlink()
    assert "rebuilt" in states(rebuild(worked, progress=False)).values()
    if name.endswith("npy"):
        assert np.array_equal(np.load(file), before)
    else:
        pd.testing.assert_frame_equal(pd.read_parquet(file), before)
    assert set(states(rebuild(worked, progress=False)).values()) == {"whole"}


@pytest.mark.parametrize("text", ["{cut", "[]", "{}", None])
def test_a_damaged_project_file_says_what_to_do_and_is_made_again_from_the_originals(worked, text):
    with dq.Workbench.open(worked) as bench:
        labels = bench.labels()
    file = worked / "project.json"
    file.write_text(text) if text is not None else file.unlink()
    with pytest.raises(dq.StoreError, match="dqkit rebuild"):
        dq.Workbench.open(worked)
    with pytest.raises(dq.StoreError, match="dqkit rebuild"):
        rebuild(worked, progress=False)
    with pytest.raises(dq.InputError, match="order of classes"):
        rebuild(worked, other_order(90), progress=False)
    assert states(rebuild(worked, small(90), progress=False))["project.json"] == "rebuilt"
    with dq.Workbench.open(worked) as bench:
        pd.testing.assert_frame_equal(bench.labels(), labels)


def other_order(n):
    data = small(n)
    names = [None if code < 0 else data.classes[code] for code in data.labels]
    return dq.from_arrays(data.content, names, classes=list(reversed(data.classes)), ids=data.ids)


@pytest.mark.filterwarnings("ignore:.*test samples are of groups")
def test_a_round_with_groups_is_ranked_and_rebuilt_with_them(tmp_path):
    data = small(90)
    groups = [f"patient {i // 3}" for i in range(90)]
    with dq.Workbench.create(tmp_path / "wb", data) as bench:
        first = bench.run_round(budget=5, folds=2, groups=groups, progress=False)
        before = first.signals
        summary = first.summary
        again = bench.rerank()
        assert again.summary["leakage"] == summary["leakage"]
        assert again.summary["group_leakage"] == summary["group_leakage"]
        assert summary["group_leakage"]
    folder = tmp_path / "wb" / "rounds" / "0001"
    for file in ("predictions.npz", "signals.parquet"):
        (folder / file).unlink()
    assert set(states(rebuild(tmp_path / "wb", progress=False)).values()) <= {"whole", "rebuilt"}
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "signals.parquet"), before)


@pytest.mark.filterwarnings("ignore:.*test samples are of groups")
def test_own_predictions_may_come_with_groups_whose_leakage_is_reported(tmp_path):
    data = small(30)
    probs = np.full((30, 3), 1 / 3)
    own = dq.Predictions.from_arrays(probs, ids=data.ids, classes=data.classes, features=data.content)
    with dq.Workbench.create(tmp_path / "wb", data) as bench:
        found = bench.run_round(budget=3, predictions=own, groups=["one"] * 30, progress=False)
        assert found.summary["group_leakage"]["groups"] == 1


@pytest.mark.parametrize(("told", "asked"), [({}, False), ({"finetune": "True"}, "anyway")])
def test_a_round_that_was_fine_tuned_is_rebuilt_so_without_a_gpu_too(tmp_path, monkeypatch, told, asked):
    heard = []
    monkeypatch.setattr("dqkit.baselines.cross_val_predictions", lambda *_, **options: heard.append(options))
    _trained(small(90), {"settings": {"folds": 2, **told}, "seed": 0}, tmp_path, None, False)
    assert [options["finetune"] for options in heard] == [asked]
