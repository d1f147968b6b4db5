"""`dqkit rebuild WORKBENCH`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dqkit.records import Dataset


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "rebuild",
        help="make again what is damaged in a workbench",
        description=(
            "Make again what is missing or damaged in a workbench's folder: everything but the journal and the "
            "originals; project.json only with --source. Exits 0 when all is whole, 1 when something is lost."
        ),
    )
    parser.add_argument("workbench", metavar="WORKBENCH", help="the folder of the workbench")
    parser.add_argument(
        "--source", metavar="SOURCE", help="the originals, where project.json, ids, given labels or a table were lost"
    )
    for name in ("--label", "--text", "--image", "--id", "--split"):
        parser.add_argument(name, metavar="COL", help="the column of SOURCE that it was")
    parser.add_argument("--features", metavar="COLS", help="the columns of SOURCE that were features, with commas")
    parser.add_argument("--classes", metavar="NAMES", help="the class names in order, with commas, for project.json")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Rebuild, and say one line a file."""
    from dqkit.workbench.rebuilding import rebuild
    from dqkit.workbench.remaking import LOST

    dataset = _load(arguments) if arguments.source else None
    table = rebuild(arguments.workbench, dataset, progress=not arguments.quiet)
    for file, state, how in zip(*(table[name].tolist() for name in ("file", "state", "how")), strict=True):
        print(f"{state!s:8} {file}" + (f": {how}" if how else ""))
    return 1 if (table["state"] == LOST).any() else 0


def _load(arguments: argparse.Namespace) -> Dataset:
    from dqkit.datasets import from_folder, from_table
    from dqkit.datasets.paths import local_path
    from dqkit.records import StoreError
    from dqkit.workbench.project import folder_of, read

    try:
        classes = read(folder_of(arguments.workbench))["classes"]
    except StoreError:  # project.json itself is made again
        classes = arguments.classes.split(",") if arguments.classes else None
    source = local_path("--source", arguments.source)
    progress = not arguments.quiet
    if source.is_dir():
        return from_folder(source, classes=classes, progress=progress)
    columns: dict[str, Any] = {name: getattr(arguments, name) for name in ("label", "text", "image", "id", "split")}
    columns["features"] = arguments.features.split(",") if arguments.features else None
    return from_table(source, classes=classes, progress=progress, **columns)
