"""How much memory a piece of work needed while it ran."""

from __future__ import annotations

import os
import sys
import threading
from types import TracebackType

EVERY_SECONDS = 0.01


class MemoryWatch:
    """A context that tells, once left, by how many MiB the process grew at most while the work in it ran.

    `peak_mb` is the largest resident size seen (sampled every 10 ms on Linux; elsewhere the growth of the process's
    all-time peak) less the size at the start; with CUDA in use, the device memory allocated above that at the start is
    added. What was computed before and is only read does not count; what the work leaves behind does.
    """

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._most = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory watch", daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._start = self._most = resident_mb()
        self._device_start = _device_mb(start=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._most = max(self._most, resident_mb())
        self.peak_mb = self._most - self._start + max(0.0, _device_mb(start=False) - self._device_start)

    def _watch(self) -> None:
        while not self._done.wait(EVERY_SECONDS):
            self._most = max(self._most, resident_mb())


def resident_mb() -> float:
    """MiB of memory this process holds now; where the system does not tell, the most it has held so far, or 0."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, ValueError, IndexError, AttributeError):
        return _peak_mb()


def _peak_mb() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _device_mb(*, start: bool) -> float:
    """MiB allocated on the CUDA device: now at the start, at most since then at the end; 0 without torch and CUDA."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return 0.0
    if start:
        torch.cuda.reset_peak_memory_stats()
        return float(torch.cuda.memory_allocated() / 2**20)
    return float(torch.cuda.max_memory_allocated() / 2**20)
