"""Checks of arrays: what can be read as numbers, labels or positions, and what is told instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqkit.checks.scalars import shown
from dqkit.errors import InputError

UNLABELED = -1
_LARGEST = np.iinfo(np.int64).max


def as_array(name: str, values: Any, *, shape: str) -> NDArray[Any]:
    """The values as a NumPy array of whatever kind; shape: what it should have, for the message.

    Tensors leave their device and their gradients. Refused: None, text, mappings, sets, iterators, sparse matrices,
    masked arrays with hidden values, rows of unequal length.
    """
    told = f"{name} must have shape {shape}"
    if values is None or isinstance(values, str | bytes | Mapping | set | frozenset):
        raise InputError(f"{told}; got {shown(values)}.")
    if isinstance(values, Iterator):
        raise InputError(f"{told}; got a {type(values).__name__}. Put its values into a list first.")
    if hasattr(values, "toarray") and hasattr(values, "tocsr"):
        raise InputError(f"{told}; got a sparse matrix. Pass its .toarray().")
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        raise InputError(f"{told}; got a masked array with hidden values. Fill or drop them first.")
    if hasattr(values, "detach") and hasattr(values, "cpu"):  # a tensor
        values = values.detach().cpu()
        values = values.float() if "bfloat16" in str(getattr(values, "dtype", "")) else values
    try:
        array = np.asarray(values)
    except Exception as error:  # whatever a foreign object's conversion raises
        raise InputError(f"{told}, all rows of one length; got {shown(values)}: {error}.") from error
    if array.dtype.kind == "O" and array.ndim == 0:
        raise InputError(f"{told}; got a {type(values).__name__}.")
    return array


def numbers(name: str, values: object, *, shape: str, finite: bool = False) -> NDArray[Any]:
    """The values as an array of real numbers: whole numbers and truth values as they are, others float32 or float64.

    A table of mixed columns, which NumPy reads as objects, is taken where every cell is a number.
    """
    array = as_array(name, values, shape=shape)
    if array.dtype.kind == "O":
        array = _from_objects(name, array, shape)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold numbers, in shape {shape}; got an array of {array.dtype}.")
    if array.dtype.kind == "f" and array.dtype not in (np.float32, np.float64):
        with np.errstate(over="ignore"):  # a long double beyond float64 becomes infinite, and is told as that
            array = array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(
            f"{name} must be finite; got {array[where]} at position {where[0] if len(where) == 1 else where}. "
            "Fill or drop missing values first."
        )
    return array


def finite_rows(name: str, values: object, *, n: int | None = None, columns: int = 1) -> NDArray[Any]:
    """The values as a finite (n, d) float32 or float64 matrix of at least so many columns."""
    length = "n" if n is None else f"{n:,}"
    array = numbers(name, values, shape=f"({length}, d)")
    if array.ndim != 2 or array.shape[1] < columns or (n is not None and len(array) != n):
        more = "" if n is None else f", n = {n}"
        least = f" with d >= {columns}" if columns else ""
        raise InputError(f"{name} must have shape (n, d){least}{more}; got {array.shape}.")
    rows = array if array.dtype.kind == "f" else array.astype(np.float64)
    if rows.size and not (np.isfinite(rows.min()) and np.isfinite(rows.max())):  # no (n, d) mask: memory
        at = int(np.argmin(np.isfinite(rows).all(axis=1)))
        raise InputError(f"{name} must be finite; row {at} is not. Fill or drop missing values first.")
    return rows


def as_labels(
    labels: ArrayLike, *, classes: int | None = None, n: int | None = None, name: str = "labels"
) -> NDArray[np.int64]:
    """Labels as (n,) int64 with -1 for unlabelled; the first that is out of range is named.

    classes: how many classes there are; None leaves the upper end unchecked. n: the length that they must have.

    >>> as_labels([0, -1, 2], classes=3)
    array([ 0, -1,  2])
    """
    given = as_array(name, labels, shape="(n,), one whole number a row")
    if given.ndim != 1:
        raise InputError(f"{name} must have shape (n,); got {given.shape}.")
    if given.size and given.dtype.kind not in "iub":
        given = _whole(name, given)
    given = _wide(given)
    if n is not None and len(given) != n:
        raise InputError(f"{name} must have one entry for each of the {n} rows; got {len(given)}.")
    # Compared before it is cast: in int64 the largest unsigned number would be -1, an unlabelled row.
    bad = (given < UNLABELED) | (given > _LARGEST if classes is None else given >= classes)
    if given.dtype.kind == "f":
        bad |= given >= float(_LARGEST)
    if bad.any():
        at = int(np.argmax(bad))
        top = "" if classes is None else f" and below {classes}, the number of classes"
        raise InputError(f"{name} must be -1 or more{top}; got {int(given[at])} at position {at}.")
    return given.astype(np.int64)


def whole_numbers(
    name: str, values: Any, *, shape: str, ndim: int, least: int | None = None, most: int | None = None
) -> NDArray[np.int64]:
    """The values as int64 of so many axes, each between `least` and `most`; floats are taken where they are whole."""
    array = as_array(name, values, shape=shape)
    if array.ndim != ndim:
        raise InputError(f"{name} must have shape {shape}; got {array.shape}.")
    if array.size and array.dtype.kind not in "iub":
        array = _whole(name, array.ravel()).reshape(array.shape)
    array = _wide(array)
    low, high = -_LARGEST if least is None else least, _LARGEST if most is None else most
    # A float of 2**63 equals the largest whole number plus one, which no comparison of floats can tell.
    over = array >= float(_LARGEST) if array.dtype.kind == "f" else array > high
    if array.size and bool(np.any(over | (array > high) | (array < low))):
        bounds = f"from {low} to {high}" if most is not None else f"of {low} or more"
        odd = array[np.asarray(over | (array > high) | (array < low), dtype=bool)].flat[0]
        raise InputError(
            f"{name} must be whole numbers {bounds}; got {shown(odd.item() if isinstance(odd, np.generic) else odd)}."
        )
    return array.astype(np.int64)


def truth_values(name: str, values: Any, *, n: int | None = None) -> NDArray[np.bool_]:
    """The values as (n,) bool; numbers are refused, for they may be positions."""
    array = as_array(name, values, shape="(n,), True or False")
    if array.ndim != 1 or array.dtype != bool:
        raise InputError(f"{name} must be (n,) bool; got shape {array.shape} of {array.dtype}.")
    if n is not None and len(array) != n:
        raise InputError(f"{name} must have one entry for each of the {n} rows; got {len(array)}.")
    return array


def as_positions(name: str, values: object, *, size: int, missing: bool = False, ndim: int = 2) -> NDArray[np.int64]:
    """Whole numbers from 0 to size - 1 as int64, with -1 for none where `missing` is allowed."""
    shape = "(n, k)" if ndim == 2 else "(k,)"
    array = as_array(name, values, shape=shape)
    if array.ndim != ndim or (array.size and array.dtype.kind not in "iu"):
        raise InputError(f"{name} must be whole numbers of shape {shape}; got {array.dtype} of shape {array.shape}.")
    least = -1 if missing else 0
    if array.size and (array.min() < least or array.max() >= size):
        none = ", or -1 for none" if missing else ""
        raise InputError(f"{name} must be rows 0 to {size - 1}{none}; got {array.min()} to {array.max()}.")
    return array.astype(np.int64)


def _from_objects(name: str, array: NDArray[Any], shape: str) -> NDArray[Any]:
    odd = next((v for v in array.flat if isinstance(v, str | bytes)), None)
    try:
        if odd is None:
            return array.astype(np.float64)
    except Exception as error:  # what float() of a foreign object raises
        where = _first_odd(array)
        told = f"{name} must hold numbers, in shape {shape}, all rows of one length"
        found = "" if where is None else f" {shown(array[where])} at {tuple(int(i) for i in where)}"
        raise InputError(f"{told}; got{found or ' objects'}: {error}.") from error
    raise InputError(f"{name} must hold numbers, in shape {shape}; got the text {shown(odd)}.")


def _first_odd(array: NDArray[Any]) -> tuple[int, ...] | None:
    for where in np.ndindex(array.shape):
        try:
            float(array[where])
        except Exception:
            return where
    return None


def _wide(values: NDArray[Any]) -> NDArray[Any]:
    """Half floats as float32: the largest int64, with which values are compared, is beyond them."""
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _whole(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Floats, or objects, that are all whole numbers; else `InputError` names the first that is none."""
    if values.dtype.kind == "f" and bool((np.isfinite(values) & (values == np.floor(values))).all()):
        return values
    plain = [v.item() if isinstance(v, np.generic) else v for v in values.tolist()]
    odd = next((i for i, v in enumerate(plain) if not isinstance(v, int | float) or v % 1 != 0), None)
    if odd is None:
        return np.array([int(v) for v in plain], dtype=object)  # as whole numbers: a float would round a large one
    advice = "Write unlabelled rows as -1."
    if isinstance(plain[odd], str | bytes):
        advice = "Turn class names into positions first: pandas.Categorical(labels, categories=classes).codes."
    raise InputError(
        f"{name} must be whole numbers, -1 for unlabelled; got {shown(plain[odd])} at position {odd} "
        f"of an array of {values.dtype}. {advice}"
    )
