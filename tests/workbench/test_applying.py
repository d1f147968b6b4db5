"""A colleague's answers brought back: changes, tables, Label Studio, every own export."""

from __future__ import annotations

import json
import os

import pandas as pd
import pytest

import dqkit as dq

from .conftest import pairs


def test_a_colleagues_changes_come_in_as_theirs_and_only_once(pets, theirs, tmp_path):
    theirs.record("s1", "cat", annotator="ben", why="it purrs")
    theirs.record("s4", "dog", annotator="ben")
    theirs.changes().to_csv(tmp_path / "changes.csv", index=False)
    first = pets.apply(tmp_path / "changes.csv")
    assert first["outcome"].tolist() == ["recorded", "recorded"]
    assert pairs(pets.changes()) == pairs(theirs.changes())
    assert pets.changes()["why"].tolist() == ["it purrs", ""]
    assert pets.changes()["at"].tolist() == theirs.changes()["at"].tolist()
    again = pets.apply(tmp_path / "changes.csv")
    assert again["outcome"].tolist() == ["already there", "already there"]
    assert len(pets.store.events()) == 2


def test_an_answer_without_an_id_is_known_by_its_content(pets):
    answers = pd.DataFrame({"sample_id": ["s1", "s4"], "label": ["cat", ""]})
    assert pets.apply(answers, annotator="ben")["outcome"].tolist() == ["recorded", "no answer"]
    assert pets.apply(answers, annotator="ben")["outcome"].tolist() == ["already there", "no answer"]
    assert len(pets.store.events()) == 1


def test_what_cannot_be_used_is_listed_and_the_rest_is_recorded(pets):
    answers = pd.DataFrame(
        {
            "sample_id": ["s1", "zz", "s2", "s0", "s0", "s5"],
            "label": ["cat", "cat", "cow", "dog", "cat", "dog"],
            "at": [None, None, None, None, None, "soon"],
        }
    )
    found = pets.apply(answers, annotator="ben")
    assert found["outcome"].tolist() == ["recorded"] + ["not recorded"] * 5
    assert [problem and problem.split()[0] for problem in found["problem"]] == [None, "this", "no", "the", "the", "at"]
    assert pairs(pets.changes()) == [("s1", "dog", "cat", "ben")]


def test_a_label_that_was_recorded_here_later_is_kept(pets, theirs, tmp_path):
    theirs.record("s1", "cat", annotator="ben")
    theirs.changes().to_csv(tmp_path / "changes.csv", index=False)
    pets.record("s1", "dog", annotator="ana")
    found = pets.apply(tmp_path / "changes.csv")
    assert found["outcome"].tolist() == ["not recorded"]
    assert "conflict: ana decided later here ('dog'" in found["problem"][0]
    assert pets.labels().loc["s1", "label"] == "dog"


def test_a_label_edited_in_the_list_is_another_persons_decision(pets, tmp_path):
    pets.record("s1", "cat", annotator="ana")
    table = pets.changes()
    table.loc[0, "now"] = "dog"
    table.to_csv(tmp_path / "changes.csv", index=False)
    with pytest.raises(dq.InputError, match="author"):
        pets.apply(tmp_path / "changes.csv")
    assert pets.apply(tmp_path / "changes.csv", annotator="eva")["annotator"].tolist() == ["eva"]
    assert pets.labels().loc["s1", ["label", "annotator"]].tolist() == ["dog", "eva"]


def test_what_was_withdrawn_here_does_not_come_back(pets, tmp_path):
    pets.record("s1", "cat", annotator="ana")
    pets.changes().to_csv(tmp_path / "changes.csv", index=False)
    pets.undo(annotator="ana")
    assert "withdrawn" in pets.apply(tmp_path / "changes.csv")["problem"][0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "id,klass\n1,cat\n"),
        ("a.csv", "sample_id,label\n,cat\n"),
        ("a.json", "[{]"),
        ("a.json", '[{"data": {}, "annotations": []}]'),
        ("a.json", '"cat"'),
        ("a.parquet", "no parquet"),
        ("a.npz", "no archive"),
        ("a.xyz", "x"),
        ("a.csv", ""),
    ],
)
def test_a_malformed_file_is_refused_and_nothing_is_written(pets, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(dq.InputError):
        pets.apply(tmp_path / name, annotator="ben")
    assert len(pets.store.events()) == 0


@pytest.mark.parametrize("source", ["nowhere.csv", 3, None, ""])
def test_what_is_no_file_is_refused(pets, source):
    with pytest.raises(dq.InputError):
        pets.apply(source, annotator="ben")


def test_an_answer_without_an_author_is_refused(pets):
    with pytest.raises(dq.InputError, match="author"):
        pets.apply(pd.DataFrame({"sample_id": ["s1"], "label": ["cat"]}))


def test_a_spreadsheets_semicolons_and_formula_marks_are_read(pets, tmp_path):
    (tmp_path / "a.csv").write_text("\ufeffsample_id;label;why\r\ns1;cat;'=because\r\n", encoding="utf-8")
    assert pets.apply(tmp_path / "a.csv", annotator="ben")["outcome"].tolist() == ["recorded"]
    assert pets.history("s1")["why"].tolist() == ["=because"]


def test_label_studio_brings_its_annotators_answers_back(pets, tmp_path):
    pets.record("s1", "cat", annotator="ana")
    pets.export(tmp_path / "tasks.json", "label_studio")
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))

    def choose(task, *labels):
        result = {"type": "choices", "from_name": "label", "to_name": "sample", "value": {"choices": list(labels)}}
        task["annotations"] = [
            {
                "result": [result],
                "completed_by": {"email": "ben@lab.org"},
                "created_at": "2100-01-01T00:00:00Z",
            }
        ]

    choose(tasks[0], "dog")
    choose(tasks[4], "cat", "dog")
    (tmp_path / "done.json").write_text(json.dumps(tasks), encoding="utf-8")
    found = pets.apply(tmp_path / "done.json").set_index("sample_id")
    assert found["outcome"].to_dict() == {
        "s0": "recorded",
        "s1": "already there",
        "s2": "no answer",
        "s3": "no answer",
        "s4": "not recorded",
        "s5": "no answer",
    }
    assert pets.labels().loc["s0", ["label", "annotator"]].tolist() == ["dog", "ben@lab.org"]
    assert "several choices" in found.loc["s4", "problem"]


@pytest.mark.parametrize("format", ["csv", "parquet", "label_studio", "numpy", "torch", "huggingface"])
def test_every_own_export_brings_a_colleagues_labels_back(pets, theirs, tmp_path, format):
    out = tmp_path / {"csv": "x.csv", "parquet": "x.parquet", "label_studio": "x.json", "numpy": "x.npz"}.get(
        format, "x"
    )
    theirs.record("s1", "cat", annotator="ben")
    theirs.record("s4", "dog", annotator="ben")
    theirs.export(out, format)
    pets.apply(out, annotator="ben")
    assert pairs(pets.changes()) == pairs(theirs.changes())
    pets.apply(out, annotator="ben")
    assert len(pets.store.events()) == 2


def spreadsheet(table, file, **options):
    """A table as a German Excel saves it: semicolons, times to the minute, day first, columns in another order."""
    table = table.assign(at=pd.to_datetime(table["at"]).dt.strftime("%d.%m.%Y %H:%M"), remark="seen")
    table[table.columns[::-1]].to_csv(file, sep=";", index=False, **options)


def test_an_edited_row_of_a_spreadsheet_is_a_later_decision_of_who_edited_it(pets, tmp_path):
    pets.record("s0", "dog", annotator="ana")
    pets.record("s1", "cat", annotator="ana")
    table = pets.changes()
    table["now"] = ["cat", "cat"]
    spreadsheet(table, tmp_path / "excel.csv", encoding="utf-8-sig")
    found = pets.apply(tmp_path / "excel.csv", annotator="ben").set_index("sample_id")
    assert found["outcome"].to_dict() == {"s0": "recorded", "s1": "already there"}
    said = pets.history("s0")
    assert said["annotator"].tolist() == ["ana", "ben"]
    assert said["at"][1] > said["at"][0]
    assert pets.apply(tmp_path / "excel.csv", annotator="ben")["outcome"].tolist() == ["already there"] * 2
    pets.record("s0", "dog", annotator="eva")
    table["now"] = ["cat", "dog"]
    pets.undo(annotator="ana", undoes=table["event_id"][1])
    pets.record("s1", "cat", annotator="eva")
    spreadsheet(table, tmp_path / "late.csv")
    late = pets.apply(tmp_path / "late.csv", annotator="zoe").set_index("sample_id")
    assert late["outcome"].to_dict() == {"s0": "not recorded", "s1": "not recorded"}
    assert late["problem"].str.contains("conflict: eva decided later").all()


def test_a_time_whose_day_and_month_may_be_swapped_is_not_guessed(pets):
    rows = pd.DataFrame({"sample_id": ["s0", "s1"], "label": ["dog", "cat"], "at": ["03/05/2024", "2024-05-03"]})
    found = pets.apply(rows, annotator="ben")
    assert found["outcome"].tolist() == ["not recorded", "recorded"]
    assert "begin with the year" in found["problem"][0]
    assert pets.history("s1")["at"].tolist() == ["2024-05-03T00:00:00.000+00:00"]


def test_rows_whose_event_belongs_to_another_sample_are_refused(pets):
    pets.record("s0", "dog", annotator="ana")
    pets.record("s1", "cat", annotator="ana")
    table = pets.changes()
    table["sample_id"] = table["sample_id"].tolist()[::-1]  # one column was sorted alone
    found = pets.apply(table, annotator="ben")
    assert found["outcome"].tolist() == ["not recorded"] * 2
    assert found["problem"].str.contains("mixed up").all()


@pytest.mark.parametrize(
    "text",
    [
        "sample_id;label;\ns0;dog;\n",
        "sample_id;label\ns0;dog;\n",
        "sep=;\r\nsample_id;label\r\ns0;dog\r\n",
        " Sample_ID ,Label\ns0,dog\n",
        "sample_id;now;given_label;label\ns0;evening;cat;dog\n",
    ],
)
def test_a_table_that_a_spreadsheet_saved_is_read_by_its_names(pets, tmp_path, text):
    (tmp_path / "done.csv").write_text(text)
    found = pets.apply(tmp_path / "done.csv", annotator="ben")
    assert found[["sample_id", "label", "outcome"]].to_numpy().tolist() == [["s0", "dog", "recorded"]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sample_id,label\ns0,dog,cat\n", "more cells than"),
        ("sample_id,label\ns0,dog" + ",x" * 80 + "\n", "cells|fields"),
        ("sample_id,label,label\ns0,dog,cat\n", "label 2 times"),
        ("Label,sample_id,LABEL\ndog,s0,cat\n", "label 2 times"),
    ],
)
def test_a_table_that_can_be_read_in_two_ways_is_refused(pets, tmp_path, text, said):
    (tmp_path / "done.csv").write_text(text)
    with pytest.raises(dq.InputError, match=said):
        pets.apply(tmp_path / "done.csv", annotator="ben")
    assert pets.changes().empty


def test_an_id_that_lost_its_zeros_is_named_in_the_problem(tmp_path):
    data = dq.from_arrays(["a", "b"], ["cat", "dog"], ids=["007", "x"])
    with dq.Workbench.create(tmp_path / "wb", data) as bench:
        found = bench.apply(pd.DataFrame({"sample_id": [7, 8], "label": ["dog", "dog"]}), annotator="ben")
    assert "'007'" in found["problem"][0]
    assert found["problem"][1] == "this workbench has no such sample"


def test_the_csv_beside_the_page_runs_no_formula_and_comes_back(tmp_path):
    data = dq.from_arrays(["a", "b", "c"], ["=1+1", "-1", "=1+1"], ids=["@x", "s", "'t"])
    with dq.Workbench.create(tmp_path / "wb", data) as bench:
        bench.record("@x", "-1", annotator="ana", why='=HYPERLINK("http://example")')
        bench.record("'t", "-1", annotator="ana")
        bench.changes_page(tmp_path / "changes.html")
    raw = (tmp_path / "changes.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    read = pd.read_csv(tmp_path / "changes.csv", dtype=str, keep_default_na=False)
    assert not any(str(cell).startswith(("=", "-", "@")) for cell in read.to_numpy().ravel())
    (tmp_path / "plain.csv").write_bytes(raw.removeprefix(b"\xef\xbb\xbf"))  # a spreadsheet saved it without the mark
    for number, name in enumerate(("changes.csv", "plain.csv")):
        with dq.Workbench.create(tmp_path / str(number), data) as other:
            assert other.apply(tmp_path / name)["outcome"].tolist() == ["recorded"] * 2
            assert other.labels()["label"].tolist() == ["-1"] * 3


def exported(value, sample_id="s0", **more):
    return {"data": {"sample_id": sample_id}, "annotations": [{"completed_by": 3, "result": value, **more}]}


def test_label_studio_s_other_shapes_are_read_or_refused_by_name(pets, tmp_path):
    def applied(*tasks):
        (tmp_path / "studio.json").write_text(json.dumps(tasks))
        return pets.apply(tmp_path / "studio.json")

    one = exported([{"type": "choices", "value": {"choices": "dog"}}])
    assert applied(one)[["label", "annotator"]].to_numpy().tolist() == [["dog", "label-studio 3"]]
    assert applied(exported(None))["outcome"].tolist() == ["no answer"]
    two = applied({"sample_id": "s1", "annotator": 3, "label": {"choices": ["cat", "dog"]}})
    assert two["outcome"].tolist() == ["not recorded"]
    assert "several choices" in two["problem"][0]
    with pytest.raises(dq.InputError, match="names no label"):
        applied({"sample_id": "s1", "annotator": 3, "sentiment": "cat"})
    with pytest.raises(dq.InputError, match="annotations of task 1"):
        applied({"data": {"sample_id": "s1"}, "annotations": {"result": []}})


def test_an_older_coco_file_does_not_overrule_a_later_decision(pets, tmp_path):
    pets.record("s0", "dog", annotator="ana")
    told = {
        "images": [{"id": 1, "file_name": "x", "sample_id": "s0"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 2}],
        "categories": [{"id": 2, "name": "cat"}],
    }
    (tmp_path / "old.json").write_text(json.dumps(told))
    os.utime(tmp_path / "old.json", (1e9, 1e9))
    assert "decided later" in pets.apply(tmp_path / "old.json", annotator="ben")["problem"][0]
