"""What an encoder is: how a picture is prepared, and the network that turns prepared pictures into features."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Preparation:
    """From an upright picture of any size to what a network takes.

    height, width: pixels. edge: the shorter edge is scaled to so many pixels and the middle cut out; None: the whole
    picture is stretched to `height` x `width`. resample: Pillow's number of the filter. mean, scale: of the pixels 0 to
    255 in each channel.
    """

    height: int
    width: int
    edge: int | None
    resample: int
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]

    def resized(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 (h, w, 3) -> (height, width, 3)."""
        from PIL import Image

        image = Image.fromarray(pixels)
        size, box = (self.width, self.height), None
        if self.edge is not None:
            scale = min(image.size) / self.edge
            wide, high = min(self.width * scale, image.width), min(self.height * scale, image.height)
            left, top = (image.width - wide) / 2, (image.height - high) / 2
            box = (left, top, left + wide, top + high)
        filter_ = Image.Resampling(self.resample)
        return np.asarray(image.resize(size, filter_, box=box, reducing_gap=3.0))

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (h, w, 3) -> float32 (height, width, 3)."""
        x = self.resized(pixels).astype(np.float32)
        x -= np.array(self.mean, dtype=np.float32)
        x /= np.array(self.scale, dtype=np.float32)
        return x

    @property
    def reads(self) -> int:
        """The shorter edge that a picture should be decoded with at least."""
        return max(self.height, self.width, self.edge or 0)


@dataclass(frozen=True, eq=False)
class Encoder:
    """A pretrained network for pictures.

    Attributes
    ----------
    name : str
        For people.
    revision : str
        Changes whenever the features may: a hash of weights, preparation and arithmetic.
    prepare : callable
        uint8 (h, w, 3) -> an array (h', w', 3) or a tensor (3, h', w') of floats.
    forward : callable
        A tensor (b, 3, h', w') on `device` -> (b, d) features.
    reads : int
        The shorter edge in pixels that originals are decoded with at least.
    device, dtype
        Of the tensors that `forward` takes, as torch has them.
    batch : int
        Pictures at once.
    """

    name: str
    revision: str
    prepare: Callable[[NDArray[np.uint8]], Any]
    forward: Callable[[Any], Any]
    reads: int
    device: Any
    dtype: Any
    batch: int


def best_device() -> Any:
    """The GPU where there is one."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def weights_digest(weights: Iterable[tuple[str, Any]], told: Mapping[str, Any]) -> str:
    """A hash of named tensors and of settings."""
    import torch

    digest = hashlib.blake2b(repr(sorted(told.items())).encode(), digest_size=16)
    for name, tensor in sorted(weights):
        raw = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
        digest.update(name.encode() + np.ascontiguousarray(raw).tobytes())
    return digest.hexdigest()


def has_fast_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16 itself; one that imitates it would be many times slower."""
    import torch

    if torch.backends.cpu.get_cpu_capability() not in ("AVX512", "AMX"):
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:  # no Linux: float32 is right everywhere
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def lite0_encoder(side: int, *, batch: int = 8) -> Encoder:
    """EfficientNet-Lite0 at `side` pixels; raises as `lite0.weights_file` does."""
    import torch

    from dqkit.baselines.embedding import lite0

    device = best_device()
    fast = device.type == "cuda" or has_fast_bfloat16()
    dtype = torch.bfloat16 if fast else torch.float32
    prepare = Preparation(side, side, side + 32, 3, (lite0.MEAN,) * 3, (lite0.SCALE,) * 3)
    network = lite0.load(dtype, device)
    told = {**asdict(prepare), "dtype": str(dtype), "device": device.type}
    revision = hashlib.blake2b(f"{lite0.SHA256} {sorted(told.items())}".encode(), digest_size=16).hexdigest()
    return Encoder(
        f"EfficientNet-Lite0, {side} px",
        revision,
        prepare,
        network,
        prepare.reads,
        device,
        dtype,
        batch if device.type == "cpu" else 256,
    )
