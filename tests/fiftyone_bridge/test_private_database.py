"""The database is reached by its user alone, who may have many kernels, and lives as long as one of them needs it."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from dqkit.fiftyone_bridge import private_database
from dqkit.fiftyone_bridge.database_keeper import CLIENTS, SOCKET, is_needed, register, unregister
from dqkit.records import MissingExtra

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no sockets of this kind here")
REPOSITORY = Path(__file__).parents[2]
KERNEL = """
from dqkit.fiftyone_bridge import connect
from dqkit.fiftyone_bridge.connection import load
load()
from fiftyone.core.service import DatabaseService
DatabaseService.service_name = "db-dqkit-private-{name}"
fo = connect()
print(len(fo.list_datasets()), flush=True)
input()
"""


def modes(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_of_the_socket_is_its_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = private_database.private_folder(tmp_path / "db")
    assert folder == tmp_path / "db" / "dqkit"
    assert modes(folder) == 0o700
    folder.chmod(0o777)
    assert modes(private_database.private_folder(tmp_path / "db")) == 0o700
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    far = tmp_path / ("d" * 60) / ("e" * 60)
    short = private_database.private_folder(far)
    assert short.parent == tmp_path
    assert modes(short) == 0o700
    assert private_database.private_folder(far) == short
    short.rmdir()
    short.symlink_to(tmp_path)  # as somebody else would leave it
    with pytest.raises(MissingExtra, match="made by somebody else"):
        private_database.private_folder(far)


def test_what_a_process_that_is_gone_left_needs_nothing(tmp_path: Path) -> None:
    mine, known = register(tmp_path), {}
    assert is_needed(tmp_path, known)
    mine.write_text("1.0")  # as if the clock had been set since: this process is known by now
    assert is_needed(tmp_path, known)
    unregister(mine)
    assert not is_needed(tmp_path, known)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name, text in ((f"{gone.pid}-x", "1.0"), (f"{os.getpid()}-y", "1.0"), ("no number", ""), ("1-z", "\udc80")):
        (tmp_path / CLIENTS / name).write_text(text, errors="surrogateescape")
    assert not is_needed(tmp_path, {})  # a number that another process has by now is not the one that came
    assert list((tmp_path / CLIENTS).iterdir()) == []


@pytest.mark.slow
def test_nothing_of_the_database_listens_on_a_port_and_its_files_are_its_users(fo: ModuleType) -> None:
    from fiftyone.core.odm import database

    service = database._db_service
    family = [service.child, *service.child.children(recursive=True)]
    assert [process.name() for process in family if process.name().startswith("mongod")] == ["mongod"]
    assert [connection for process in family for connection in process.net_connections("inet")] == []
    assert modes(service.folder) == 0o700
    assert modes(service.folder / SOCKET) == 0o700
    folder = service.folder.parent
    assert {modes(file) & 0o077 for file in folder.glob("*.wt")} == {0}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can be somebody else")
def test_another_user_of_the_machine_cannot_open_the_database(fo: ModuleType) -> None:
    from fiftyone.core.odm import database

    at = str(database._db_service.folder / SOCKET)
    become = "import os, socket, sys; user = int(sys.argv[1]); os.setgroups([]); os.setgid(user); os.setuid(user);"
    code = f"{become} socket.socket(socket.AF_UNIX).connect({at!r})"

    def connected(user: str) -> str:
        return subprocess.run([sys.executable, "-I", "-c", code, user], capture_output=True, text=True).stderr

    assert connected("0") == ""
    assert "PermissionError" in connected("65534")


def kernel(folder: Path) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FIFTYONE_")}
    environment = {**clean, "FIFTYONE_DATABASE_DIR": str(folder), "PYTHONPATH": str(REPOSITORY)}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    code = textwrap.dedent(KERNEL).format(name=os.getpid())
    return subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=folder, **pipes)


@pytest.mark.slow
def test_two_kernels_share_one_database_until_the_last_is_gone_however_it_ends(tmp_path: Path) -> None:
    with kernel(tmp_path) as first, kernel(tmp_path) as second:
        try:
            assert [one.stdout.readline() for one in (first, second) if one.stdout] == ["0\n", "0\n"]
            keepers = [
                p for p in psutil.process_iter(["cmdline"]) if str(tmp_path / "dqkit") in (p.info["cmdline"] or [])
            ]
            assert len(keepers) == 1
            (mongod,) = keepers[0].children()
            first.communicate("\n", timeout=60)
            time.sleep(1.5)
            assert mongod.is_running()
        finally:
            first.kill()
            second.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([mongod, keepers[0]], timeout=30)[1] == []
    with kernel(tmp_path) as third:  # the socket of the one before is no hindrance
        assert third.communicate("\n", timeout=90)[0] == "0\n"
