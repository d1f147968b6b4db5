"""Whatever is passed to a public function, only dqkit's own errors leave it, and nothing was changed before."""

from __future__ import annotations

import copy
import importlib
import warnings

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from tests.checks.calls import CALLS, ELSEWHERE
from tests.checks.odd_values import ODD

PUBLIC = ("", ".signals", ".acquisition", ".weak_labels", ".near_copies", ".baselines", ".report", ".relabel")
# A call takes tens or hundreds of milliseconds: every seventh or twentieth odd value, other ones for each argument.
SLOW = ("label_errors", "build_queue", "signal_table", "untrained", "logistic_folds")
SLOWER = ("health", "render")


def odd_values(name: str, place: int) -> dict[str, object]:
    step = 20 if any(word in name for word in SLOWER) else 7 if any(word in name for word in SLOW) else 1
    return {key: value for at, (key, value) in enumerate(ODD.items()) if at % step == place % step}


def same(before: object, after: object) -> bool:
    if isinstance(before, np.ndarray):
        return isinstance(after, np.ndarray) and before.tobytes() == after.tobytes()
    if isinstance(before, pd.DataFrame | pd.Series):
        return bool(before.equals(after))
    return True


@pytest.mark.parametrize("name", CALLS)
def test_a_valid_call_gives_a_result(name):
    function, arguments = CALLS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        function(**arguments)


@pytest.mark.parametrize("name", CALLS)
def test_only_dqkits_own_errors_leave_a_public_function(name):
    function, arguments = CALLS[name]
    data = {key: value for key, value in arguments.items() if isinstance(value, np.ndarray | pd.DataFrame)}
    kept = copy.deepcopy(data)
    foreign = []
    for place, argument in enumerate(arguments):
        for odd, value in odd_values(name, place).items():
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # NumPy's warnings are foreign too
                warnings.simplefilter("ignore", UserWarning)
                try:
                    function(**{**arguments, argument: value})
                except dq.DqkitError as error:
                    foreign += [] if str(error) else [f"{argument} = {odd}: an error without words"]
                except Exception as error:
                    foreign.append(f"{argument} = {odd}: {type(error).__name__}: {str(error)[:80]}")
    assert not foreign
    assert all(same(value, arguments[key]) for key, value in kept.items())


def test_every_public_function_is_called_here_or_named_with_where_it_is():
    tested = {name.split(" ")[0].rsplit(".", 1)[1] for name in CALLS}
    for place in PUBLIC:
        module = importlib.import_module(f"dqkit{place}")
        for name in module.__all__:
            value = getattr(module, name)
            is_function = callable(value) and not isinstance(value, type) and hasattr(value, "__module__")
            if is_function and str(getattr(value, "__module__", "")).startswith("dqkit"):
                assert name in tested or name in ELSEWHERE, f"dqkit{place}.{name} has no call in tests/checks/calls.py"
