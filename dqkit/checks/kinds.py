"""Rules of kind for the arguments of public functions, and `takes`, which holds a function to them.

A rule takes the name of an argument and what arrived, and returns what the function works with, or raises `InputError`.
`whole_number`, `number` and the other checks of this room are such rules too.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd

from dqkit.checks.scalars import instance, shown, whole_number
from dqkit.errors import InputError

Rule = Callable[[str, Any], Any]
Given = ParamSpec("Given")
Found = TypeVar("Found")


def takes(**rules: Rule) -> Callable[[Callable[Given, Found]], Callable[Given, Found]]:
    """A decorator: each argument that has a rule and is passed goes through it, before the function begins.

    >>> @takes(name=text)
    ... def greet(name: str) -> str:
    ...     return f"hello {name}"
    >>> greet(3)
    Traceback (most recent call last):
    dqkit.errors.InputError: name must be text; got 3 of type int.
    """

    def decorate(function: Callable[Given, Found]) -> Callable[Given, Found]:
        signature = inspect.signature(function)

        @wraps(function)
        def checked(*args: Given.args, **kwargs: Given.kwargs) -> Found:
            bound = signature.bind(*args, **kwargs)
            for name, rule in rules.items():
                if name in bound.arguments:
                    bound.arguments[name] = rule(name, bound.arguments[name])
            return function(*bound.args, **bound.kwargs)

        return checked

    return decorate


def text(name: str, value: Any) -> str:
    """The value, text that UTF-8 can hold."""
    if not isinstance(value, str):
        raise InputError(f"{name} must be text; got {shown(value)} of type {type(value).__name__}.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{name} must be text that UTF-8 can hold; got {value!r} ({error.reason}).") from error
    return value


def bounded_text(name: str, value: Any, *, most: int, least: int = 1) -> str:
    """The value, text of `least` to `most` characters that UTF-8 can hold."""
    found = text(name, value)
    if not least <= len(found) <= most:
        raise InputError(f"{name} must be text of {least} to {most:,} characters; got {len(found):,}: {shown(found)}.")
    return found


def flag(name: str, value: Any) -> bool:
    """The value as a bool; 0 and 1 are taken, other truths are not, for "no" would be one."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, int | np.integer) and value in (0, 1)):
        return bool(value)
    raise InputError(f"{name} must be True or False; got {shown(value)}.")


def path(name: str, value: Any) -> Path:
    """The value as a path that a file system can be asked for: text or a `pathlib.Path`, not empty, without NUL."""
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes) or not str(value).strip():
        raise InputError(f"{name} must be a path, a text or a pathlib.Path; got {shown(value)}.")
    found = Path(value)
    if "\0" in str(found):
        raise InputError(f"{name} must be a path without a NUL character; got {str(found)!r}.")
    try:
        os.fsencode(found)
    except UnicodeEncodeError as error:
        raise InputError(f"{name} must be a path that the file system can hold; got {str(found)!r}.") from error
    return found


def anything(_name: str, value: Any) -> Any:
    """The value, whatever it is."""
    return value


def function(name: str, value: Any) -> Any:
    """The value, something that can be called."""
    if not callable(value):
        raise InputError(f"{name} must be a function; got {shown(value)}.")
    return value


def a(kind: type | tuple[type, ...], told: str) -> Rule:
    """A rule: an instance of that kind. told: what it is called, with its article."""

    def rule(name: str, value: Any) -> Any:
        instance(name, value, kind, told)
        return value

    return rule


def optional(rule: Rule) -> Rule:
    """A rule: None, or what the other rule takes."""
    return lambda name, value: None if value is None else rule(name, value)


def each(rule: Rule, told: str) -> Rule:
    """A rule: a list, tuple, array or iterator, each entry of which the other rule takes. told: "texts"."""

    def of_all(name: str, values: Any) -> list[Any]:
        wrong = isinstance(values, str | bytes | Mapping | pd.DataFrame) or getattr(values, "ndim", 1) != 1
        try:
            found = [] if wrong else list(values)
        except Exception as error:  # no iterable, or whatever a foreign one raises
            raise InputError(f"{name} must be a list of {told}; got {shown(values)}.") from error
        if wrong:
            raise InputError(f"{name} must be a list of {told}; got {shown(values)}.")
        kept = []
        for value in found:
            try:
                kept.append(rule(name, value))
            except InputError:  # told again under the name of the entry, which no right entry needs
                kept.append(rule(f"{name}[{len(kept)}]", value))
        return kept

    return of_all


def mapped(told: str) -> Rule:
    """A rule: a mapping whose keys are text. told: what it maps to what."""

    def rule(name: str, value: Any) -> Any:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise InputError(f"{name} must map {told}; got {shown(value)}.")
        return value

    return rule


def json_mapping(name: str, value: Any) -> Any:
    """The value, a mapping that JSON can hold."""
    found = mapped("names to what JSON can hold")(name, value)
    try:
        json.dumps(found, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{name} must map names to what JSON can hold; got {shown(value)}: {error}.") from error
    return found


# What a column of whole numbers in a database or an array holds.
whole = partial(whole_number, least=-(2**63), most=2**63 - 1)
table = a(pd.DataFrame, "a pandas DataFrame")
texts = each(text, "texts")
