"""Pictures as arrays and as people see them: any format decoded once into the pixel cache."""

from __future__ import annotations

from collections.abc import Sequence

from dqkit.datasets.pixels import packs
from dqkit.datasets.pixels.decoding import SIDE, Decoded, decode
from dqkit.datasets.pixels.formats import MAX_PIXELS
from dqkit.datasets.pixels.keys import Source, keys_of, name_of, resolved
from dqkit.datasets.pixels.places import cache_folder

__all__ = ["MAX_PIXELS", "SIDE", "Decoded", "Source", "cache_folder", "decode", "resolved"]


def _key(files: Sequence[Source], side: int) -> str:
    """The name of the pack of these files."""
    return name_of(keys_of(files), side, packs.RECIPE)
