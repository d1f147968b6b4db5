"""The names of the classes, as a list or as a dictionary of label values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dqkit.datasets.conversion import brief, call_foreign
from dqkit.records import InputError

_RULE = "the class names in order, or a dictionary of label values and names"


@dataclass(frozen=True)
class ClassNames:
    """names: the class names in order. values: for each the label value that stands for it, or None: no such values."""

    names: tuple[str, ...]
    values: tuple[str, ...] | None = None

    def knows(self, key: int | str) -> bool:
        """Whether a label is a class name, or a label value that was given a name."""
        return str(key) in self.names or (self.values is not None and str(key) in self.values)

    def positions_of(self, keys: Sequence[int | str | None], *, whole: bool) -> list[int | None]:
        """The position of each label, None where it is missing or none of the classes.

        Whole numbers are names where every one of them is, else positions.
        """
        by_name = {name: i for i, name in enumerate(self.names)}
        if self.values is not None:
            by_value = {value: i for i, value in enumerate(self.values)}
            known = [k for k in keys if k is not None]
            places = by_value if all(str(k) in by_value for k in known) else {**by_name, **by_value}
        elif whole and not all(k is None or str(k) in by_name for k in keys):
            places = {str(i): i for i in range(len(self.names))}
        else:
            places = by_name
        return [None if k is None else places.get(str(k)) for k in keys]

    def meant(self, *, whole: bool) -> str:
        """What a label may be, in words."""
        names = shown(self.names)
        if self.values is not None:
            return f"the values {shown(self.values)} or the classes {names}"
        return f"positions 0 to {len(self.names) - 1} in the classes {names}" if whole else names


def class_names(classes: Any) -> ClassNames:
    """The names, checked: a sequence of distinct names, or a dictionary {value: name} or {name: whole number}.

    >>> class_names({1: "dog", 0: "cat"}).names, class_names({"cat": 0, "dog": 1}).names
    (('cat', 'dog'), ('cat', 'dog'))
    """
    if isinstance(classes, str | bytes):
        raise InputError(
            f"classes must be {_RULE}; got the text {brief(classes)!r}. Write classes=[{brief(classes)!r}, ...]."
        )
    if isinstance(classes, Mapping):
        return _from_mapping(classes)
    if isinstance(classes, set | frozenset):
        raise InputError(f"classes must be {_RULE}; got a set, which has no order. Write classes=sorted(...).")
    given = call_foreign("classes", lambda: list(classes), rule=_RULE)
    return ClassNames(_checked([_name(c) for c in given]))


def shown(names: Sequence[str]) -> str:
    """The first ten names, quoted."""
    text = ", ".join(repr(c) for c in names[:10])
    return text if len(names) <= 10 else f"{text}, ... ({len(names)} classes)"


def _from_mapping(classes: Mapping[Any, Any]) -> ClassNames:
    pairs = [(_name(key), _name(value)) for key, value in classes.items()]
    if pairs and all(_is_whole(v) for _, v in pairs) and not all(_is_whole(k) for k, _ in pairs):
        pairs = [(value, name) for name, value in pairs]  # {"cat": 0}, as label2id has it
    twice = next((value for value, _ in pairs if [v for v, _ in pairs].count(value) > 1), None)
    if twice is not None:
        raise InputError(f"classes must give each label value one name; {twice!r} has more than one.")
    if all(_is_whole(value) for value, _ in pairs):
        pairs = sorted(pairs, key=lambda pair: int(pair[0]))
    return ClassNames(_checked([name for _, name in pairs]), tuple(value for value, _ in pairs))


def _name(value: Any) -> str:
    if isinstance(value, list | tuple | dict | set) or (hasattr(value, "ndim") and value.ndim):
        raise InputError(f"classes must be {_RULE}; got a {type(value).__name__} in the place of a name.")
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return call_foreign("classes", lambda: str(value), rule=_RULE)


def _is_whole(text: str) -> bool:
    return text.lstrip("-").isdecimal() and text.count("-") <= 1


def _checked(names: Sequence[str]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        twice = next(c for c in names if names.count(c) > 1)
        raise InputError(f"classes must be distinct; got {twice!r} more than once.")
    if not all(c.strip() for c in names):
        raise InputError("classes must not be empty strings; got an empty name.")
    if not names:
        raise InputError("classes must name at least two classes; got none.")
    return tuple(names)
