"""The small dataset, and all that is known of it, for every test of the report."""

from __future__ import annotations

from typing import Any

import pytest

from dqkit.records import Dataset
from tests.report.pets import make_dataset, make_inputs


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def inputs() -> dict[str, Any]:
    return make_inputs()
