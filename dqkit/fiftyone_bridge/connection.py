"""FiftyOne itself: imported and connected when first needed, telemetry off, one clear sentence when it cannot."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from dqkit.fiftyone_bridge.mongod import mongod_problem
from dqkit.fiftyone_bridge.private_database import use_private_database
from dqkit.records import InputError, MissingExtra


def load() -> ModuleType:
    """The `fiftyone` module with telemetry off, connected to nothing yet; `MissingExtra` when it cannot be imported."""
    os.environ["FIFTYONE_DO_NOT_TRACK"] = "true"  # read once, when fiftyone is imported
    try:
        with _quiet():
            import fiftyone as fo
            import fiftyone.core.odm.database
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] == "fiftyone":
            raise MissingExtra("FiftyOne is not installed. Run `make fiftyone`, or `pip install fiftyone`.") from error
        raise MissingExtra(f"FiftyOne cannot be imported ({error}). Run `pip install --upgrade fiftyone`.") from error
    fo.config.do_not_track = True
    module: ModuleType = fo
    return module


def connect(uri: str | None = None) -> ModuleType:
    """Return the `fiftyone` module, connected to its database.

    Parameters
    ----------
    uri : str, optional
        A MongoDB of your own, such as "mongodb://127.0.0.1:27017". None: FiftyOne's own setting, or else the `mongod`
        that dqkit starts on a socket which only you can open, and stops when the last Python process that uses it has
        ended. (Where one that FiftyOne started runs already, that one. On Windows, one on 127.0.0.1.)

    Returns
    -------
    module
        `fiftyone`. The first call takes some seconds.

    Raises
    ------
    MissingExtra
        Where FiftyOne is not installed or its database cannot be started; the text names the command that mends it.
    InputError
        Where this process is already connected to another database.
    """
    fo = load()
    if uri is not None and uri != fo.config.database_uri:
        if fo.core.odm.database._client is not None:
            raise InputError(
                f"the 'uri' argument must name the database this process uses; got {_without_password(uri)!r}, while "
                f"FiftyOne is connected to {_without_password(fo.config.database_uri or 'its own mongod')}. "
                "Restart the kernel, or leave 'uri' out."
            )
        fo.config.database_uri = uri
    database = fo.core.odm.database
    problem = (
        None if database._client is not None or fo.config.database_uri else _folder_problem(fo.config.database_dir)
    )
    if problem is not None:
        raise MissingExtra(problem)
    if database._client is None and not fo.config.database_uri:
        use_private_database()
    try:
        with _quiet():
            fo.list_datasets()
    except Exception as error:  # FiftyOne's own, pymongo's, psutil's and OS errors come here; each means "no database"
        # Left in place, the failed service would make the next call join whatever listens on MongoDB's usual port.
        service, database._db_service = database._db_service, None
        if service is not None:
            service.stop()
        raise MissingExtra(_explain(fo, error)) from error
    return fo


@contextmanager
def database_in_use(uri: str | None = None) -> Iterator[ModuleType]:
    """The connected `fiftyone` module, for as long as somebody needs its database; the last one to leave stops it.

    Stopped is only a `mongod` that was started for the first who came: not one that this process was connected to
    before, not a MongoDB of your own, and none that an open App or a dataset that is not persistent still needs.
    Another kernel that joined it keeps it up. FiftyOne itself starts it again when it is next asked for anything.
    """
    global _users, _started_for_us
    database = load().core.odm.database
    if _users == 0:
        _started_for_us = database._client is None
    fo = connect(uri)
    _users += 1
    try:
        yield fo
    finally:
        _users -= 1
        if _users == 0 and _started_for_us:
            _stop_database(fo)


_users = 0
_started_for_us = False
_STOP_SECONDS = 5.0  # it takes a tenth of that; where another kernel keeps it up, nobody should wait long


def _stop_database(fo: ModuleType) -> None:
    from fiftyone.core.session import session
    from psutil import TimeoutExpired

    database = fo.core.odm.database
    service = database._db_service
    if service is None or service.attached or database._client is None or session._server_services:
        return
    with _quiet():
        try:
            if not all(dataset["persistent"] for dataset in fo.list_datasets(info=True)):
                return
        except Exception:  # killed from outside, it cannot be asked, and is stopped as far as it still runs
            pass
    process = service.child
    database._disconnect()
    database._db_service = None
    database._connection_kwargs.clear()
    os.environ.pop("FIFTYONE_PRIVATE_DATABASE_PORT", None)
    service.stop()
    with suppress(TimeoutExpired):
        process.wait(timeout=_STOP_SECONDS)


def _folder_problem(folder: str) -> str | None:
    """One sentence when the database folder cannot be made or written; mongod itself would take a minute to say so."""
    there = Path(folder).absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return None
    return (
        f"FiftyOne's database folder {folder} cannot be written. "
        "Set FIFTYONE_DATABASE_DIR to a folder that can, and restart the kernel."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what a user cannot act on: its dependencies' deprecation warnings, its notice of an old mongod."""
    log = logging.getLogger("fiftyone.core.odm.database")
    log.addFilter(_is_not_about_age)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.removeFilter(_is_not_about_age)


def _is_not_about_age(record: logging.LogRecord) -> bool:
    return "oldest supported major version" not in record.getMessage()


def _explain(fo: ModuleType, error: Exception) -> str:
    if fo.config.database_uri:
        return (
            f"FiftyOne cannot reach the MongoDB at {_without_password(fo.config.database_uri)} ({_first_line(error)}). "
            "Start it, or unset FIFTYONE_DATABASE_URI to let FiftyOne start its own."
        )
    problem = mongod_problem()
    if problem is not None:
        return problem
    folder = fo.config.database_dir
    log = os.path.join(folder, "log", "mongo.log")
    return (
        f"FiftyOne's database cannot be started in {folder} ({_first_line(error)}). Read why in {log}, "
        "or set FIFTYONE_DATABASE_DIR to an empty folder and restart the kernel."
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _without_password(uri: str) -> str:
    scheme, mark, rest = uri.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
