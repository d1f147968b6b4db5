"""Drives that cannot do what a local disk does: no shared memory, no locks."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from dqkit.records import LabelEvent, StoreError
from dqkit.store import Store, drives, engine
from dqkit.store.locks import only_one

EVENT = LabelEvent("e", "a", "label", "x", "human", "ana", "t", 1)


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ("/dev/sda / ext4 rw 0 0\nserver:/x /data nfs4 rw 0 0\n", "nfs4"),
        ("/dev/sda / ext4 rw 0 0\nserver:/x /data nfs4 rw 0 0\n/dev/sdb /data/local ext4 rw 0 0\n", None),
        ("/dev/sda / ext4 rw 0 0\n//server/x /data/local\\040disk cifs rw 0 0\n", None),
        ("server:/ / nfs rw 0 0\n", "nfs"),
        ("/dev/sda / ext4 rw 0 0\nserver:/x /dat nfs4 rw 0 0\n", None),
        ("/dev/sda / ext4 rw 0 0\nserver:/x /data nfs4 rw 0 0\n/dev/sdb /data xfs rw 0 0\n", None),
        ("damaged\n", None),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows names network drives by their paths")
def test_the_drive_of_a_file_is_the_deepest_mount_above_it(tmp_path, lines, kind):
    mounts = tmp_path / "mounts"
    mounts.write_text(lines)
    assert drives.network_file_system(Path("/data/local/wb/labels.sqlite"), str(mounts)) == kind


def journal_mode(file):
    with contextlib.closing(sqlite3.connect(file)) as raw:
        return raw.execute("PRAGMA journal_mode").fetchone()[0]


@pytest.mark.parametrize("began_with_wal", [False, True])
def test_on_a_network_drive_the_journal_goes_without_wal_and_says_so(tmp_path, monkeypatch, began_with_wal):
    file = tmp_path / "labels.sqlite"
    if began_with_wal:
        with Store(f"sqlite:///{file}"):
            pass
        assert journal_mode(file) == "wal"
    monkeypatch.setattr(engine, "network_file_system", lambda _: "nfs4")
    with pytest.warns(UserWarning, match="network drive") as heard:
        store = Store(f"sqlite:///{file}")
    assert len(heard) == 1
    with store, store._engine.connect() as connection:
        store.record([EVENT])  # on a second connection, which does not say it again
        assert len(store.events()) == 1
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    assert journal_mode(file) == "delete"


def refuse(code):
    def flock(*_):
        raise OSError(code, "No locks available")

    return flock


@pytest.mark.skipif(sys.platform == "win32", reason="flock is of Unix")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EIO])
def test_a_drive_without_locks_gets_a_marker_that_holds(tmp_path, monkeypatch, code):
    import fcntl

    monkeypatch.setattr(fcntl, "flock", refuse(code))
    lock = tmp_path / "rounds" / ".lock"
    lock.parent.mkdir()
    lock.touch()  # as a drive with locks leaves it
    twice = pytest.raises(StoreError, match="running a round")
    with only_one(lock, doing="running a round"), twice, only_one(lock, doing="running a round"):
        pass
    with only_one(lock, doing="running a round"):
        pass


def test_a_lock_holds_within_one_process_and_is_given_back(tmp_path):
    lock = tmp_path / "rounds" / ".lock"
    lock.parent.mkdir()
    with only_one(lock, doing="x"), pytest.raises(StoreError, match="Another process"), only_one(lock, doing="x"):
        pass
    with only_one(lock, doing="x"):
        pass


def test_a_system_without_locks_gets_a_marker_that_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(filelock, "FileLock", filelock.SoftFileLock)
    lock = tmp_path / "rounds" / ".lock"
    lock.parent.mkdir()
    lock.touch()  # as a system with locks leaves it
    with only_one(lock, doing="x"), pytest.raises(StoreError, match="Another process"), only_one(lock, doing="x"):
        pass
    with only_one(lock, doing="x"):
        pass


def test_a_version_of_filelock_that_says_held_where_no_lock_is_known_is_seen_through(tmp_path, monkeypatch):
    class Never(filelock.SoftFileLock):
        def __init__(self, file):
            super().__init__(file)

        def acquire(self, *_, **__):
            raise filelock.Timeout(str(self.lock_file))

    monkeypatch.setattr(filelock, "FileLock", Never)
    lock = tmp_path / ".lock"
    with only_one(lock, doing="x"):
        assert (tmp_path / ".lock.marker").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="flock is of Unix")
def test_the_marker_of_a_process_that_ended_is_taken_over_and_another_machines_is_named(tmp_path, monkeypatch):
    import fcntl

    lock, marker = tmp_path / ".lock", tmp_path / ".lock.marker"
    code = "import sys, filelock, os; lock = filelock.SoftFileLock(sys.argv[1]); lock.acquire(); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, str(marker)], check=True)
    assert marker.exists()
    monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOLCK))
    with only_one(lock, doing="x"):
        pass
    marker.write_text("4711\nanother-machine\n")
    os.utime(marker)
    with (
        pytest.raises(StoreError, match=r"process 4711 on another-machine.*delete the marker"),
        only_one(lock, doing="x"),
    ):
        pass
