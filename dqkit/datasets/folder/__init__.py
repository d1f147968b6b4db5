"""Pictures in folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dqkit.datasets.folder.layout import recognise
from dqkit.datasets.folder.loading import from_folder
from dqkit.datasets.folder.scan import scan

__all__ = ["from_folder"]


def _samples(root: Path, *, loose: bool) -> Iterator[tuple[str, str | None, Path]]:
    """(split, class, file) of every picture that `from_folder` takes, in its order; loose: also without a class."""
    tree, left, _ = scan(str(root.resolve()))
    for sample in recognise(tree, None, left).samples:
        if loose or sample.label is not None:
            yield sample.split, sample.label, Path(tree.path, *map(str, sample.inside))
