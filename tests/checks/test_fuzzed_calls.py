"""Whatever is passed to a public name, only dqkit's own errors leave it, nothing is changed before a refusal, and a
result holds no NaN where none is promised.

Every name in `__all__` of every package is called, and every method of its classes. A new one is called here, or named
with its reason in `NOT_CALLED`, or these tests fail. `DQKIT_FUZZ_EXAMPLES=100 pytest tests/checks -m slow` tries more.
"""

from __future__ import annotations

import importlib
import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import dqkit.fiftyone_bridge
from tests.checks.calls import ELSEWHERE
from tests.checks.fuzzing import CALLED, Template, attempt, weight
from tests.checks.public_names import plain, public_callables

QUICK, MANY = 3, int(os.environ.get("DQKIT_FUZZ_EXAMPLES", "50"))

_OBJECT = "made by dqkit, never by a user; its methods are called here"
_MONGOD = "needs a mongod; tests/fiftyone_bridge/test_values.py and test_connection.py pass odd values"
OTHER = {"Edit", "from_fiftyone"}  # a record, and what dqkit itself names
NOT_CALLED = {
    "dqkit.from_fiftyone": _MONGOD,
    "dqkit.Workbench": _OBJECT,
    "dqkit.Workbench.from_fiftyone": _MONGOD,
    "dqkit.Workbench.open_fiftyone": _MONGOD,
    "dqkit.Workbench.to_fiftyone": _MONGOD,
    "dqkit.Round": _OBJECT,
    "dqkit.baselines.embed": "loads a network of seconds; tests/baselines/embedding",
    "dqkit.checks.check_column_order": "takes what as_labels returned",
    "dqkit.checks.column_order": "takes a table of counts that check_column_order made",
    "dqkit.checks.takes": "a decorator, in the source of dqkit alone",
    "dqkit.datasets.sources.is_table_name": "takes a path and the words of its refusal, in the source of dqkit alone",
    **{f"dqkit.fiftyone_bridge.{name}": _MONGOD for name in dqkit.fiftyone_bridge.__all__ if name not in OTHER},
    "dqkit.relabel.Labeler": "Workbench.labeler makes it, and is called here",
    "dqkit.signals.weak_groups": "the former name of underperforming_groups",
    "dqkit.store.Store.only_runner": "a context manager; tests/store",
    "dqkit.store.Store.read": "takes a function on a connection, in the source of dqkit alone",
    "dqkit.store.Store.reading": "a context manager without arguments",
    "dqkit.store.Store.write": "takes a function on a connection, in the source of dqkit alone",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzzed")
    before = os.getcwd()
    os.chdir(folder)  # a text in the place of a path names a file here
    made = Template(folder)
    yield made
    made.close()
    os.chdir(before)


def tried(template, name, examples):
    @settings(
        max_examples=max(2, examples // weight(name)),
        derandomize="DQKIT_FUZZ_EXAMPLES" not in os.environ,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def one(data):
        attempt(template, name, data.draw)

    one()


@pytest.mark.parametrize("name", CALLED)
def test_a_valid_call_holds_and_an_odd_one_is_refused_in_dqkits_words_or_gives_a_whole_result(name, template):
    attempt(template, name, None)
    tried(template, name, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLED)
def test_many_fuzzed_calls_are_refused_in_dqkits_words_or_give_a_whole_result(name, template):
    tried(template, name, MANY)


def resolved(name):
    """The object behind a dotted name."""
    found, path = importlib.import_module("dqkit"), "dqkit"
    for part in name.split(".")[1:]:
        path = f"{path}.{part}"
        found = getattr(found, part) if hasattr(found, part) else importlib.import_module(path)
    return found


def test_every_public_name_is_called_or_named_with_its_reason():
    called = {plain(resolved(name.split(" ")[0])) for name in CALLED}
    public = public_callables()
    left = {name for name, value in public.items() if plain(value) not in called}
    assert left == set(NOT_CALLED)
    assert set(ELSEWHERE) - {name.rsplit(".", 1)[1] for name in public} == set(), "names that are gone"
