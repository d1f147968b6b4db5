"""Numbers of tables as people write them: points, commas and units."""

from __future__ import annotations

import pandas as pd
import pytest

import dqkit as dq


@pytest.mark.parametrize(
    ("rows", "expected", "said"),
    [
        (["1.234;x", "5.678;z"], [1.234, 5.678], "pass decimal=','"),
        (["1.234;1,5", "5.678;2,5"], [1234, 5678], "'.' between thousands"),
        (["1.234.567;x", "5.678.000;z"], [1234567, 5678000], "'.' between thousands"),
        (["0.234;x", "5.678;z"], [0.234, 5.678], "UTF-8."),
        (["1.5;1,5", "2.5;2,5"], [1.5, 2.5], "',' before the decimals"),
    ],
)
def test_a_point_before_three_digits_is_said_where_it_may_be_either(tmp_path, rows, expected, said):
    (tmp_path / "t.csv").write_text("a;b;y\n" + "".join(f"{row};{'uv'[i]}\n" for i, row in enumerate(rows)))
    ds = dq.from_table(tmp_path / "t.csv", features=["a"], label="y")
    assert ds.content["a"].tolist() == expected
    assert said in ds.reading


def test_a_point_between_thousands_is_read_so_when_it_is_told(tmp_path):
    (tmp_path / "t.csv").write_text("a;y\n1.234;u\n5.678;v\n")
    ds = dq.from_table(tmp_path / "t.csv", features=["a"], label="y", decimal=",")
    assert ds.content["a"].tolist() == [1234, 5678]
    assert "pass decimal" not in ds.reading


def test_a_comma_between_fields_leaves_no_doubt_about_the_point(tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n1.234,u\n5.678,v\n")
    assert "decimal" not in dq.from_table(tmp_path / "t.csv", features=["a"], label="y").reading


@pytest.mark.parametrize(
    ("rows", "expected", "said"),
    [
        (["12%", "5 %", ""], [12, 5, None], "without %"),
        (["€ 1.200,50", "€ 3,20", "-€ 4"], [1200.5, 3.2, -4], "without €"),
        (["$1.50", "$3.20", "($4.00)"], [1.5, 3.2, -4], "without $"),
        (["(12)", "5", "7-"], [-12, 5, -7], "as -12"),
        (["12%", "5", "3"], ["12%", "5", "3"], "UTF-8"),
        (["$1", "€2", "$3"], ["$1", "€2", "$3"], "UTF-8"),
        (["12%", "many %", "3%"], ["12%", "many %", "3%"], "UTF-8"),
    ],
)
def test_numbers_with_one_unit_are_numbers_and_it_is_said(tmp_path, rows, expected, said):
    (tmp_path / "t.csv").write_text("p;y\n" + "".join(f"{row};{'uvu'[i]}\n" for i, row in enumerate(rows)))
    ds = dq.from_table(tmp_path / "t.csv", features=["p"], label="y")
    assert [None if pd.isna(v) else v for v in ds.content["p"]] == expected
    assert said in ds.reading
