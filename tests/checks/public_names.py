"""Every public name, found by reading `__all__` of every package: functions, and methods of classes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

import dqkit


def public_callables() -> dict[str, Callable[..., Any]]:
    """By a name such as "dqkit.signals.neighbors" or "dqkit.Dataset.take": what a user may call.

    Left out by their nature: errors, literal types, and protocols; constructors of records that run no code of dqkit.
    """
    packages = [dqkit] + [
        importlib.import_module(found.name) for found in pkgutil.walk_packages(dqkit.__path__, "dqkit.") if found.ispkg
    ]
    found: dict[str, Callable[..., Any]] = {}
    seen: set[int] = set()
    for package in packages:
        for name in getattr(package, "__all__", ()):
            value = getattr(package, name)
            if id(value) in seen or not str(getattr(value, "__module__", "")).startswith("dqkit"):
                continue
            seen.add(id(value))
            told = f"{package.__name__}.{name}"
            if inspect.isclass(value):
                found |= {f"{told}{end}": method for end, method in _of_class(value)}
            elif callable(value):
                found[told] = value
    return found


def _of_class(kind: type) -> list[tuple[str, Callable[..., Any]]]:
    if issubclass(kind, BaseException) or getattr(kind, "_is_protocol", False):
        return []
    found: list[tuple[str, Callable[..., Any]]] = []
    runs_code = not is_dataclass(kind) or "__post_init__" in vars(kind)
    if runs_code:
        found.append(("", kind))
    for name in sorted(dir(kind)):
        value = inspect.getattr_static(kind, name)
        method = getattr(value, "__func__", value)
        if not name.startswith("_") and inspect.isfunction(method) and method.__module__.startswith("dqkit"):
            found.append((f".{name}", method))
    return found


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind a bound method."""
    return getattr(function, "__func__", function)
