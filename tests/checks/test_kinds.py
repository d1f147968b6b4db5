from __future__ import annotations

from pathlib import Path

import pytest

import dqkit as dq
from dqkit.checks import kinds, takes


@takes(name=kinds.text, many=kinds.texts, sure=kinds.flag, place=kinds.optional(kinds.path))
def said(name, many=(), *, sure=False, place=None):
    return name, many, sure, place


def test_what_a_rule_returns_is_what_the_function_gets():
    assert said("a", iter(["b", "c"]), sure=1, place="x/y") == ("a", ["b", "c"], True, Path("x/y"))


def test_an_argument_that_is_left_out_keeps_its_default_and_a_wrong_call_is_pythons_own():
    assert said("a") == ("a", (), False, None)
    with pytest.raises(TypeError, match="missing a required argument"):
        said()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": 3}, "name must be text; got 3 of type int"),
        ({"name": "\ud800"}, "name must be text that UTF-8 can hold"),
        ({"name": "a", "many": "b"}, "many must be a list of texts; got 'b'"),
        ({"name": "a", "many": ["b", None]}, r"many\[1\] must be text; got None"),
        ({"name": "a", "many": 4}, "many must be a list of texts; got 4"),
        ({"name": "a", "sure": "no"}, "sure must be True or False; got 'no'"),
        ({"name": "a", "sure": 2}, "sure must be True or False; got 2"),
        ({"name": "a", "place": ""}, "place must be a path"),
        ({"name": "a", "place": "x\0"}, "place must be a path without a NUL"),
    ],
)
def test_a_refusal_names_the_argument_the_rule_and_what_arrived(arguments, words):
    with pytest.raises(dq.InputError, match=words):
        said(**arguments)


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": object()}, {1: 2}, [("a", 1)]])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(dq.InputError, match="settings must map names"):
        kinds.json_mapping("settings", value)
