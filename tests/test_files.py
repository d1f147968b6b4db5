"""Files of others: only what is regular and of a size is read."""

from __future__ import annotations

import os
import socket

import pytest

from dqkit.files import read_file


def test_a_regular_file_comes_back_whole_up_to_its_limit(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"12345")
    assert read_file(file) == b"12345"
    assert read_file(str(file), most=5) == b"12345"
    with pytest.raises(OSError, match="5 bytes, more than 4"):
        read_file(file, most=4)


def test_a_file_that_is_large_on_paper_alone_is_not_read(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="1,099,511,627,776 bytes"):
        read_file(tmp_path / "sparse")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(OSError, match="a folder"):
        read_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders on this system")
def test_devices_pipes_and_sockets_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.symlink("/dev/zero", tmp_path / "link")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "socket"))
        for odd in ("/dev/zero", tmp_path / "pipe", tmp_path / "link", tmp_path / "socket"):
            with pytest.raises(OSError, match="no regular file"):
                read_file(odd)
