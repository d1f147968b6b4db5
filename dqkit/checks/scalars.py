"""Checks of single values: whole numbers, numbers, names."""

from __future__ import annotations

import math
import reprlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dqkit.errors import InputError

LONGEST_CLASS = 200  # bytes of UTF-8
_UNSEEN = ("Cc", "Cs", "Co", "Cn")

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80
_REPR.maxlong = 40


def shown(value: object) -> str:
    """A short `repr` for a message; an object whose own `repr` fails is named by its type."""
    try:
        return _REPR.repr(value)
    except Exception:  # a foreign object's repr may raise anything, and the message must still be written
        return f"a {type(value).__name__}"


def is_number(value: object) -> bool:
    """Whether it is a plain finite number; a truth value is none.

    >>> is_number(2), is_number(True), is_number(float("nan")), is_number("2")
    (True, False, False, False)
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def is_iterable(value: object) -> bool:
    """Whether it can be gone through; an array without axes only looks like it."""
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) != 0


def whole_number(name: str, value: object, *, least: int | None = None, most: int | None = None) -> int:
    """The value as an int between `least` and `most` (both allowed); a truth value is refused."""
    bounds = _bounds("a whole number", least, most)
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise InputError(f"{name} must be {bounds}; got {shown(value)}.")
    found = int(value)
    if (least is not None and found < least) or (most is not None and found > most):
        raise InputError(f"{name} must be {bounds}; got {shown(found)}.")
    return found


def number(
    name: str,
    value: object,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> float:
    """The value as a finite float between `least` and `most` (both allowed), above `above` and below `below`."""
    rule = _bounds("a finite number", least, most)
    rule += "" if above is None else f" above {above:g}"
    rule += "" if below is None else f"{' and' if above is not None else ''} below {below:g}"
    if not is_number(value):
        raise InputError(f"{name} must be {rule}; got {shown(value)}.")
    found = float(value)  # type: ignore[arg-type]
    inside = (least is None or found >= least) and (most is None or found <= most)
    inside = inside and (above is None or found > above) and (below is None or found < below)
    if not inside:
        raise InputError(f"{name} must be {rule}; got {found:g}.")
    return found


def seed_number(seed: object, *, most: int | None = None) -> int:
    """The seed as an int, 0 or more."""
    return whole_number("seed", seed, least=0, most=most)


def one_of(name: str, value: object, allowed: Iterable[str]) -> str:
    """The value, a string that is one of the allowed ones."""
    names = list(allowed)
    if not isinstance(value, str) or value not in names:
        raise InputError(f"{name} must be one of {', '.join(names)}; got {shown(value)}.")
    return value


def plain_list(name: str, value: object, *, most: int) -> list[Any]:
    """The value, a list of at most `most` entries; None is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most:
        size = f" of {len(value):,} entries" if isinstance(value, list) else ""
        raise InputError(f"{name} must be a list of at most {most:,} entries; got {shown(value)}{size}.")
    return value


def class_name(value: object) -> str:
    """A class name as a person typed it, with single spaces; 1 to 200 bytes of text without control characters."""
    tidy = " ".join(value.split()) if isinstance(value, str) else ""
    unseen = any(unicodedata.category(sign) in _UNSEEN for sign in tidy)
    size = len(tidy.encode("utf-8", "surrogatepass"))
    if unseen or not 1 <= size <= LONGEST_CLASS:
        told = f" of {size:,} bytes" if size > LONGEST_CLASS else ""
        raise InputError(f"a class name must be a text of 1 to {LONGEST_CLASS} bytes; got {shown(value)}{told}.")
    return tidy


def instance(name: str, value: object, kind: type | tuple[type, ...], told: str) -> None:
    """Raise `InputError` unless the value is of that kind; told: what it is called, with its article."""
    if not isinstance(value, kind):
        raise InputError(f"{name} must be {told}; got {shown(value)}.")


def mapping(name: str, value: object, told: str) -> Mapping[Any, Any]:
    """The value, a mapping; None is an empty one. told: what it must map to what."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InputError(f"{name} must map {told}; got {shown(value)}.")
    return value


def distinct_names(name: str, values: object, *, length: int | None = None) -> list[Any]:
    """The values as a list in which each comes once; a string, a mapping or an iterator is refused.

    length: how many there must be.
    """
    if isinstance(values, str | bytes | Mapping | set | frozenset) or not isinstance(values, Iterable | Sequence):
        raise InputError(f"{name} must be a list of names; got {shown(values)}.")
    if getattr(values, "ndim", 1) != 1:
        raise InputError(f"{name} must be a plain list of names; got {shown(values)}.")
    found = list(values)
    if length is not None and len(found) != length:
        raise InputError(f"{name} must hold {length:,} names; got {len(found):,}.")
    seen: set[Any] = set()
    for value in found:
        try:
            if value in seen:
                raise InputError(f"{name} must be distinct; got {shown(value)} more than once.")
            seen.add(value)
        except TypeError as error:
            raise InputError(f"{name} must hold names or numbers; got {shown(value)}.") from error
    return found


def _bounds(kind: str, least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f"{kind} from {least:g} to {most:g}" if abs(most) < 1e6 else f"{kind} from {least:g} to {most:,}"
    if least is not None:
        return f"{kind} of at least {least:g}"
    return kind if most is None else f"{kind} of at most {most:g}"
