"""A PostgreSQL server of the tests' own: a temporary cluster on a loopback port."""

from __future__ import annotations

import glob
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

PASSWORD = "ge@heim/1"


class Server:
    """A running server; every user must give a password. start and stop may be called again."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._home = Path(tempfile.mkdtemp(prefix="dqkit-postgres-"))
        # The server refuses to run as root.
        self._as_root = hasattr(os, "getuid") and os.getuid() == 0
        if self._as_root:
            shutil.chown(self._home, "nobody")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (self._home / "password").write_text(PASSWORD)
        if self._as_root:
            shutil.chown(self._home / "password", "nobody")
        self._run(
            "initdb",
            *("-D", str(self._home / "data"), "-U", "ana", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"),
            f"--pwfile={self._home / 'password'}",
        )
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://ana:ge%40heim%2F1@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self._home} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "-D", str(self._home / "data"), "-o", options, "-l", str(self._home / "log"), "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", str(self._home / "data"), "-m", mode, "-w", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if self._as_root:
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
        environment = {**os.environ, "LC_ALL": "C", "HOME": str(self._home)}
        # Into a file: the server keeps the pipe of its starter open.
        with (self._home / "said").open("ab") as said:
            done = subprocess.run(command, stdout=said, stderr=said, env=environment, cwd=self._home, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{(self._home / 'said').read_text(errors='replace')[-2000:]}")


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, or None where there is no PostgreSQL."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: float(p.split("/")[4]))
    program = found[-1] if found else shutil.which("initdb")
    return None if program is None else Path(program).resolve().parent


def why_not() -> str | None:
    """Why no server can be started here, or None where one can."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed (pip install 'dqkit[postgres]')"
    if programs() is None:
        return "PostgreSQL is not installed (apt-get install postgresql)"
    if hasattr(os, "getuid") and os.getuid() == 0 and shutil.which("setpriv") is None:
        return "PostgreSQL does not run as root, and setpriv is not there to change the user"
    return None
