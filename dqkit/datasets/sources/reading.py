"""One door for tables: what a source is, and the reader for it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd

from dqkit.checks import kinds, takes
from dqkit.datasets.conversion import brief, call_foreign
from dqkit.datasets.paths import local_path
from dqkit.datasets.sources import columnar
from dqkit.datasets.sources.delimited import read_delimited
from dqkit.datasets.sources.json_records import read_json
from dqkit.datasets.sources.libraries import frame_of_library
from dqkit.datasets.sources.spreadsheets import ENGINES, read_spreadsheet
from dqkit.records import InputError

TEXT = (".csv", ".tsv", ".txt", ".tab", ".psv", ".dat", ".data")
LINES, JSON = (".jsonl", ".ndjson"), (".json",)
PACKED = (".gz", ".bz2", ".xz", ".zip", ".zst")
KINDS = (*TEXT, *LINES, *JSON, *ENGINES, *columnar.PARQUET, *columnar.ARROW)
_PANDAS = "If pandas reads it, pass the DataFrame: from_table(pandas.read_...(path), ...)"
_HEAD = 4096
_WEB = ("http", "https", "ftp", "s3", "gs", "hf", "az", "abfs")


@dataclass(frozen=True)
class ReadOptions:
    """What a user says of a file; None: found in the file. sep, encoding, decimal: of text. sheet: of a spreadsheet."""

    sep: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    sheet: str | int | None = None


@dataclass(frozen=True)
class Table:
    """frame: plain columns. base: the folder that relative paths start from. split: the column that the source itself
    calls its splits, or None. notes: sentences on how it was read."""

    frame: pd.DataFrame
    base: Path
    name: str
    split: str | None = None
    notes: tuple[str, ...] = ()


@takes(named=kinds.each(kinds.anything, "columns"), options=kinds.optional(kinds.a(ReadOptions, "ReadOptions")))
def read(source: Any, named: Sequence[Any] = (), options: ReadOptions | None = None) -> Table:
    """The table of a path, a frame, or a table of another library.

    named: the columns that hold labels, texts, paths, ids or splits; what is written there is read as it is written.
    Raises `InputError` for what is no table, `MissingExtra` where a reader is not installed.
    """
    options = options or ReadOptions()
    if not isinstance(source, str | os.PathLike):
        frame, split, notes = frame_of_library(source)
        return _checked(Table(frame, Path.cwd(), "table", split, notes), "source")
    path = _local(source)
    if path.is_dir():
        return _checked(_folder(path), str(path))
    words = [str(c) for c in named]
    inner = is_table_name(path, f"source must be a table ({{kinds}}); got {{name!r}}. {_PANDAS}.")
    try:
        frame, notes = _file(path, inner, words, options)
    except (InputError, ImportError):
        raise
    except Exception as error:  # each format's reader has its own errors
        raise InputError(
            f"source {str(path)!r} cannot be read as a table: {type(error).__name__}: {brief(error)}. {_PANDAS}."
        ) from error
    stem = path.stem if path.suffix.lower() not in PACKED else Path(path.stem).stem
    return _checked(Table(frame, path.parent, stem, notes=notes), str(path))


def is_table_name(path: Path, message: str) -> str:
    """The suffix of a table that can be read, without that of a packed file; raises `InputError` for another one.

    message: what is said then, with {kinds} and {name} to be filled in.
    """
    outer = path.suffix.lower()
    inner = Path(path.stem).suffix.lower() if outer in PACKED else outer
    if inner not in KINDS and not (outer in PACKED and not inner):
        raise InputError(message.format(kinds=f"{', '.join(KINDS)}, also packed: {', '.join(PACKED)}", name=path.name))
    return inner


@takes(path=kinds.path)
def is_table_folder(path: Path) -> bool:
    """Whether a folder is a table: Parquet parts, also below folders such as year=2024, or a saved dataset."""
    if not path.is_dir():
        return False
    parts = any(f.suffix.lower() in columnar.PARQUET or ("=" in f.name and f.is_dir()) for f in path.iterdir())
    return parts or columnar.is_saved_dataset(path)


def _local(source: str | os.PathLike[str]) -> Path:
    """The path of a source, which must be a regular file or a folder."""
    text = os.fspath(source)
    if isinstance(text, str) and "://" in text:
        parts = urlsplit(text)
        if parts.scheme == "file":
            text = unquote(parts.path)
            text = text[1:] if os.name == "nt" and text[2:3] == ":" else text
        elif parts.scheme in _WEB:
            raise InputError(
                f"source must be on this machine; {text!r} is an address on the web, and nothing is downloaded unless "
                "asked. Download it first, or pass the DataFrame: from_table(pandas.read_csv(url), ...)."
            )
    path = local_path("source", text)
    try:
        kind = path.stat().st_mode
    except OSError as error:
        raise InputError(
            f"source must be an existing .csv, .tsv, .xlsx, .jsonl or .parquet file; got {str(path)!r} "
            f"(now in {Path.cwd()})."
        ) from error
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise InputError(
            f"source must be a regular file; {str(path)!r} is a device or a pipe. Copy it to a file first."
        )
    return path


def _folder(path: Path) -> Table:
    """A folder of Parquet parts, or a saved Hugging Face dataset."""
    rule = f"a folder of Parquet files or a saved dataset ({str(path)!r})"
    if columnar.is_saved_dataset(path):
        tables = call_foreign("source", lambda: columnar.read_saved(path), rule=rule)
        frames = {split: columnar.frame_of_arrow("source", table) for split, table in tables.items()}
        if set(frames) == {""}:
            return Table(frames[""], path, path.name, notes=("Read as a dataset that Hugging Face's datasets saved.",))
        frame, split, notes = frame_of_library(frames)
        return Table(frame, path, path.name, split, notes)
    parts = columnar.parquet_parts(path)
    if not parts:
        raise InputError(
            f"source must be a table or a folder of Parquet files; {str(path)!r} is a folder without one. "
            "For a folder of images call dqkit.from_folder."
        )
    table = call_foreign("source", lambda: columnar.read_parquet(path), rule=rule)
    frame = columnar.frame_of_arrow("source", table)
    return Table(frame, path, path.name, notes=(f"Read from {len(parts):,} Parquet files.",))


def _file(path: Path, kind: str, named: list[str], options: ReadOptions) -> tuple[pd.DataFrame, tuple[str, ...]]:
    with path.open("rb") as file:
        start = file.read(8)
    if kind in columnar.PARQUET and path.suffix.lower() not in PACKED:
        return columnar.frame_of_arrow("source", columnar.read_parquet(path)), ()
    if kind in columnar.ARROW and path.suffix.lower() not in PACKED:
        return columnar.frame_of_arrow("source", columnar.read_arrow(path)), ()
    raw = path.read_bytes()
    packed = path.suffix.lower() in PACKED or start[:2] == b"\x1f\x8b"
    if packed:
        raw, inside = _unpacked(raw, path)
        kind = inside if inside in KINDS else kind or ".csv"
    if not raw[:_HEAD].strip() and not raw.strip():
        raise InputError(f"source {path.name!r} cannot be read as a table: it is empty. {_PANDAS}.")
    if raw[:4] == b"PK\x03\x04" and kind not in {".xlsx", ".xlsm", ".ods"} and b"xl/workbook.xml" in raw:
        kind = ".xlsx"
    if kind == ".xls" and raw[:4] not in (b"\xd0\xcf\x11\xe0", b"PK\x03\x04"):
        if raw.lstrip()[:1] == b"<":
            raise InputError(f"source {path.name!r} is a web page, not a spreadsheet. Pass pandas.read_html(path)[0].")
        kind = ".csv"  # many programs call a text table .xls
    if kind in ENGINES:
        return read_spreadsheet(raw, named, sheet=options.sheet, suffix=kind, name=path.name)
    if kind in LINES or kind in JSON:
        return read_json(raw, encoding=options.encoding, lines=kind in LINES, name=path.name)
    if kind in columnar.PARQUET or kind in columnar.ARROW:
        raise InputError(f"source {path.name!r} is packed twice. Unpack it first.")
    return read_delimited(
        raw, named, separator=options.sep, encoding=options.encoding, decimal=options.decimal, name=path.name
    )


def _unpacked(raw: bytes, path: Path) -> tuple[bytes, str]:
    """The bytes of a packed file, and the suffix of the file inside where a name is kept."""
    packing = path.suffix.lower()
    if packing == ".zip":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            names = [
                n
                for n in archive.namelist()
                if not n.endswith("/") and "__MACOSX" not in n and not Path(n).name.startswith(".")
            ]
            tables = [n for n in names if Path(n).suffix.lower() in KINDS]
            if len(tables) != 1:
                raise InputError(
                    f"source must hold one table; {path.name!r} holds {len(tables)}: "
                    f"{', '.join(map(repr, names[:5]))}. Unpack it and name one."
                )
            return archive.read(tables[0]), Path(tables[0]).suffix.lower()
    unpack: dict[str, Callable[[bytes], bytes]] = {".bz2": bz2.decompress, ".xz": lzma.decompress, ".zst": _zst}
    try:
        return unpack.get(packing, gzip.decompress)(raw), ""
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        raise InputError(f"source {path.name!r} cannot be unpacked: {brief(error)}. {_PANDAS}.") from error


def _zst(raw: bytes) -> bytes:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(raw), "zstd") as stream:
        return bytes(stream.read())


def _checked(table: Table, name: str) -> Table:
    if not len(table.frame):
        raise InputError(
            f"source must hold at least one row; {name!r} has {len(table.frame.columns)} columns and no rows."
        )
    return table
