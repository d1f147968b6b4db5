"""`dqkit export WORKBENCH OUT --format csv`."""

from __future__ import annotations

import argparse
from typing import Any

from dqkit.export.selection import DROPS, LABELS
from dqkit.export.writing import FORMATS


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "export",
        help="write the corrected dataset of a workbench",
        description="Write the dataset of a workbench under its current labels; whole or not at all.",
    )
    parser.add_argument("workbench", metavar="WORKBENCH", help="the folder of the workbench")
    parser.add_argument("out", metavar="OUT", help="the file or folder to write")
    parser.add_argument("--format", choices=FORMATS, default="csv", help="what to write (default csv)")
    parser.add_argument("--labels", choices=LABELS, default="all", help="which labels (default all)")
    parser.add_argument("--weak", action="store_true", help="weak labels count as labels")
    parser.add_argument("--drop", choices=DROPS, action="append", default=[], help="leave out; may be given again")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export")
    parser.add_argument("--files", choices=("copy", "hardlink", "symlink"), default="copy", help="how images get there")
    parser.add_argument("--spreadsheet", action="store_true", help="CSV for Excel: BOM, formulas made harmless")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write it and say what was written."""
    from dqkit.workbench import Workbench

    with Workbench.open(arguments.workbench) as bench:
        written = bench.export(
            arguments.out,
            arguments.format,
            labels=arguments.labels,
            weak=arguments.weak,
            drop=arguments.drop,
            overwrite=arguments.overwrite,
            files=arguments.files,
            spreadsheet=arguments.spreadsheet,
            progress=not arguments.quiet,
        )
    print(repr(written))
    return 0
