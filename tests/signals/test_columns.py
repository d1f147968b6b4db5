"""Columns that give the label away are named and honest ones are not; values that look like mistakes are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from dqkit.signals import column_power, column_values


def planted(noise: float = 0.11, n: int = 800) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, n)
    given = np.where(rng.random(n) < noise, 1 - true, true)
    table = pd.DataFrame(
        {
            "strong": true * 4 + rng.normal(size=n),
            "weak": true + rng.normal(0, 2, n),
            "name": [f"u{i}" for i in range(n)],
            "code": given + 7,
            "words": np.where(given == 1, "closed", "open"),
            "paid": given * 10 + rng.normal(size=n),
            "closed_at": pd.to_datetime("2024-01-01")
            + pd.to_timedelta(given * 900 + rng.integers(0, 800, n), unit="D"),
            "boat": np.where(given == 1, [f"{k}" for k in rng.integers(1, 9, n)], None),
        }
    )
    return table, given


def test_planted_leaks_are_suspects_and_honest_columns_are_none() -> None:
    table, given = planted()
    found = column_power(table, given)
    assert set(found.loc[found["suspect"], "column"]) == {"code", "words", "paid", "closed_at", "boat"}
    score = found.set_index("column")["score"]
    assert score["code"] == 1
    assert score["name"] == 0
    assert score["strong"] > score["weak"]


@pytest.mark.parametrize(
    "load", [datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer, datasets.load_digits]
)
def test_no_column_of_an_honest_table_is_a_suspect(load) -> None:
    bunch = load(as_frame=True)
    assert not column_power(bunch.data, bunch.target)["suspect"].any()


def test_one_strong_feature_among_noise_is_no_suspect() -> None:
    table, given = planted()
    noise = np.random.default_rng(1).normal(size=(len(table), 5))
    honest = pd.DataFrame(noise, columns=list("abcde")).assign(strong=table["strong"])
    assert not column_power(honest, given)["suspect"].any()


def test_a_rare_class_is_given_away_too_and_the_majority_alone_scores_nothing() -> None:
    rng = np.random.default_rng(0)
    rare = (rng.random(4000) < 0.02).astype(int)
    found = column_power(pd.DataFrame({"leak": rare + rng.normal(0, 0.1, 4000), "x": rng.normal(size=4000)}), rare)
    found = found.set_index("column")
    assert found.loc["leak", "suspect"]
    assert found.loc["x", "score"] == 0
    assert found.loc["x", "majority"] == pytest.approx(1 - rare.mean())


def test_a_short_table_makes_no_suspect() -> None:
    assert not column_power(pd.DataFrame({"code": [0, 1] * 6}), [0, 1] * 6)["suspect"].any()


def test_votes_by_value_are_what_a_loop_counts() -> None:
    rng = np.random.default_rng(2)
    kinds, given = rng.integers(0, 5, 200), rng.integers(0, 3, 200)
    got = column_power(pd.DataFrame({"kind": kinds.astype(str)}), given, seed=0)
    fold = np.random.default_rng(0).permutation(200) % 4
    right = 0
    for i in range(200):
        alike = [given[j] for j in range(200) if fold[j] != fold[i] and kinds[j] == kinds[i]]
        right += max(sorted(set(alike)), key=alike.count) == given[i]
    assert got["accuracy"][0] == pytest.approx(right / 200)


def test_unlabelled_rows_and_the_order_of_columns_say_nothing() -> None:
    table, given = planted(n=300)
    some = given.copy()
    some[:100] = -1
    a = column_power(table, some)
    b = column_power(table[table.columns[::-1]], some)
    pd.testing.assert_frame_equal(a, b)
    pd.testing.assert_frame_equal(a, column_power(table.iloc[100:], given[100:]))


def kinds(values) -> list[tuple[str, int]]:
    found, _ = column_values(pd.DataFrame({"x": values}))
    return list(zip(found["kind"], found["rows"], strict=True))


def test_ages_of_999_and_hours_below_zero_are_found_with_their_rows() -> None:
    rng = np.random.default_rng(0)
    age, hours = rng.integers(17, 90, 500), rng.integers(1, 99, 500)
    age[[3, 4, 5]] = 999
    hours[[7]] = -40
    found, rows = column_values(pd.DataFrame({"age": age, "hours": hours}))
    assert found["kind"].tolist() == ["far from the others", "below zero"]
    assert found["values"].tolist() == ["999", "-40"]
    assert np.flatnonzero(rows).tolist() == [3, 4, 5, 7]


def test_a_code_for_missing_that_many_rows_have_is_found() -> None:
    age = np.random.default_rng(0).integers(17, 90, 500)
    age[:100] = 9999
    assert kinds(age) == [("far from the others", 100)]
    age[:100] = -9999
    assert kinds(age) == [("far from the others", 100)]


@pytest.mark.parametrize("draw", ["lognormal", "normal", "exponential", "standard_gamma"])
def test_skewed_columns_of_honest_numbers_are_left_alone(draw: str) -> None:
    rng = np.random.default_rng(0)
    options = {"lognormal": (0, 1), "standard_gamma": (2,)}.get(draw, ())
    for _ in range(20):
        assert kinds(getattr(rng, draw)(*options, size=1000)) == []
    assert kinds(rng.integers(0, 2, 1000)) == []
    assert kinds(rng.integers(-50, 50, 1000)) == []


def test_spellings_that_differ_in_case_or_spaces_are_counted_and_ids_are_not_words() -> None:
    found, rows = column_values(pd.DataFrame({"sex": [" male", "MALE", "male", "male", "female"] * 20}))
    assert found.loc[0, ["kind", "rows", "usual"]].tolist() == ["spellings", 40, "'male'"]
    assert not rows.any()
    assert kinds([f"id{i}" for i in range(100)]) == []
    assert kinds(["x"] * 30) == [("constant", 30)]
    assert kinds([None] * 30) == []
