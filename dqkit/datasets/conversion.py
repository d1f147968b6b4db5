"""Arrays and columns of other libraries as NumPy and pandas ones.

Other libraries are known by the module of a type, so that none is imported for it, and their code is called here
only: whatever it raises leaves as an `InputError`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.records import InputError, MissingExtra

T = TypeVar("T")


def library_of(value: Any) -> str:
    """The package that a value's type comes from: "torch", "polars", "datasets", "PIL", "builtins"."""
    return type(value).__module__.partition(".")[0]


def call_foreign(what: str, call: Callable[[], T], *, rule: str) -> T:
    """What `call` returns; any exception of it becomes an `InputError` that names `what` and the rule."""
    try:
        return call()
    except (InputError, MissingExtra):
        raise
    except Exception as error:  # code that we do not know: a tensor on a lost device, an array with a broken __array__
        raise InputError(f"{what} must be {rule}; {type(error).__name__}: {brief(error)}.") from error


def brief(value: object, width: int = 120) -> str:
    """A value in one short line, whatever its own text does."""
    try:
        text = " ".join(str(value).split()).rstrip(".")
    except Exception:  # a broken __str__ must not hide the message that it stands in
        text = f"a {type(value).__name__}"
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= width else f"{text[: width - 3]}..."


def is_tensor(value: Any) -> bool:
    """Whether a value is an array of another library: a tensor of torch, TensorFlow or JAX, an array of CuPy."""
    known = library_of(value) in {"torch", "tensorflow", "jax", "jaxlib", "cupy"} and hasattr(value, "shape")
    return known and hasattr(value, "dtype")


def numpy_array(what: str, value: Any) -> NDArray[Any]:
    """An array or tensor as a NumPy array, on the CPU and without gradients; 16-bit floats of torch become 32-bit."""

    def convert() -> NDArray[Any]:
        array = value
        if library_of(array) == "torch":
            array = array.detach().cpu().resolve_conj()
            array = array.to_dense() if str(array.layout) != "torch.strided" else array
            array = array.float() if str(array.dtype) == "torch.bfloat16" else array
        elif library_of(array) == "cupy":
            array = array.get()
        return np.asarray(array)

    return call_foreign(what, convert, rule="an array that NumPy can hold, with rows of one length")


def column(what: str, values: Any, *, n: int) -> pd.Series[Any]:
    """One value a sample as a Series of n rows with a plain index, whatever kind of column it was.

    Raises `InputError` for what is no column: a text, a dictionary, a set, a generator, a matrix, another length.
    """
    rule = "one value for each sample, such as a list, an array or a Series"
    if isinstance(values, pd.DataFrame):
        values = numpy_array(what, values) if values.shape[1] != 1 else values.iloc[:, 0]
    if isinstance(values, str | bytes | dict | set | frozenset) or not isinstance(values, Collection | np.ndarray):
        if not (hasattr(values, "__len__") and (hasattr(values, "__getitem__") or hasattr(values, "__array__"))):
            hint = f" Write list({what})." if hasattr(values, "__iter__") else ""
            raise InputError(f"{what} must hold {rule}; got {type(values).__name__}.{hint}")
        if isinstance(values, str | bytes | dict):
            raise InputError(f"{what} must hold {rule}; got {type(values).__name__}.")
    if is_tensor(values):
        values = numpy_array(what, values)
    elif library_of(values) == "polars":
        values = call_foreign(what, lambda: values.to_arrow().to_pandas(), rule=rule)
    elif library_of(values) == "pyarrow":
        values = call_foreign(what, lambda: values.to_pandas(), rule=rule)
    if isinstance(values, np.ndarray):
        values = values.ravel() if values.ndim == 2 and values.shape[1] == 1 else values
        if values.ndim != 1:
            raise InputError(f"{what} must have one entry per sample; got shape {values.shape} for {n:,} samples.")
        plain = values.astype(np.float64) if values.dtype == np.longdouble else values
        # Objects stay objects: pandas would make texts of them that cannot hold half a surrogate pair.
        series = call_foreign(
            what, lambda: pd.Series(plain, dtype=object if plain.dtype == object else None), rule=rule
        )
    elif isinstance(values, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        series = call_foreign(what, lambda: pd.Series(values), rule=rule)
    else:
        # Not np.asarray: it would make a matrix of lists of one length.
        series = call_foreign(
            what, lambda: pd.Series(np.fromiter(values, dtype=object, count=len(values)), dtype=object), rule=rule
        )
    if len(series) != n:
        raise InputError(f"{what} must have one entry per sample; got {len(series):,} {what} for {n:,} samples.")
    return series.reset_index(drop=True)


def blank(what: str, texts: NDArray[Any] | pd.Series[Any]) -> NDArray[np.bool_]:
    """(n,) True where a text is empty or white space; raises `InputError` for half a surrogate pair."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        column = pa.array(texts, type=pa.large_string())  # of pandas' text type, no copy
    except (pa.ArrowInvalid, UnicodeEncodeError):
        check_utf8(what, np.asarray(texts, dtype=object))
        raise
    empty = pc.or_(pc.equal(pc.binary_length(column), 0), pc.utf8_is_space(column))
    return np.asarray(empty.to_numpy(zero_copy_only=False))


def check_utf8(what: str, texts: Sequence[Any] | NDArray[Any]) -> None:
    """Half a surrogate pair is no text: neither a file nor the database could hold it."""
    try:
        "".join(texts).encode("utf-8")  # one pass in C; only what fails here is looked at one by one
        return
    except (TypeError, UnicodeEncodeError, MemoryError):
        pass
    for i, text in enumerate(texts):
        try:
            str(text).encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError(
                f"{what} must hold texts that UTF-8 can hold; the one at position {i} has half a surrogate pair, "
                f"{error.object[error.start]!r}. Mend it: text.encode('utf-16', 'surrogatepass').decode('utf-16', "
                "'replace')."
            ) from error


def texts_of(values: pd.Series[Any], *, missing: str) -> NDArray[Any] | None:
    """(n,) the strings of a column of pandas' text type, `missing` where there is none; None for any other column."""
    if not isinstance(values.dtype, pd.StringDtype):
        return None
    return np.asarray(values.fillna(missing).to_numpy(dtype=object))


def missing(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """(n,) True where a value is None, NaN, NaT or pandas' NA."""
    return np.asarray(values.isna().to_numpy(dtype=bool))


def nested(values: pd.Series[Any]) -> bool:
    """Whether a column holds lists, records or other values that cannot be compared as one."""
    return values.dtype == object and any(isinstance(v, list | tuple | dict | set | np.ndarray) for v in values)
