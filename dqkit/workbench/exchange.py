"""The part of `Workbench` that gives its labels to others and takes theirs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dqkit.checks import kinds, takes

if TYPE_CHECKING:
    import pandas as pd

    from dqkit.export import Exported, Material
    from dqkit.records import Dataset
    from dqkit.workbench.state import State


class Exchange:
    """Methods of `Workbench`."""

    state: State

    def add(self, dataset: Dataset) -> pd.DataFrame:
        """Append new samples, such as next week's; the journal, the rounds and the queue go on as they were.

        Parameters
        ----------
        dataset : Dataset
            Loaded as the workbench's was: of the same kind, with classes of the workbench. Samples that the workbench
            has may be among them.

        Returns
        -------
        DataFrame
            One row a sample: sample_id, state and why. "new": appended with its given label. "known": its content is
            there already, under its id or another. "changed": its id is there with other content, and what is there
            stays. Where the ids are row numbers, because the data bring none, the content decides, and new samples get
            the next numbers.

        Raises
        ------
        InputError
            For samples of another kind, other columns or an unknown class; then nothing was changed.
        StoreError
            While another process runs a round here, or where the folder cannot be written to.

        Notes
        -----
        All new samples are there when it returns, or none. Earlier rounds do not know them; the next one does. Pictures
        are the same where their pixels in the cache are.
        """
        from dqkit.workbench.adding import add

        return add(self.state, dataset)

    @takes(
        format=kinds.text,
        labels=kinds.text,
        weak=kinds.flag,
        overwrite=kinds.flag,
        files=kinds.text,
        spreadsheet=kinds.flag,
        progress=kinds.flag,
    )
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
        return write_export(self._material(), path, format, options, workbench=self.state.path)

    @takes(weak=kinds.flag)
    def changes(self, since: int | str | datetime | None = None, *, weak: bool = False) -> pd.DataFrame:
        """What changed and why: a label pull request.

        Parameters
        ----------
        since
            A round number (what was decided in it and after it), a datetime or a text such as "2024-05-03T12:00"
            (UTC unless it says otherwise). Everything by default.
        weak
            Whether weak labels count as labels.

        Returns
        -------
        DataFrame
            One row a sample whose label is another one now: sample_id, given (label in the dataset), now, annotator,
            source, at, round, why, event_id, before (label at `since`), reviewed_by. Oldest change first. As a page:
            `changes_page`; as CSV: `changes().to_csv(file, index=False)`.

        Raises
        ------
        InputError
            For a `since` that is no round and no time.
        """
        from dqkit.workbench import changes

        self.state.refresh()
        return changes.changes(self.state.dataset, self.state.store.events(), since, weak=weak)

    @takes(path=kinds.path, weak=kinds.flag, overwrite=kinds.flag)
    def changes_page(
        self,
        path: str | os.PathLike[str] = "changes.html",
        since: int | str | datetime | None = None,
        *,
        weak: bool = False,
        overwrite: bool = False,
    ) -> Path:
        """Write `changes` as a page for people, with thumbnails; HTML at `path`, the same as CSV beside it.

        Parameters
        ----------
        path, overwrite
            The HTML file, and whether it and the CSV file of an earlier call are replaced.
        since, weak
            See `changes`.

        Returns
        -------
        Path
            Of the HTML file; the CSV file has the same name.

        Raises
        ------
        InputError
            Where one of the files is there already or cannot be written.
        """
        from dqkit.report.changes_page import write_changes

        table = self.changes(since, weak=weak)
        return write_changes(path, table, self.state.dataset, title=str(self.state.about["title"]), overwrite=overwrite)

    def review(
        self,
        changes: pd.DataFrame | None = None,
        *,
        annotator: str,
        approve: str | bool | Sequence[str] | pd.DataFrame = False,
        revert: str | bool | Sequence[str] | pd.DataFrame = False,
        why: str = "",
    ) -> pd.DataFrame:
        """Approve or revert changes, as events: an approval is a note, a revert withdraws the author's label.

        Parameters
        ----------
        changes
            What was looked at, from `changes`; the changes as they are now by default.
        annotator
            The reviewer. To approve, it must be another person than the author.
        approve, revert
            Which rows: True for all, the name of an annotator, sample ids, or rows of `changes`.
        why
            The reviewer's reason.

        Returns
        -------
        DataFrame
            The rows with outcome ("approved", "approved before", "reverted", "not reviewed") and problem.

        Raises
        ------
        InputError
            For rows that are no changes; then nothing was written.
        """
        from dqkit.workbench.reviewing import record_review

        return record_review(self.state, changes, annotator, approve, revert, why)

    def apply(self, source: str | os.PathLike[str] | pd.DataFrame, *, annotator: str | None = None) -> pd.DataFrame:
        """Bring a colleague's answers back in, as events.

        Parameters
        ----------
        source
            A CSV or Parquet file or a frame with sample_id and now (or label), such as `changes` gives; Label Studio's
            JSON; a folder that `export` wrote, whose images may have been moved from class to class.
        annotator
            The author of answers that name none.

        Returns
        -------
        DataFrame
            One row an answer: sample_id, label, annotator, at, event_id, outcome ("recorded", "already there",
            "unchanged", "no answer", "not recorded") and problem: an unknown sample or class, a conflict with a
            label that was recorded later here, a contradiction.

        Raises
        ------
        InputError
            Where the source is malformed or an answer has no author; then nothing was written.

        Notes
        -----
        Applied twice, it changes nothing: an answer is known by its event id, else by its content.
        """
        from dqkit.workbench.reviewing import apply_answers

        return apply_answers(self.state, source, annotator)

    def _material(self) -> Material:
        from dqkit.export import Material

        labels, rounds = self.state.labels(), self.state.rounds  # first: it takes over classes that were added
        return Material(self.state.dataset, labels, self.state.store.events(), rounds[-1].signals if rounds else None)
