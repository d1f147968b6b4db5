"""The pixel cache heals: whatever happens to it, the right pixels come back or an error says what to do."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dqkit as dq
from dqkit.datasets.pixels import decode, decoding, packs, places


def reds(found) -> list[int]:
    return [int(red) for red in found.pixels[:, 32, 32, 0]]


RIGHT = [10, 50, 90, 130, 170, 210]


@pytest.fixture
def reads(monkeypatch):
    """How often each file's bytes are read."""
    counts: Counter[str] = Counter()
    real = decoding.read_file

    def read(file):
        counts[Path(file).name] += 1
        return real(file)

    monkeypatch.setattr(decoding, "read_file", read)
    return counts


def pack_in(cache: Path) -> Path:
    (pack,) = cache.iterdir()
    return pack


def test_a_second_load_reads_no_picture(files, reads):
    decode(files)
    reads.clear()
    assert reds(decode(files)) == RIGHT
    assert not reads


def test_one_new_picture_costs_one_decoding_wherever_it_sorts(files, reads, tmp_path):
    decode(files)
    Image.new("RGB", (20, 20), (77, 0, 0)).save(tmp_path / "files" / "2b.png")
    reads.clear()
    assert reds(decode([*files[:3], tmp_path / "files" / "2b.png", *files[3:]])) == [*RIGHT[:3], 77, *RIGHT[3:]]
    assert reads == {"2b.png": 1}


def test_a_part_of_the_files_in_another_order_costs_no_decoding(files, reads):
    decode(files)
    reads.clear()
    assert reds(decode([files[4], files[1]])) == [170, 50]
    assert not reads


def test_a_changed_picture_is_decoded_again_and_no_other(files, reads):
    decode(files)
    Image.new("RGB", (20, 20), (99, 0, 0)).save(files[3])
    os.utime(files[3], ns=(1, 1))
    reads.clear()
    assert reds(decode(files)) == [10, 50, 90, 99, 170, 210]
    assert reads == {"3.png": 1}


def test_a_larger_pack_takes_the_place_of_a_smaller_one(files, cache):
    decode(files[:4])
    decode(files)
    assert len(packs.open_pack(pack_in(cache)).index) == 6


def test_a_failed_read_is_tried_again_the_next_time(files, monkeypatch):
    real = decoding.read_file

    def fail(file):
        if Path(file).name == "2.png":
            raise PermissionError(13, "Permission denied")
        return real(file)

    with monkeypatch.context() as patch:
        patch.setattr(decoding, "read_file", fail)
        broken = decode(files)
        assert decode(files).failures == broken.failures
    assert list(broken.failures) == [2]
    assert "Permission denied" in broken.failures[2]
    assert reds(broken) == [10, 50, 0, 130, 170, 210]
    healed = decode(files)
    assert not healed.failures
    assert reds(healed) == RIGHT
    assert healed.sizes.tolist() == [[20, 20]] * 6


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[-5] ^= 0xFF
    file.write_bytes(raw)


@pytest.mark.parametrize("name", ["pixels.npy", "index.npy", "about.json"])
@pytest.mark.parametrize("harm", [cut, flip, Path.unlink, lambda file: file.write_bytes(b"")])
def test_a_damaged_pack_is_noticed_and_made_again(files, cache, name, harm):
    decode(files)
    harm(pack_in(cache) / name)
    assert reds(decode(files)) == RIGHT
    assert packs.map_pixels(packs.open_pack(pack_in(cache))) is not None


def test_a_row_with_a_wrong_checksum_is_not_taken_over(files, cache):
    decode(files)
    flip(pack_in(cache) / "pixels.npy")
    assert reds(decode(files[::-1])) == RIGHT[::-1]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no signal kills a process here")
def test_a_killed_run_leaves_its_decoded_pictures_and_no_folder(files, cache):
    code = """
import sys, os, signal
from pathlib import Path
from dqkit.datasets.pixels import decode, decoding
decoding.CHECKPOINT_SECONDS = -1.0
real = decoding.read_file
def read(file):
    if file.name == "5.png":
        import time; time.sleep(1.5)
        os.kill(os.getpid(), signal.SIGKILL)
    return real(file)
decoding.read_file = read
decode([Path(p) for p in sys.argv[1:]], progress=False)
"""
    done = subprocess.run([sys.executable, "-c", code, *map(str, files)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = cache.iterdir()
    assert left.name.endswith(".partial")
    known = packs.open_pack(left)
    assert known is not None
    assert known.is_decoded.sum() >= 1
    assert reds(decode(files)) == RIGHT
    assert not pack_in(cache).name.endswith(".partial")


def test_an_interrupted_run_goes_on_where_it_was(files, reads, monkeypatch):
    real = decoding._put

    def put(writer, i, file, side):
        if i == 4:
            while (writer.index["stamp"] != 0).sum() < 4:
                time.sleep(0.01)
            raise KeyboardInterrupt
        return real(writer, i, file, side)

    with monkeypatch.context() as patch:
        patch.setattr(decoding, "_put", put)
        with pytest.raises(KeyboardInterrupt):
            decode(files)
    reads.clear()
    assert reds(decode(files)) == RIGHT
    assert not {"0.png", "1.png", "2.png", "3.png"} & set(reads)


def test_leftovers_under_this_process_id_do_no_harm(files, cache):
    from dqkit.datasets import pixels

    name = pixels._key(files, 64)
    (cache / f"{name}.{os.getpid()}.partial").mkdir(parents=True)
    (cache / f"{name}.{places._host()}.{os.getpid()}.0.partial").mkdir()
    assert reds(decode(files)) == RIGHT
    assert pack_in(cache).name == name


def test_the_unfinished_pack_of_a_running_process_stays(files, cache):
    running = cache / f"x.{places._host()}.{os.getppid()}.abc.partial"
    running.mkdir(parents=True)
    decode(files)
    assert running.exists()


def test_packs_that_nobody_opened_for_long_are_removed(files, cache):
    decode(files[:2])
    old = pack_in(cache)
    long_ago = time.time() - (places.KEPT_DAYS + 1) * places.DAY
    os.utime(old, (long_ago, long_ago))
    decode(files[2:])
    assert pack_in(cache) != old


def test_two_threads_get_the_same_pixels_and_decode_once(files, reads):
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(reds(decode(files)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [RIGHT] * 4
    assert set(reads.values()) == {1}


def test_two_processes_at_once_end_with_whole_packs(files, cache):
    code = "import sys; from dqkit.datasets.pixels import decode; assert not decode(sys.argv[1:]).failures"
    started = [subprocess.Popen([sys.executable, "-c", code, *map(str, files)]) for _ in range(3)]
    assert [process.wait(timeout=200) for process in started] == [0, 0, 0]
    assert reds(decode(files)) == RIGHT
    assert all(packs.map_pixels(packs.open_pack(pack)) is not None for pack in cache.iterdir())


def test_no_lock_is_taken(files, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(fcntl, "lockf", refuse)
    assert reds(decode(files)) == RIGHT


@pytest.fixture
def own_temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "_temporary", {})
    monkeypatch.setattr(places, "_warned", set())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_a_cache_that_cannot_be_written_is_said_once_and_a_temporary_folder_serves(
    files, tmp_path, monkeypatch, own_temporary
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "file" / "cache"))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert reds(decode(files)) == RIGHT
        assert reds(decode(files[:3])) == RIGHT[:3]
    (warning,) = heard
    assert "DQKIT_CACHE" in str(warning.message)
    assert str(tmp_path / "file") in str(warning.message)


def test_without_any_place_to_write_the_error_says_what_to_set(files, tmp_path, monkeypatch, own_temporary):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(dq.StoreError, match="DQKIT_CACHE"):
        decode(files)


@pytest.mark.parametrize("number", sorted(decoding.FULL))
def test_a_full_disk_is_an_error_that_names_folder_bytes_and_setting(files, cache, monkeypatch, number):
    def full(*_):
        raise OSError(number, "No space left on device")

    monkeypatch.setattr(packs, "reserve", full)
    with pytest.raises(dq.StoreError, match="DQKIT_CACHE") as caught:
        decode(files)
    assert str(cache) in str(caught.value)
    assert "73,856 bytes" in str(caught.value)  # 6 x 64 x 64 x 3, and 128 of the header
    assert not list(cache.iterdir())


def test_a_disk_that_fills_up_while_pictures_are_written_is_the_same_error(files, cache, monkeypatch):
    real = packs.Writer.put

    def put(self, i, *rest):
        if i == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, i, *rest)

    monkeypatch.setattr(packs.Writer, "put", put)
    with pytest.raises(dq.StoreError, match="full"):
        decode(files)
    assert not list(cache.iterdir())


def test_space_is_reserved_by_zeros_where_the_system_has_no_call_for_it(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    with open(tmp_path / "file", "w+b", buffering=0) as file:
        packs.reserve(file, 3_000_001)
    assert (tmp_path / "file").stat().st_size == 3_000_001


def test_rows_are_written_right_where_the_system_has_no_positional_write(files, monkeypatch):
    monkeypatch.delattr(os, "pwrite", raising=False)
    assert reds(decode(files)) == RIGHT


def test_a_folder_is_renamed_before_anything_in_it_is_mapped(files, monkeypatch):
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("this system does not list what is mapped")
    seen: list[str] = []
    real = Path.rename

    def rename(self, target):
        seen.extend(line for line in maps.read_text().splitlines() if f"{self}/" in line)
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    decode(files)
    assert not seen


def test_a_reload_makes_one_call_a_file(files, monkeypatch):
    decode(files)
    calls: Counter[str] = Counter()
    for name in ("stat", "lstat", "open"):
        real = getattr(os, name)

        def call(path, *args, real=real, **kwargs):
            if str(path).endswith(".png"):
                calls[str(path)] += 1
            return real(path, *args, **kwargs)

        monkeypatch.setattr(os, name, call)
    decode(files)
    assert calls == {str(file): 1 for file in files}


def test_pixels_are_a_read_only_map(files):
    pixels = decode(files).pixels
    assert isinstance(pixels, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0


def test_no_files_give_no_pixels():
    assert decode([]).pixels.shape == (0, 64, 64, 3)


def test_bytes_are_decoded_and_cached_like_files(files, reads):
    raw = [file.read_bytes() for file in files]
    assert reds(decode(raw)) == RIGHT
    assert reds(decode(raw)) == RIGHT


@pytest.mark.parametrize("rows", [1, 2, 256])
def test_rows_are_taken_over_in_runs_of_any_length(files, reads, cache, monkeypatch, rows):
    monkeypatch.setattr(decoding, "COPIED_ROWS", rows)
    decode(files)
    reads.clear()
    order = [1, 2, 3, 0, 5, 4]
    assert reds(decode([files[i] for i in order])) == [RIGHT[i] for i in order]
    assert not reads


def test_one_damaged_row_in_a_run_is_decoded_again_and_no_other(files, reads, cache):
    decode(files)
    flip(pack_in(cache) / "pixels.npy")  # the last row
    reads.clear()
    assert reds(decode(files)) == RIGHT
    assert reads == {"5.png": 1}
