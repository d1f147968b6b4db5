"""Dates and numbers as people and spreadsheets write them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dqkit.baselines.columns import as_dates, as_numbers, date_parts


def test_dates_of_any_century_are_days() -> None:
    days = date_parts(pd.Series(pd.to_datetime(["1970-01-03 12:00", None], utc=True)))[0]
    assert days[0] == 2.5
    assert np.isnan(days[1])
    old = pd.Series(np.array(["0001-01-01", "2024-02-29"], dtype="datetime64[s]"))
    assert date_parts(old)[0].tolist() == [-719162.0, 19782.0]


@pytest.mark.parametrize(
    ("written", "days"),
    [
        (["1970-01-02", None], [1, None]),
        (["1970-01-02 12:00", "1970-01-03T00:00"], [1.5, 2]),
        (["02.01.1970", "31.1.1970"], [1, 30]),  # days first: 31 is no month
        (["01/02/1970", "01/31/1970"], [1, 30]),  # months first: 31 is no month
        (["01/02/1970", None], [1, None]),  # either way; between slashes the month comes first
        (["01.02.1970", " 02.02.1970 "], [31, 32]),  # either way; between points the day
        (["02-01-1970 06:00", "31-01-1970 00:00"], [1.25, 30]),
    ],
)
def test_dates_in_the_usual_spellings_are_days_since_1970(written: list[str | None], days: list[float | None]) -> None:
    found = as_dates(pd.Series(written, dtype=object))
    assert found is not None
    expected = [np.nan if day is None else day for day in days]
    np.testing.assert_allclose(date_parts(found)[0], expected)


@pytest.mark.parametrize(
    "written", [["1970-01-02", "yes"], ["13/13/1970"], ["13/01/1970", "01/13/1970"], ["1.2.3"], ["red"], [None], [""]]
)
def test_what_is_no_column_of_dates_is_left_as_it_is(written: list[str | None]) -> None:
    assert as_dates(pd.Series(written, dtype=object)) is None


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (["1,234", "12", None], [1234, 12, None]),
        (["1,234.5", "-7"], [1234.5, -7]),
        (["$1,200.50", "$3"], [1200.5, 3]),
        (["12.5%", "3 %"], [12.5, 3]),
        (["1.234,5", "0,25"], [1234.5, 0.25]),
        (["1.234.567", "2"], [1234567, 2]),
        (["-3 €", "4,5 €"], [-3, 4.5]),
        ([" 1.5", "2"], [1.5, 2]),
    ],
)
def test_numbers_in_the_usual_spellings_are_floats(written: list[str | None], values: list[float | None]) -> None:
    found = as_numbers(pd.Series(written, dtype=object))
    assert found is not None
    np.testing.assert_allclose(found, [np.nan if value is None else value for value in values])


@pytest.mark.parametrize(
    "written", [["01234", "00099"], ["1,23,4"], ["1,234", "red"], ["1-2"], ["$"], ["%"], [None], [""]]
)
def test_what_is_no_column_of_numbers_is_left_as_it_is(written: list[str | None]) -> None:
    assert as_numbers(pd.Series(written, dtype=object)) is None
