"""Images as a network sees them: standardised, mirrored and shifted, made on the device in a few large steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dqkit.baselines.members import Positions

# A GPU gets this many batches at once: what prepares them is then launched a few times a block and not a batch.
BLOCK = 16

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Images:
    """Every image of the dataset as uint8, made float and standard where the training runs.

    pixels: uint8 (n, h, w, c): a tensor on the device where it has room for all, else the array they are streamed from.
    mean, scale: (c,) on the device.
    """

    pixels: Tensor | NDArray[np.uint8]
    mean: Tensor
    scale: Tensor

    @classmethod
    def of(
        cls, content: NDArray[np.uint8], seen: Positions, device: torch.device, *, resident: bool | None = None
    ) -> Images:
        """content: uint8 (n, h, w, c); mean and deviation per channel come from at most 5,000 of the `seen` images.

        resident: whether all are kept on the device; None where half of its free memory holds them.
        """
        sample = content[seen[:: max(1, len(seen) // 5000)]].astype(np.float32, order="C")
        mean = torch.from_numpy(sample.mean(axis=(0, 1, 2))).to(device)
        scale = torch.from_numpy(sample.std(axis=(0, 1, 2)) + np.float32(0.255)).to(device)
        if resident is None:
            resident = device.type != "cuda" or content.nbytes < torch.cuda.mem_get_info(device)[0] / 2
        if not resident:
            return cls(content, mean, scale)
        # torch warns of arrays it may not write to; it does not write to these.
        whole = content if content.flags.writeable and content.flags.c_contiguous else np.array(content, order="C")
        return cls(torch.from_numpy(whole).to(device), mean, scale)

    @property
    def device(self) -> torch.device:
        """Where batches are made."""
        return self.mean.device

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[3])

    @property
    def sides(self) -> tuple[int, int]:
        return int(self.pixels.shape[1]), int(self.pixels.shape[2])

    def batch(self, at: Tensor) -> Tensor:
        """(k, c, h, w) standardised float images at positions (k,) held by the CPU, channels last in memory."""
        return self._standard(self.raw(at))

    def augmented(self, at: Tensor, mirrored: Tensor, shifts: Tensor) -> Tensor:
        """The same, mirrored where (k,) `mirrored`, each then shifted by its row of (k, 2) `shifts`, edges repeated."""
        h, w = self.sides
        mirrored, shifts = to_device(mirrored, self.device), to_device(shifts, self.device)
        rows = (torch.arange(h, device=self.device) + shifts[:, :1]).clamp_(0, h - 1)
        columns = (torch.arange(w, device=self.device) + shifts[:, 1:]).clamp_(0, w - 1)
        columns = torch.where(mirrored[:, None], w - 1 - columns, columns)
        if isinstance(self.pixels, Tensor):
            source, first = self.pixels, to_device(at, self.device)
        else:
            source, first = self.raw(at), torch.arange(len(at), device=self.device)
        # One lookup of whole pixels does it all: rows of a (n h w, c) matrix.
        found = (first[:, None, None] * (h * w) + rows[:, :, None] * w + columns[:, None, :]).flatten()
        return self._standard(source.view(-1, self.channels).index_select(0, found).view(len(at), h, w, -1))

    def raw(self, at: Tensor) -> Tensor:
        """(k, h, w, c) uint8 on the device."""
        if isinstance(self.pixels, Tensor):
            return self.pixels.index_select(0, to_device(at, self.device))
        return to_device(torch.from_numpy(np.ascontiguousarray(self.pixels[at.numpy()])), self.device)

    def _standard(self, raw: Tensor) -> Tensor:
        return torch.addcmul(-self.mean / self.scale, raw.float(), 1 / self.scale).permute(0, 3, 1, 2)


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """The tensor there; a GPU fetches it from pinned memory, so that nobody waits."""
    return x.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else x


def training_batches(
    images: Images, pieces: Sequence[Tensor], mirrored: Sequence[Tensor], shift: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """One augmented batch for each piece (positions, held by the CPU), made a block at a time.

    mirrored: for each piece, which of its images are. shift: the largest translation, drawn for every image.
    Streamed images are read a block ahead by a thread of their own.
    """
    size = BLOCK if images.device.type == "cuda" else 1

    def block(start: int) -> tuple[Tensor, ...]:
        at, mirror = torch.cat(list(pieces[start : start + size])), torch.cat(list(mirrored[start : start + size]))
        shifts = torch.randint(-shift, shift + 1, (len(at), 2), generator=generator)
        x = images.augmented(at, mirror, shifts)
        return tuple(torch.split(x, [len(piece) for piece in pieces[start : start + size]]))

    starts = range(0, len(pieces), size)
    made = map(block, starts) if isinstance(images.pixels, Tensor) else _ahead(block, starts)
    for batches in made:
        yield from batches


def _ahead(make: Callable[[int], T], starts: Sequence[int]) -> Iterator[T]:
    """make(start) for each start in turn, the next one under way while one is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as reader:
        coming = None
        for start in starts:
            now, coming = coming, reader.submit(make, start)
            if now is not None:
                yield now.result()
        if coming is not None:
            yield coming.result()
