"""Pictures through a network: read and prepared in threads ahead of it, a bounded number at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dqkit.arrays.threads import processors, side_by_side
from dqkit.baselines.embedding.encoders import Encoder
from dqkit.baselines.embedding.pictures import picture
from dqkit.records import Dataset

Item = TypeVar("Item")
Made = TypeVar("Made")
AHEAD = 3


@dataclass(frozen=True, eq=False)
class Features:
    """float32 (k, d) of some pictures, and the positions of those whose original could not be read."""

    values: NDArray[np.float32]
    unread: tuple[int, ...]


def ahead(pool: Executor, work: Callable[[Item], Made], items: Iterable[Item], depth: int) -> Iterator[Made]:
    """`work` of every item in order, at most `depth` of them begun and not yet taken."""
    begun: deque[Future[Made]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) >= depth:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for future in begun:
            future.cancel()


class PictureEncoder:
    """An encoder at work on one dataset; it remembers the batch that fits into the device's memory."""

    def __init__(self, dataset: Dataset, encoder: Encoder) -> None:
        self.dataset, self.encoder = dataset, encoder

    def __call__(self, start: int, stop: int) -> Features:
        """The features of the pictures from `start` to `stop`.

        On a processor each thread reads, prepares and computes its own batches, with one thread of torch: nobody waits,
        and the result does not depend on how many threads there are. On a device the threads prepare ahead of it.
        """
        size = self.encoder.batch
        parts = [range(i, min(i + size, stop)) for i in range(start, stop, size)]
        on_device = self.encoder.device.type != "cpu"
        values: list[NDArray[np.float32]] = []
        unread: list[int] = []
        with side_by_side(processors()) as pool:
            work = self.prepared if on_device else self._whole
            for made, missing in ahead(pool, work, parts, AHEAD * processors()):
                values.append(self._on_device(made) if on_device else made)
                unread += missing
        return Features(np.concatenate(values), tuple(unread))

    def prepared(self, part: Iterable[int]) -> tuple[Any, list[int]]:
        """(b, 3, h, w) of some pictures on the processor, and those whose original could not be read."""
        import torch

        made, missing = [], []
        for i in part:
            pixels, is_less = picture(self.dataset, i, self.encoder.reads)
            x = self.encoder.prepare(pixels)
            made.append(torch.from_numpy(x).permute(2, 0, 1) if isinstance(x, np.ndarray) else torch.as_tensor(x))
            if is_less:
                missing.append(i)
        batch = torch.stack(made).to(self.encoder.dtype)
        return batch.contiguous(memory_format=torch.channels_last), missing

    def _whole(self, part: range) -> tuple[Any, list[int]]:
        batch, missing = self.prepared(part)
        return self._features(batch), missing

    def _features(self, batch: Any) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            return np.asarray(self.encoder.forward(batch.to(self.encoder.device)).float().cpu().numpy())

    def _on_device(self, batch: Any) -> NDArray[np.float32]:
        """The same, in halves wherever the device's memory is too small."""
        import torch

        try:
            return np.concatenate([self._features(part) for part in batch.split(self.encoder.batch)])
        except torch.cuda.OutOfMemoryError:
            if self.encoder.batch == 1:
                raise
            self.encoder = replace(self.encoder, batch=max(1, self.encoder.batch // 2))
            print(f"out of device memory: embedding {self.encoder.batch} samples at a time from here on")
            return self._on_device(batch)
