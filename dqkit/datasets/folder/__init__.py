"""A `Dataset` from a folder of pictures: the files are listed once, the layout is recognised, the reading is said."""

from dqkit.datasets.folder.loading import from_folder

__all__ = ["from_folder"]
