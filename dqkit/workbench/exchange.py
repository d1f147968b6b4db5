"""The part of `Workbench` that gives its labels to others and takes theirs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from dqkit.export import Exported, Material
    from dqkit.workbench.bench import Workbench


class Exchange:
    """Methods of `Workbench`."""

    def export(
        self,
        path: str | os.PathLike[str],
        format: str = "csv",
        *,
        labels: str = "all",
        weak: bool = False,
        drop: Sequence[str] = (),
        overwrite: bool = False,
        files: str = "copy",
        spreadsheet: bool = False,
        progress: bool = True,
    ) -> Exported:
        """Write the corrected dataset to `path`; whole or not at all.

        Parameters
        ----------
        path
            The file or folder to write; outside the workbench and the originals.
        format
            "csv", "parquet", "numpy", "label_studio" and "cleanlab" write a file; "folder", "huggingface", "coco",
            "yolo", "fiftyone" and "torch" a folder.
        labels
            "all" current labels; only those that a person set ("human"), that nobody's answer contradicts
            ("confirmed"), or that a second person stands by ("reviewed"). Rows without such a label are left out.
        weak
            Whether weak labels count as labels.
        drop
            What to leave out besides: "flagged", "duplicates" (all but one of each group), "outliers",
            "label_errors" (suspected ones that no person has decided), "unlabeled".
        overwrite
            Replace an earlier export. A folder is replaced only if dqkit wrote every file in it.
        files
            Images in folders are a "copy", a "hardlink" or a "symlink" of the original.
        spreadsheet
            CSV for Excel: a byte order mark, and a "'" before texts that it would take for a formula.
        progress
            Whether a progress bar is shown.

        Returns
        -------
        Exported
            path, rows, and dropped: how many were left out for what reason. Its repr says it in a sentence.

        Raises
        ------
        InputError
            For an unknown option, a format that cannot hold this dataset, or a path that is taken.
        StoreError
            Where `path` cannot be written.
        """
        from dqkit.export import Options
        from dqkit.workbench.exporting import write_export

        options = Options(labels, weak, drop, overwrite, files, spreadsheet, progress)
        bench = cast("Workbench", self)
        return write_export(self._material(), path, format, options, workbench=bench.path)

    def _material(self) -> Material:
        from dqkit.export import Material

        bench = cast("Workbench", self)
        labels, rounds = bench.labels(), bench.rounds  # first: it takes over classes that were added
        return Material(bench.dataset, labels, bench.store.events(), rounds[-1].signals if rounds else None)
