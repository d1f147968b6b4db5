"""Tables from files and from other libraries, as pandas frames with a note on how they were read."""

from dqkit.datasets.sources.reading import ReadOptions, Table, is_table_folder, is_table_name, read

__all__ = ["ReadOptions", "Table", "is_table_folder", "is_table_name", "read"]
