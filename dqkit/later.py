"""Fields of a frozen record that are made when they are first read.

A million texts in Arrow's memory are read in milliseconds, and become Python strings only where somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

_KEPT = "_made_later"


class Later:
    """What `make` returns, an array of n entries, made when it is first asked for, and kept.

    Two threads that ask at once may both make it; the first one's is kept.
    """

    def __init__(self, make: Callable[[], Any], n: int) -> None:
        self._n = n
        self._make: Callable[[], Any] | None = make
        self._made: list[Any] = []

    def __len__(self) -> int:
        return self._n

    def value(self) -> Any:
        make = self._make
        if not self._made and make is not None:
            self._made.append(make())
            self._make = None  # what it was made of need not stay in memory
        return self._made[0]


class MadeLater:
    """A record whose fields may be given as `Later`; each is made when it is first read."""

    def __post_init__(self) -> None:
        kept = {name: value for name, value in self.__dict__.items() if isinstance(value, Later)}
        for name in kept:
            del self.__dict__[name]
        if kept:
            self.__dict__[_KEPT] = kept

    if not TYPE_CHECKING:  # else every name would be taken for a field

        def __getattr__(self, name: str) -> Any:
            later = self.__dict__.get(_KEPT, {}).get(name)
            if later is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            made = self.__dict__.setdefault(name, later.value())
            self.__dict__[_KEPT].pop(name, None)
            return made
