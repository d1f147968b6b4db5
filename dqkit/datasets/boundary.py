"""The last line of a loader: only dqkit's own errors leave it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from dqkit.datasets.conversion import brief
from dqkit.records import DqkitError, InputError

P = ParamSpec("P")
R = TypeVar("R")


def own_errors(load: Callable[P, R]) -> Callable[P, R]:
    """`load`, whose foreign exceptions become `InputError`; warnings that were made errors stay what they are."""

    @functools.wraps(load)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return load(*args, **kwargs)
        except (DqkitError, Warning, MemoryError):
            raise
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                raise  # the call itself: an argument that does not exist, or is missing
            raise _own(load.__name__, error) from error
        except Exception as error:  # what was passed may hold anything, and so may the libraries' answers to it
            raise _own(load.__name__, error) from error

    return guarded


def _own(name: str, error: Exception) -> InputError:
    return InputError(
        f"{name} cannot read what it was given: {type(error).__name__}: {brief(error, 300)}. Pass a plain array, list "
        "or DataFrame."
    )
