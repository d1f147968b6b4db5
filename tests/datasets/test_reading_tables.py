"""Tables as people have them: every file is made here, the right values stand beside it."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import dqkit as dq

ROWS = [
    ("1", "gut, schnell", "Störung", "3,50"),
    ("2", "kaputt; spät", "Rückgabe", "1.234,00"),
    ("3", "nie da", "Störung", "0,75"),
]


def text_table(separator: str) -> str:
    quoted = [[f'"{v}"' if separator in v else v for v in row] for row in [("Nr", "Text", "Art", "Betrag"), *ROWS]]
    return "".join(separator.join(row) + "\n" for row in quoted)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_separator_encoding_and_decimal_comma_are_found_and_said(tmp_path, separator, encoding):
    (tmp_path / "t.csv").write_bytes(text_table(separator).encode(encoding))
    ds = dq.from_table(tmp_path / "t.csv", text="Text", label="Art")
    assert ds.content.tolist() == ["gut, schnell", "kaputt; spät", "nie da"]
    assert [ds.classes[k] for k in ds.labels] == ["Störung", "Rückgabe", "Störung"]
    assert ds.metadata["Betrag"].tolist() == [3.5, 1234.0, 0.75]
    word = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[separator]
    assert word in ds.reading
    assert {"cp1252": "cp1252", "utf-16": "UTF-16", "utf-32": "UTF-32"}.get(encoding, "") in ds.reading
    assert "',' before the decimals" in ds.reading


def test_options_override_what_would_be_found(tmp_path):
    (tmp_path / "t.csv").write_bytes("t;y;x\na,b;ü;1,5\nc,d;o;2,5\n".encode("cp1250"))
    ds = dq.from_table(tmp_path / "t.csv", features=["x"], label="y", sep=";", encoding="cp1250", decimal=",")
    assert ds.classes == ("o", "ü")
    assert ds.content["x"].tolist() == [1.5, 2.5]
    for option, value in (("sep", ";;"), ("encoding", "klingon"), ("decimal", "x")):
        with pytest.raises(dq.InputError, match=f"{option} must be"):
            dq.from_table(tmp_path / "t.csv", features=["x"], label="y", **{option: value})


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("sep=;\n", "sep="),
        ('"sep=;"\n', "sep="),
        ("# made by a program\n# on a day\n", "2 lines before"),
        ("Report of March\n\n", "1 line before"),
    ],
)
def test_what_stands_before_the_column_names_is_passed_over_and_said(tmp_path, before, said):
    (tmp_path / "t.csv").write_text(before + "text;kind\none;a\ntwo;b\n")
    ds = dq.from_table(tmp_path / "t.csv", text="text", label="kind")
    assert ds.content.tolist() == ["one", "two"]
    assert said in ds.reading


def test_a_line_break_in_quotation_marks_and_an_open_inch_are_texts(tmp_path):
    (tmp_path / "t.csv").write_text('t,y\n"one\ntwo",a\n"he said ""no""",b\n')
    assert dq.from_table(tmp_path / "t.csv", text="t", label="y").content.tolist() == ["one\ntwo", 'he said "no"']
    (tmp_path / "t.tsv").write_text('t\ty\n5" long\ta\n"wide\tb\n')
    assert dq.from_table(tmp_path / "t.tsv", text="t", label="y").content.tolist() == ['5" long', '"wide']


def test_a_row_of_too_many_fields_is_named_by_its_line_and_a_short_one_is_said(tmp_path):
    (tmp_path / "long.csv").write_text('t,y,z\n"a\nb",p,1\nc,q,2\nd,p,3,4\n')
    with pytest.raises(dq.InputError, match=r"line 5 of 'long.csv' has 4"):
        dq.from_table(tmp_path / "long.csv", text="t", label="y")
    (tmp_path / "short.csv").write_text("t,y,z\na,p,1\nc,q\nd,p,3\n")
    ds = dq.from_table(tmp_path / "short.csv", text="t", label="y")
    assert ds.metadata["z"].isna().tolist() == [False, True, False]
    assert "line 3" in ds.reading


def test_codes_stay_as_they_are_written_and_the_rest_are_numbers(tmp_path):
    (tmp_path / "t.csv").write_text(
        "id,zip,big,n,on,y,t\n1e5,01067,12345678901234567890,7,True,007,a b\n"
        "002,10115,12345678901234567891,NA,False,7,c d\n"
    )
    ds = dq.from_table(tmp_path / "t.csv", text="t", label="y", id="id")
    assert ds.ids.tolist() == ["1e5", "002"]
    assert ds.classes == ("007", "7")
    assert ds.metadata["zip"].tolist() == ["01067", "10115"]
    assert ds.metadata["big"].tolist() == ["12345678901234567890", "12345678901234567891"]
    assert ds.metadata["n"].iloc[0] == 7
    assert ds.metadata["n"].isna().tolist() == [False, True]
    assert ds.metadata["on"].tolist() == [True, False]
    assert "zip" in ds.reading


def test_thousands_with_a_comma_are_read_where_the_point_is_before_the_decimals(tmp_path):
    (tmp_path / "t.csv").write_text('x,z,y\n"1,234",0.5,a\n"12,000",1.25,b\n')
    ds = dq.from_table(tmp_path / "t.csv", features=["x", "z"], label="y")
    assert ds.content["x"].tolist() == [1234, 12000]
    assert ds.content["z"].tolist() == [0.5, 1.25]


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zip", "zst"])
def test_packed_tables_are_unpacked(tmp_path, suffix):
    raw = b"t,y\none,a\ntwo,b\n"
    file = tmp_path / f"t.csv.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("inner/t.csv", raw)
            archive.writestr("__MACOSX/._t.csv", b"x")
    elif suffix == "zst":
        with pa.CompressedOutputStream(pa.OSFile(str(file), "wb"), "zstd") as stream:
            stream.write(raw)
    else:
        file.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[suffix].compress(raw))
    ds = dq.from_table(file, text="t", label="y")
    assert ds.content.tolist() == ["one", "two"]
    assert ds.name == "t"


def test_json_in_its_usual_forms_keeps_its_types(tmp_path):
    records = [{"t": "one", "y": "01", "n": 1}, {"t": "zwei ü", "y": "2", "n": None}]
    lines = "\n".join(json.dumps(r, ensure_ascii=False) for r in records)
    forms = {
        "a.jsonl": lines + "\n\n",
        "b.ndjson": lines,
        "c.json": json.dumps(records),
        "d.json": json.dumps({"data": records}),
        "e.json": json.dumps({k: [r[k] for r in records] for k in ("t", "y", "n")}),
        "f.json": json.dumps({k: {str(i): r[k] for i, r in enumerate(records)} for k in ("t", "y", "n")}),
        "g.json": lines,
    }
    for name, text in forms.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        ds = dq.from_table(tmp_path / name, text="t", label="y")
        assert ds.content.tolist() == ["one", "zwei ü"], name
        assert ds.classes == ("01", "2"), name
    (tmp_path / "h.jsonl").write_text('{"t": 1}\n{"t": \n')
    with pytest.raises(dq.InputError, match="line 2"):
        dq.from_table(tmp_path / "h.jsonl", text="t", classes=["a", "b"])


def test_a_spreadsheet_gives_its_sheet_and_keeps_text_cells(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    book.active.append(["only a note"])
    sheet = book.create_sheet("Data")
    for row in (["Export of today"], ["zip", "text", "stars"], ["01067", "one", 1], ["10115", "two", 5]):
        sheet.append(row)
    book.save(tmp_path / "t.xlsx")
    ds = dq.from_table(tmp_path / "t.xlsx", text="text", label="stars")
    assert ds.classes == ("1", "5")
    assert ds.metadata["zip"].tolist() == ["01067", "10115"]
    assert "'Data'" in ds.reading
    assert dq.from_table(tmp_path / "t.xlsx", text="text", label="stars", sheet="Data").labels.tolist() == [0, 1]
    with pytest.raises(dq.InputError, match="sheet must be one of 'Notes', 'Data'"):
        dq.from_table(tmp_path / "t.xlsx", text="text", label="stars", sheet="Other")


def test_arrow_files_parquet_parts_and_a_saved_dataset_are_read(tmp_path):
    frame = pd.DataFrame({"t": ["one", "two", "three"], "y": ["a", "b", "a"]})
    frame.to_feather(tmp_path / "t.feather")
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as sink, pa.ipc.new_stream(sink, pa.table(frame).schema) as writer:
        writer.write_table(pa.table(frame))
    for part, rows in (("2023", frame[:1]), ("2024", frame[1:])):
        (tmp_path / "parts" / f"year={part}").mkdir(parents=True)
        rows.to_parquet(tmp_path / "parts" / f"year={part}" / "0.parquet")
    (tmp_path / "parts" / "_SUCCESS").write_text("")
    for name in ("t.feather", "t.arrow", "parts"):
        ds = dq.from_table(tmp_path / name, text="t", label="y")
        assert ds.content.tolist() == ["one", "two", "three"], name
        assert ds.labels.tolist() == [0, 1, 0]
    assert ds.metadata["year"].astype(int).tolist() == [2023, 2024, 2024]


def test_a_hugging_face_dataset_brings_its_class_names_and_splits(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"t": datasets.Value("string"), "y": datasets.ClassLabel(names=["neg", "pos", "odd"])})
    whole = datasets.Dataset.from_dict({"t": ["a", "b", "c"], "y": [1, 0, -1]}, features=features)
    both = datasets.DatasetDict(train=whole, test=whole.select([1]))
    ds = dq.from_table(whole, text="t", label="y")
    assert ds.classes == ("neg", "pos", "odd")
    assert ds.labels.tolist() == [1, 0, -1]
    assert dq.from_arrays(whole).labels.tolist() == [1, 0, -1]
    ds = dq.from_table(both, text="t", label="y")
    assert ds.split.tolist() == ["train", "train", "train", "test"]
    assert ds.labels.tolist() == [1, 0, -1, 0]
    both.save_to_disk(str(tmp_path / "saved"))
    again = dq.from_table(tmp_path / "saved", text="t", label="y")
    assert again.classes == ds.classes
    assert again.labels.tolist() == ds.labels.tolist()
    assert again.split.tolist() == ds.split.tolist()


def test_polars_and_pyarrow_tables_are_taken():
    table = pa.table({"t": ["a", "b", "c"], "y": pa.array(["x", None, "z"]), "n": pa.array([1, None, 3])})
    polars = pytest.importorskip("polars")
    for source in (table, polars.from_arrow(table), polars.from_arrow(table).lazy()):
        ds = dq.from_table(source, text="t", label="y")
        assert ds.labels.tolist() == [0, -1, 1]
        assert ds.metadata["n"].isna().tolist() == [False, True, False]


def test_web_addresses_devices_and_folders_without_tables_are_refused(tmp_path):
    with pytest.raises(dq.InputError, match="nothing is downloaded"):
        dq.from_table("https://example.org/t.csv", text="t", label="y")
    with pytest.raises(dq.InputError, match="from_folder"):
        dq.from_table(tmp_path, text="t", label="y")
    if os.path.exists("/dev/zero"):
        with pytest.raises(dq.InputError, match="regular file"):
            dq.from_table("/dev/zero", text="t", label="y")
    (tmp_path / "t.csv").write_text("t,y\na,p\nb,q\n")
    assert len(dq.from_table((tmp_path / "t.csv").as_uri(), text="t", label="y")) == 2


def test_columns_that_come_twice_and_near_names_are_named(tmp_path):
    (tmp_path / "t.csv").write_text("t,y,y\na,p,1\nb,q,2\n")
    with pytest.raises(dq.InputError, match="'y' comes more than once"):
        dq.from_table(tmp_path / "t.csv", text="t", label="y")
    with pytest.raises(dq.InputError, match="Did you mean 'Label'"):
        dq.from_table(pd.DataFrame({"t": ["a", "b"], "Label": ["p", "q"]}), text="t", label="label")


def test_a_single_column_of_texts_with_commas_is_one_column(tmp_path):
    (tmp_path / "t.txt").write_text("text\none, two\nthree\nfour, five, six\n")
    ds = dq.from_table(tmp_path / "t.txt", text="text", classes=["a", "b"])
    assert ds.content.tolist() == ["one, two", "three", "four, five, six"]


def test_a_nested_column_beside_the_named_ones_is_kept_and_is_no_feature(tmp_path):
    rows = [{"x": k, "label": "ab"[k % 2], "meta": {"at": k}, "tags": ["t"] * k} for k in (3, 1, 4, 1)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    ds = dq.from_table(tmp_path / "t.jsonl", features=["x"], label="label")
    assert [ds.classes[k] for k in ds.labels] == ["b", "b", "a", "b"]
    assert ds.metadata["meta"].tolist() == [{"at": 3}, {"at": 1}, {"at": 4}, {"at": 1}]
    ds = dq.from_table(tmp_path / "t.jsonl", features="auto", label="label")
    assert list(ds.content.columns) == ["x"]
    assert "meta, tags (neither numbers nor texts)" in ds.reading


def test_a_field_more_than_names_is_a_row_name_only_where_it_is_written_as_one(tmp_path):
    path = tmp_path / "t.csv"
    for body in ('"a",7,u\n"b",8,v\n"c",7,u\n', "1,7,u\n2,8,v\n3,7,u\n"):
        path.write_text("x,label\n" + body)
        ds = dq.from_table(path, features=["x"], label="label")
        assert ds.content["x"].tolist() == [7, 8, 7]
        assert "the first field of each row taken as its name" in ds.reading
    for body in ("'Hello, you',u\n'Bye, all',v\n'So, so',u\n", "5,234,u\n7,100,v\n9,000,u\n"):
        path.write_text("x,label\n" + body)
        with pytest.raises(dq.InputError, match="must have 2 fields in every row"):
            dq.from_table(path, text="x", label="label")
    path.write_text("x,label\na,u,\nb,v,\n")  # a separator at the end of each row
    ds = dq.from_table(path, text="x", label="label")
    assert (ds.content.tolist(), [ds.classes[k] for k in ds.labels]) == (["a", "b"], ["u", "v"])


@pytest.mark.parametrize(
    ("encoding", "labels", "said"),
    [
        ("latin-1", ["å", "ö"], "cp1252"),
        ("cp1252", ["à", "œuvre"], "cp1252"),
        ("iso8859-15", ["coûte 5 €", "Œuvre"], "iso8859-15"),
        ("cp932", ["良いと思う", "悪いです"], "cp932 by its look"),
        ("euc_jp", ["良いと思う", "悪いです"], "euc_jp by its look"),
        ("cp1251", ["хорошо и полезно", "плохой товар"], "cp1251 by its look"),
    ],
)
def test_few_letters_beyond_ascii_are_read_in_the_usual_encoding_of_their_script(tmp_path, encoding, labels, said):
    (tmp_path / "t.csv").write_bytes(
        "".join(["x;label\n", *(f"{i};{v}\n" for i, v in enumerate(labels))]).encode(encoding)
    )
    ds = dq.from_table(tmp_path / "t.csv", features=["x"], label="label")
    assert [ds.classes[k] for k in ds.labels] == labels
    assert said in ds.reading


def test_signs_of_missing_values_in_a_column_of_numbers_are_missing_and_said(tmp_path):
    (tmp_path / "t.csv").write_text("x;y;z;c;label\n?;1,5;-;007;a\n2;-;?;?;b\n3;2,5;low;010;?\n")
    ds = dq.from_table(tmp_path / "t.csv", features=["x", "y", "z", "c"], label="label")
    np.testing.assert_array_equal(ds.content["x"], [np.nan, 2, 3])
    np.testing.assert_array_equal(ds.content["y"], [1.5, np.nan, 2.5])
    assert ds.content["z"].tolist() == ["-", "?", "low"]
    assert ds.content["c"].tolist() == ["007", "?", "010"]
    assert "Missing beside numbers: '?' in x. Missing beside numbers: '-' in y." in ds.reading
    assert [ds.classes[k] for k in ds.labels] == ["a", "b", "?"]


def test_a_word_in_a_column_of_numbers_keeps_it_as_texts_and_is_said(tmp_path):
    rows = "".join(f"{k},{'ab'[k % 2]}\n" for k in range(30))
    (tmp_path / "t.csv").write_text(f"x,label\n{rows}about 3,a\n")
    ds = dq.from_table(tmp_path / "t.csv", features=["x"], label="label")
    assert ds.content["x"].tolist()[-2:] == ["29", "about 3"]
    assert "Taken as texts, since not all of it is numbers: x ('about 3')." in ds.reading


def test_quotation_marks_after_a_backslash_are_read_and_other_backslashes_stay(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('t,label\n"say \\"hi\\", you",u\n"C:\\new, C:\\old",v\n"two\nlines",u\n')
    ds = dq.from_table(path, text="t", label="label")
    assert ds.content.tolist() == ['say "hi", you', "C:\\new, C:\\old", "two\nlines"]
    assert "quotation marks after a backslash" in ds.reading
    path.write_text('t,label\n"C:\\dir\\",u\n"a ""b"", c\\",v\n')  # a backslash that ends a field is one
    ds = dq.from_table(path, text="t", label="label")
    assert ds.content.tolist() == ["C:\\dir\\", 'a "b", c\\']


def test_a_table_that_is_read_as_one_column_is_refused_with_the_option_that_separates_it(tmp_path):
    (tmp_path / "t.txt").write_text("x label\n1 a\n2 b\n")
    with pytest.raises(dq.InputError, match="such as sep=' '"):
        dq.from_table(tmp_path / "t.txt", features=["x"], label="label")
    ds = dq.from_table(tmp_path / "t.txt", features=["x"], label="label", sep=" ")
    assert ds.content["x"].tolist() == [1, 2]
    assert [ds.classes[k] for k in ds.labels] == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "is_date"),
    [
        (["2024-01-31", "", "2024-02-01"], True),
        (["2024-01-31 10:00", "2024-02-01T11:30:00.5"], True),
        (["2024-01-31", "2024-02-31"], False),
        (["2024-01-31", "soon"], False),
        (["31.01.2024", "01.02.2024"], False),
        (["2024-01-31T10:00Z", "2024-01-31T10:00"], False),
    ],
)
def test_dates_that_begin_with_the_year_are_dates_in_a_file_as_in_a_frame(tmp_path, rows, is_date):
    (tmp_path / "t.csv").write_text("d,y\n" + "".join(f"{row},{'uvu'[i]}\n" for i, row in enumerate(rows)))
    ds = dq.from_table(tmp_path / "t.csv", features=["d"], label="y")
    assert (ds.content["d"].dtype.kind == "M") == is_date
    if is_date:
        assert ds.content["d"].iloc[0] == pd.Timestamp(rows[0])
    else:
        assert ds.content["d"].tolist() == rows


def test_rows_that_repeat_the_names_are_left_out_and_counted(tmp_path):
    (tmp_path / "t.csv").write_text("t,y\na,x\nt,y\ny,x\nt,z\n")
    ds = dq.from_table(tmp_path / "t.csv", text="t", label="y")
    assert ds.content.tolist() == ["a", "y", "t"]
    assert "repeat the names of the columns are left out: 1" in ds.reading


def test_the_two_rows_of_qualtrics_below_the_names_are_left_out(tmp_path):
    ids = '"{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"'
    (tmp_path / "t.csv").write_text(f"Q1,Q2\nWhat?,Label?\n{ids}\nnice,pos\nbad,neg\n")
    ds = dq.from_table(tmp_path / "t.csv", text="Q1", label="Q2")
    assert ds.content.tolist() == ["nice", "bad"]
    assert "Qualtrics" in ds.reading


def test_a_class_that_is_made_of_others_is_named():
    ds = dq.from_table({"t": list("abc"), "y": ["red", "red; blue", "blue"]}, text="t", label="y")
    assert "'red; blue' looks like several labels" in ds.reading
    assert "several labels" not in dq.from_table({"t": ["a", "b"], "y": ["C/C++", "Go"]}, text="t", label="y").reading
