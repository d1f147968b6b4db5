"""A review plan counts what the judge expects, and the slider says the same."""

from __future__ import annotations

import numpy as np
import pytest

import dqkit as dq
from dqkit.records import InputError


@pytest.fixture(scope="module")
def rnd(tmp_path_factory):
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 240)
    given = np.where(rng.random(240) < 0.1, (true + 1) % 3, true)
    x = 3 * np.eye(3)[true] + rng.normal(size=(240, 3))
    ds = dq.from_arrays(x, given, classes=["a", "b", "c"])
    wb = dq.Workbench.create(tmp_path_factory.mktemp("plan") / "wb", ds)
    yield wb.run_round(budget=10, seed=0, progress=False)
    wb.close()


def test_the_plan_adds_up_to_the_expected_errors(rnd):
    chance = np.sort(rnd.signals["error_probability"].to_numpy(float))[::-1]
    assert rnd.review_plan(30) == (
        f"Check 30 labels: about {chance[:30].sum():,.0f} wrong ones found, {chance[30:].sum():,.0f} left."
    )
    assert rnd.review_plan(0).startswith("Check 0 labels: about 0 wrong ones found")
    assert rnd.review_plan(10**6).startswith("Check 240 labels")
    assert rnd.review_plan(10**6).endswith("0 left.")


def test_the_slider_says_what_the_plan_says(rnd):
    box = rnd.review_slider()
    slider, said = box.children
    slider.value = 7
    assert said.value == rnd.review_plan(7)
    assert slider.max == 240


@pytest.mark.parametrize("labels", [-1, "many", 2.5, None])
def test_a_number_that_is_none_is_refused(rnd, labels):
    with pytest.raises(InputError, match="how many to check"):
        rnd.review_plan(labels)
