"""`wb.add` appends new samples, knows those that are there, and the journal, the rounds and the queue go on."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import dqkit as dq
from dqkit.workbench import project
from dqkit.workbench.rebuilding import rebuild
from tests.workbench.conftest import quick, small


def week_two(present, n=40):
    """Some of the samples that are there, one of them changed, one under another id, and new ones in another order of
    classes."""
    new = small(n, seed=9, hidden=0.0)
    old = present.take(range(6))
    content = pd.concat([old.content, new.content], ignore_index=True)
    content.iloc[1] += 5.0
    ids = [*old.ids[:5], "again", *(f"w2-{i}" for i in range(n))]
    names = np.array(["red", "green", "blue", None], dtype=object)
    labels = [*names[old.labels], *names[new.labels]]
    return dq.from_arrays(content, labels, classes=["blue", "green", "red"], ids=ids)


def test_new_ones_are_appended_known_ones_recognised_and_changed_ones_said(bench):
    before = bench.dataset
    told = bench.add(week_two(before)).set_index("sample_id")
    assert told["state"].value_counts().to_dict() == {"new": 40, "known": 5, "changed": 1}
    assert told.loc[before.ids[1], "state"] == "changed"
    assert told.loc["again", "why"] == f"the same content as {before.ids[5]!r}"
    now = bench.dataset
    assert now.ids.tolist() == [*before.ids, *(f"w2-{i}" for i in range(40))]
    assert np.array_equal(np.asarray(now.content)[:240], np.asarray(before.content))
    names = np.array(now.classes)
    truth = small(40, seed=9, hidden=0.0)
    assert names[now.labels[240:]].tolist() == np.array(["red", "green", "blue"])[truth.labels].tolist()
    assert bench.labels().loc["w2-3", "source"] == "given"
    assert (bench.add(week_two(before))["state"] != "new").all()
    with dq.Workbench.open(bench.path) as again:
        assert again.dataset.ids.tolist() == now.ids.tolist()


def test_journal_queue_rounds_advice_and_report_go_on(bench, tmp_path):
    bench.run_round(budget=20, audit_share=0.5, estimators=quick(), progress=False)
    first = bench.rounds[-1].queue["sample_id"].tolist()
    bench.record(first[0], "red", annotator="ana")
    left = bench.advice().control.errors_left
    bench.add(week_two(bench.dataset))
    assert bench.open_queue()["sample_id"].tolist() == first[1:]
    assert bench.advice().control.errors_left == left  # the round says nothing of the new ones yet
    bench.record(first[1], "green", annotator="ana")
    bench.record("w2-0", "blue", annotator="ben")
    assert bench.labels().loc["w2-0", "label"] == "blue"
    bench.report(tmp_path / "a.html")
    bench.export(tmp_path / "all.csv", "csv")
    assert len(pd.read_csv(tmp_path / "all.csv")) == 280
    bench.labeler(annotator="ana")
    with pytest.raises(dq.InputError, match="knows nothing of 40 samples added since"):
        bench.rerank()
    assert set(rebuild(bench.path, progress=False)["state"]) == {"whole"}
    (bench.path / "rounds" / "0001" / "signals.parquet").unlink()
    told = rebuild(bench.path, progress=False).set_index("file")["state"]
    assert told["rounds/0001/signals"] == "rebuilt"
    assert "lost" not in set(told)
    second = bench.run_round(budget=30, estimators=quick(), progress=False)
    assert len(second.signals) == 280
    assert set(first[:2]).isdisjoint(second.queue["sample_id"])
    assert bench.history("w2-0")["label"].tolist() == ["blue"]
    bench.advice()
    bench.report(tmp_path / "b.html")
    bench.rerank(budget=31)


def test_texts_and_pictures_too(tmp_path):
    texts = dq.from_arrays([f"text {i}" for i in range(8)], list("abababab"), ids=[f"t{i}" for i in range(8)])
    with dq.Workbench.create(tmp_path / "texts", texts) as bench:
        more = dq.from_arrays(["text 3", "fresh"], ["a", "b"], ids=["x", "y"])
        assert bench.add(more)["state"].tolist() == ["known", "new"]
        assert bench.dataset.content.tolist()[-1] == "fresh"
    rng = np.random.default_rng(0)
    for week in ("one", "two"):
        for name in ("can", "jar"):
            (tmp_path / week / name).mkdir(parents=True)
            for k in range(3):
                pixels = rng.integers(0, 255, (70, 80, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / week / name / f"{week}{k}.png")
    shutil.copy(tmp_path / "one" / "can" / "one0.png", tmp_path / "two" / "can" / "copy.png")
    first = dq.from_folder(tmp_path / "one", progress=False)
    with dq.Workbench.create(tmp_path / "wb", first) as bench:
        told = bench.add(dq.from_folder(tmp_path / "two", progress=False)).set_index("sample_id")
        assert told["state"].value_counts().to_dict() == {"new": 6, "known": 1}
        assert told.loc["can/copy.png", "state"] == "known"
        assert isinstance(bench.dataset.content, np.memmap)
        assert len(bench.dataset) == 12
        assert np.array_equal(bench.dataset.content[:6], first.content)
        assert str(bench.dataset.paths[-1]).startswith(str(tmp_path / "two"))


def test_what_does_not_fit_is_refused_and_nothing_is_changed(bench):
    def files():
        return sorted(path for path in bench.path.rglob("*") if path.name != ".lock")

    before = files()
    wrong = [
        (dq.from_arrays(["a text"] * 2, ["red", "green"]), "must hold table samples"),
        (dq.from_arrays(np.zeros((4, 4)), ["red", "violet"] * 2), "'violet'"),
        (dq.from_arrays(np.zeros((4, 3)), ["red", "green"] * 2), "feature columns"),
        ("a folder", "must be a dqkit Dataset"),
    ]
    for dataset, words in wrong:
        with pytest.raises(dq.InputError, match=words):
            bench.add(dataset)
    assert files() == before


def test_a_class_that_people_added_may_come_with_new_samples(bench):
    bench.add_class("violet", annotator="ana")
    bench.add(dq.from_arrays(np.full((2, 4), 9.0) * [[1], [2]], ["violet", "red"], ids=["v", "r"]))
    assert bench.labels().loc["v", "label"] == "violet"
    with dq.Workbench.open(bench.path) as again:
        assert again.labels().loc["v", "label"] == "violet"


def test_an_addition_that_was_cut_short_leaves_nothing_and_a_damaged_one_is_named(bench, monkeypatch):
    more = week_two(bench.dataset)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(project, "save_tables", full)
        with pytest.raises(dq.StoreError, match="cannot be added"):
            bench.add(more)
    assert project.parts(bench.path / "dataset") == []
    assert len(bench.dataset) == 240
    bench.add(more)
    assert set(rebuild(bench.path, progress=False)["state"]) == {"whole"}
    part = project.parts(bench.path / "dataset")[0]
    (part / "samples.parquet").write_bytes(b"")
    told = rebuild(bench.path, progress=False)
    assert told.loc[told["state"] == "lost", "file"].tolist() == ["dataset/added/0001"]
    shutil.rmtree(part)
    with dq.Workbench.open(bench.path) as again:
        assert again.add(more)["state"].eq("new").sum() == 40


def texts(lines):
    return dq.from_table(
        pd.DataFrame({"text": lines, "label": ["a", "b"] * (len(lines) // 2)}), text="text", label="label"
    )


def test_row_numbers_are_no_ids_so_content_decides_and_new_rows_get_the_next_numbers(tmp_path):
    with dq.Workbench.create(tmp_path / "wb", texts([f"old {i}" for i in range(20)])) as wb:
        told = wb.add(texts(["new one", "old 7", "new two", "old 3"]))
        assert told["state"].tolist() == ["new", "known", "new", "known"]
        assert told["sample_id"].tolist() == ["0000020", "0000001", "0000021", "0000003"]
        assert told["why"].tolist()[:2] == [
            "row 0000000 has no id of its own; it is called '0000020'",
            "the same content as '0000007'",
        ]
        assert wb.dataset.ids.tolist() == [f"{i:07d}" for i in range(22)]
        assert wb.dataset.content[20:].tolist() == ["new one", "new two"]
        assert wb.dataset.metadata.index.tolist() == wb.dataset.ids.tolist()
    with dq.Workbench.open(tmp_path / "wb") as wb:
        assert wb.dataset.content[20:].tolist() == ["new one", "new two"]


def test_a_picture_that_has_no_file_is_kept_out_and_the_workbench_goes_on(tmp_path, monkeypatch):
    """Bytes that are no picture have no file; the others have one."""
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    rows = []
    for i in range(12):
        file = tmp_path / "one.png"
        Image.fromarray(rng.integers(0, 120, (70, 70, 3), dtype=np.uint8) + 120 * np.uint8(i % 2)).save(file)
        rows.append(file.read_bytes())
    table = pd.DataFrame({"image": [*rows, b"junk", None], "label": ["a", "b"] * 7})
    with dq.Workbench.create(tmp_path / "wb", dq.from_table(table, image="image", label="label")) as wb:
        wb.run_round(budget=3, pretrained=False, progress=False)
        wb.export(tmp_path / "out.csv")
    with dq.Workbench.open(tmp_path / "wb") as wb:
        assert [path is None for path in wb.dataset.paths] == [False] * 12 + [True] * 2
        assert wb.report(tmp_path / "health.html") is not None
