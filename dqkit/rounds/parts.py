"""The files of a round: written together, named by one commit, and each read through one place."""

from __future__ import annotations

import json
import os
import shutil
import uuid
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from dqkit.files import sync_folder, sync_tree, write_json
from dqkit.records import StoreError

Part = TypeVar("Part")
Sums = dict[str, tuple[int, int | None]]  # name in the folder, with "/" -> bytes and CRC-32

MANIFEST = "manifest.json"
FINDINGS = "findings"  # the folder of them
BLOCK = 1 << 20
HAS_SUMS = ".npz"  # a zip, which holds the sum of each of its arrays and is read against them


def new_version() -> str:
    """A name for what the files of a round hold now."""
    return uuid.uuid4().hex


def seal(folder: Path, version: str, *, beside: Mapping[str, tuple[int, int | None]] | None = None) -> None:
    """Note the sums of all files in a folder and wait until the disk has all of it.

    beside: files of the same round that lie elsewhere.
    """
    _note(folder, version, {**(beside or {}), **sums_of(folder)})
    sync_tree(folder)
    sync_folder(folder.parent)


def renew(folder: Path, *names: str) -> None:
    """Note the sums of files that were made again, where there are sums; `seal` brings all of it to disk."""
    known = manifest(folder)
    if known is None:
        return
    fresh = {name: _sums(folder / name) for name in names if (folder / name).is_file()}
    _note(folder, "", {**{name: of for name, of in known.items() if name not in names}, **fresh})


def put_aside(folder: Path, *names: str) -> None:
    """Move folders away that stand where files of a round belong; "findings" is to be a folder, no file."""
    for name in names:
        file = folder / name
        if file.is_dir() if name != FINDINGS else file.is_file():
            file.rename(folder.parent / f".{folder.name}-{file.name}-{uuid.uuid4().hex[:8]}")


def _note(folder: Path, version: str, sums: Sums) -> None:
    told = {"version": version, "files": {name: list(sums[name]) for name in sorted(sums)}}
    write_json(folder / MANIFEST, {"dqkit": "round", **told, "sum": _sum_of(told)}, durable=False)


def sums_of(folder: Path) -> Sums:
    """The sums of the files in a folder; those that begin with a point are no part of a round."""
    return {name: _sums(file) for name, file in files_in(folder).items() if name != MANIFEST}


def files_in(folder: Path) -> dict[str, Path]:
    """Every file of a round's folder by its name."""
    found = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    return {name: file for name, file in found.items() if not any(part.startswith(".") for part in name.split("/"))}


def manifest(folder: Path) -> Sums | None:
    """The sums of the files that a folder should hold; None where an older dqkit wrote none, or they are damaged."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if told.pop("sum") != _sum_of({"version": told["version"], "files": told["files"]}):
            return None
        return {str(name): (int(size), crc) for name, (size, crc) in told["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def holds(folder: Path, name: str) -> bool:
    """Whether a part that not every round has should be there."""
    known = manifest(folder)
    return (folder / name).exists() if known is None else name in known


def read_part(folder: Path, name: str, read: Callable[[Path], Part]) -> Part:
    """What `read` makes of a file of a round.

    Parameters
    ----------
    folder : Path
        The folder of the round.
    name : str
        The file in it.
    read : callable
        Takes its path.

    Returns
    -------
    object
        What `read` returns.

    Raises
    ------
    StoreError
        Where the file is missing, cut or was changed; the text names it and says how it is made again.
    """
    file = folder / name
    try:
        _check(folder, name)
        if file.is_dir() and name != FINDINGS:
            raise IsADirectoryError
        return read(file)
    except Exception as error:  # Parquet, zip and NumPy have errors of many kinds
        if isinstance(error, StoreError):
            raise
        if isinstance(error, FileNotFoundError):
            trouble = "is missing"
        elif file.is_dir():
            trouble = "cannot be read: a folder is in its place"
        else:
            trouble = f"cannot be read ({error})"
        raise damaged(folder, name, trouble) from error


def damaged(folder: Path, name: str, trouble: str) -> StoreError:
    """The error of a part of a round. trouble: such as "is missing"."""
    return StoreError(
        f"{str(folder / name)!r} {trouble}. The labels are in the journal and are not touched; "
        f"make the file again with: dqkit rebuild {str(folder.absolute().parents[1])!r}"
    )


def staged(folder: Path, version: str) -> Path:
    """Where files of a round wait that replace others, until a commit names their version."""
    return folder / f".{version}"


def settle(folder: Path, version: str | None) -> None:
    """Put the waiting files of a version in their places, once a commit has named it; drop those that none named.

    Killed half-way, the next call goes on; two at once do no harm.
    """
    if version is None:
        return
    waiting = staged(folder, version)
    if not waiting.is_dir():
        return
    names = [name for name in files_in(waiting) if name != MANIFEST]
    try:
        put_aside(folder, *names, MANIFEST)
        for name in (*names, MANIFEST):  # the sums last: until then the files are judged by those that wait
            (folder / name).parent.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # another process was faster
                os.replace(waiting / name, folder / name)
        for place in {(folder / name).parent for name in names} - {folder}:
            sync_folder(place)
        sync_folder(folder)
    except OSError as error:
        raise StoreError(
            f"The files of {str(folder)!r} cannot be put in their places: {error}. Check that you may write there."
        ) from error
    shutil.rmtree(waiting, ignore_errors=True)


def drop_staged(folder: Path) -> None:
    """Drop files that wait for a commit that never came; only while nobody else can rank."""
    for waiting in folder.glob(".*"):
        if waiting.is_dir() and waiting.suffix != ".partial":
            shutil.rmtree(waiting, ignore_errors=True)


def _check(folder: Path, name: str) -> None:
    """Raise `ValueError` where a file is not the one that was written."""
    tried: set[tuple[int, int | None]] = set()
    # Twice, since another process may put a new file in its place meanwhile.
    while (expected := _expected(folder, name)) - tried:
        size, crc = _sums(folder / name, whole=not name.endswith(HAS_SUMS))
        if (size, crc) in expected or (crc is None and size in {of for of, _ in expected}):
            return
        tried |= expected
    if tried:
        were = next(iter(tried))[0]
        raise ValueError(f"{were:,} bytes were written, it has {size:,}" if size != were else "its bytes were changed")


def _expected(folder: Path, name: str) -> set[tuple[int, int | None]]:
    """The sums that a file may have: its own, and while it is being replaced those of the new one."""
    known = [sums for sums in map(manifest, (folder, *folder.glob(".*"))) if sums is not None]
    return {sums[name] for sums in known if name in sums}


def _sums(file: Path, *, whole: bool = True) -> tuple[int, int | None]:
    if not whole:
        return file.stat().st_size, None
    size = crc = 0
    with file.open("rb") as opened:
        while block := opened.read(BLOCK):
            size, crc = size + len(block), zlib.crc32(block, crc)
    return size, crc


def _sum_of(told: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(told, sort_keys=True).encode())
