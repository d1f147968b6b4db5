"""Data in: every way to make a `Dataset`."""

from dqkit.datasets.arrays import from_arrays
from dqkit.datasets.bundled import load_digits
from dqkit.datasets.folder import from_folder
from dqkit.datasets.table import from_table

__all__ = ["from_arrays", "from_folder", "from_table", "load_digits"]
