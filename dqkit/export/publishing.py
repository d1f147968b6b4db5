"""A file or a folder that appears whole under its name, or not at all, and never over what somebody else put there."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import socket
import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dqkit.files import make_folder, sync, sync_folder, sync_tree
from dqkit.records import InputError, StoreError

# The record in the root of every folder that dqkit exported: what it wrote there, and what the names stand for.
RECORD = "dqkit-export.json"
RECORD_FORMAT = 1


def target(path: str | os.PathLike[str], *, forbidden: Sequence[Path]) -> Path:
    """The absolute path; raises `InputError` for what is no path or lies in a folder that must stay as it is.

    forbidden: the workbench's folder and those that the originals lie in.
    """
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes) or not str(path).strip():
        raise InputError(f"path must be a text or a pathlib.Path; got {path!r}.")
    try:
        out = Path(path).expanduser().absolute()
        real = out.parent.resolve() / out.name
    except (ValueError, RuntimeError, OSError) as error:  # a NUL in it; no such home folder; a loop of links
        raise InputError(f"path must be a path that can be written to; got {str(path)!r} ({error}).") from error
    if "\0" in str(out) or not out.name:
        raise InputError(f"path must name a file or folder; got {str(path)!r}.")
    for folder in forbidden:
        if real == folder or folder in real.parents:
            raise InputError(
                f"path must lie outside the workbench and the originals; {str(out)!r} is inside {str(folder)!r}. "
                "Choose another place. Nothing was written."
            )
    return out


def file(path: Path, write: Callable[[Path], Any], *, overwrite: bool) -> None:
    """Let `write` fill a new file, and put it under `path` in one step.

    Raises `InputError` where something is there (with overwrite: anything but a file), `StoreError` where it cannot be
    written; then `path` is as it was.
    """
    clear_left(path)
    _check_free_file(path, overwrite=overwrite)
    partial = partial_of(path)
    with _said(path):
        try:
            make_folder(path.parent)
            write(partial)
            sync(partial)
            _check_free_file(path, overwrite=overwrite)  # it took a while
            os.replace(partial, path)
            sync_folder(path.parent)
        finally:
            partial.unlink(missing_ok=True)


def folder(path: Path, write: Callable[[Path], dict[str, Any]], *, overwrite: bool) -> None:
    """Let `write` fill a new folder, add the record that it returns, and put it under `path` in one step.

    Raises `InputError` where something is there; with overwrite only where it is anything but an export of dqkit
    in which every file is one that dqkit wrote.
    """
    clear_left(path)
    check_free_folder(path, overwrite=overwrite)
    partial = partial_of(path)
    old = partial.with_suffix(".old")
    with _said(path):
        try:
            make_folder(path.parent)
            partial.mkdir()
            record = write(partial)
            record = {"dqkit": "export", "record": RECORD_FORMAT, **record, "written": _files(partial)}
            with (partial / RECORD).open("w", encoding="utf-8") as out:
                out.write(json.dumps(record, ensure_ascii=False, allow_nan=False))
            sync_tree(partial)
            check_free_folder(path, overwrite=overwrite)  # it took a while
            if path.exists():
                os.rename(path, old)
            try:
                os.rename(partial, path)
            except BaseException:
                if old.exists():
                    os.rename(old, path)
                raise
            sync_folder(path.parent)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def check_free_folder(path: Path, *, overwrite: bool) -> None:
    """Raise `InputError` unless a folder may be written at `path`; an empty folder may."""
    if not os.path.lexists(path) or (path.is_dir() and not path.is_symlink() and not any(path.iterdir())):
        return
    if not overwrite:
        raise InputError(
            f"path must be free; {str(path)!r} exists. Choose another name, or pass overwrite=True "
            "to replace an earlier export. Nothing was changed."
        )
    record = None if path.is_symlink() or not path.is_dir() else read_record(path)
    if record is None:
        raise InputError(
            f"overwrite=True replaces only folders that dqkit exported; {str(path)!r} is none (it holds no {RECORD}). "
            "Choose another name. Nothing was changed."
        )
    own = {*record["written"], RECORD}
    foreign = next((name for name in _files(path) if name not in own), None)
    if foreign is not None:
        raise InputError(
            f"overwrite=True replaces only what dqkit wrote; {str(path)!r} also holds {foreign!r}, which dqkit did not "
            "write. Move it away or choose another name. Nothing was changed."
        )


def read_record(path: Path) -> dict[str, Any] | None:
    """What the record of an exported folder says, or None where there is none that dqkit wrote."""
    try:
        record = json.loads((path / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.get("dqkit") != "export":
        return None
    written = record.get("written")
    return record if isinstance(written, list) and all(isinstance(name, str) for name in written) else None


def _check_free_file(path: Path, *, overwrite: bool) -> None:
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise InputError(
            f"path must be free; {str(path)!r} exists. Choose another name, or pass overwrite=True. "
            "Nothing was changed."
        )
    if not path.is_file() or path.is_symlink():
        raise InputError(f"path must name a file; {str(path)!r} is a folder or a link. Nothing was changed.")


def partial_of(path: Path) -> Path:
    """Where what is to stand under `path` is written first; `clear_left` knows it by its name."""
    # Two threads of one process may write to the same place.
    return path.with_name(f".{_start(path)}.{os.getpid()}-{_host()}-{uuid.uuid4().hex[:8]}.partial")


def clear_left(path: Path) -> None:
    """Delete what was to stand under `path` and was not finished, where its process, on this machine, was killed.

    What an earlier export became when it was about to be replaced goes only if every file in it is one that dqkit
    wrote; where nothing stands under `path`, it is put back first.
    """
    pattern = re.compile(rf"\.{re.escape(_start(path))}\.(\d+)-([0-9a-f]{{8}})-[0-9a-f]{{8}}\.(partial|old)")
    try:
        names = os.listdir(path.parent)
    except OSError:
        return
    for name in names:
        found = pattern.fullmatch(name)
        left = path.parent / name
        if found is None or left.is_symlink() or found[2] != _host() or _runs(int(found[1])):
            continue
        if found[3] == "old":
            _clear_old(left, path)
        elif left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _clear_old(left: Path, path: Path) -> None:
    """An export that was moved aside and not yet replaced, or not yet deleted."""
    if not os.path.lexists(path):
        os.rename(left, path)
        return
    record = read_record(left)
    if record is not None and set(_files(left)) <= {*record["written"], RECORD}:
        shutil.rmtree(left, ignore_errors=True)


def _start(path: Path) -> str:
    return os.fsencode(path.name)[:90].decode("utf-8", "ignore")


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode('utf-8', 'replace')):08x}"


def _runs(pid: int) -> bool:
    """Whether a process of this machine still runs; yes where that cannot be told."""
    if os.name == "nt":
        return True  # there, signal 0 would end the process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _files(root: Path) -> list[str]:
    """Every file and link below a folder, as relative paths with "/"."""
    return sorted(
        (Path(folder) / name).relative_to(root).as_posix()
        for folder, folders, names in os.walk(root)
        for name in [*names, *(d for d in folders if (Path(folder) / d).is_symlink())]
    )


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """What the system refuses, in dqkit's words."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise InputError(
            f"the dataset holds a text that UTF-8 cannot hold ({error.reason}); {str(path)!r} was not written."
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC):
            what = "the disk is full. Free some space or choose another drive"
        else:
            what = f"{error}"
        raise StoreError(f"{str(path)!r} cannot be written: {what}. Nothing was left under that name.") from error
