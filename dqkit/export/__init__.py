"""Data out: the corrected dataset, in the formats that other programs read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dqkit.export.selection import DROPS, LABELS, Material
from dqkit.export.writing import FORMATS, Exported, Options, export

if TYPE_CHECKING:
    from dqkit.export.torch_dataset import TorchDataset

__all__ = ["DROPS", "FORMATS", "LABELS", "Exported", "Material", "Options", "TorchDataset", "export"]


def __getattr__(name: str) -> Any:
    if name == "TorchDataset":  # it needs torch, which takes seconds to import
        from dqkit.export.torch_dataset import TorchDataset

        return TorchDataset
    raise AttributeError(f"module 'dqkit.export' has no attribute {name!r}")
