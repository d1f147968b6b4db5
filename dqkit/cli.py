"""The same from a shell: `dqkit audit`, `dqkit check`, `dqkit lab`."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dqkit.console import never_fail
from dqkit.files import make_folder, replace
from dqkit.records import DqkitError, InputError, MissingExtra

if TYPE_CHECKING:
    import pandas as pd

    from dqkit.datasets.sources import Table
    from dqkit.records import Dataset

HOLDS, FALLS_SHORT, COULD_NOT_RUN, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. A user's mistake is one line on stderr and code 2, never a traceback."""
    never_fail()
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except DqkitError as error:
        print(f"dqkit: {' '.join(str(error).split())}", file=sys.stderr)
        return COULD_NOT_RUN
    except Exception as error:  # exit code 1 is a verdict on the data; whatever else happens must not look like one
        print(f"dqkit: could not run: {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        print("dqkit: interrupted; what was finished is kept.", file=sys.stderr)
        return INTERRUPTED


def audit(arguments: argparse.Namespace) -> int:
    """Load a dataset, judge its labels, write the report."""
    from dqkit.commands.workbenches import audited, is_workbench
    from dqkit.datasets.paths import local_path

    out = local_path("--out", arguments.out)
    if out.exists() and not out.is_dir():
        raise InputError(f"--out must name a folder; {str(out)!r} is a file.")
    if arguments.checks:
        _register(Path(arguments.checks))
    own = "://" not in arguments.source and is_workbench(local_path("SOURCE", arguments.source))
    dataset = None if own else _load(arguments)
    if dataset is not None:
        print(f"{dataset!r}")
    from dqkit.report import record, render, write
    from dqkit.rounds import RoundSettings, Snapshot, Training, run

    try:
        make_folder(out)
    except OSError as error:
        raise InputError(f"--out must name a folder that can be made; got {str(out)!r}: {error}.") from error
    quiet = bool(arguments.quiet)
    training = Training(folds=arguments.folds)
    settings = RoundSettings(budget=0, seed=arguments.seed, training=training)
    if dataset is None:
        settings = dataclasses.replace(settings, exclude=tuple(_names(arguments.exclude)))
        found, dataset, result = audited(
            local_path("SOURCE", arguments.source), settings, checkpoints=out / "checkpoints", progress=not quiet
        )
        told = {"title": arguments.title, "description": arguments.description, "tags": arguments.tag}
        found |= {name: value for name, value in told.items() if value}
    else:
        settings = settings.checked(dataset)
        result = run(Snapshot.of(dataset), settings, checkpoints=out / "checkpoints", progress=not quiet, title="audit")
        found = record(
            result.findings,
            n_samples=len(dataset),
            title=arguments.title or dataset.name,
            description=arguments.description,
            tags=arguments.tag,
        )
    html = render(found, dataset)
    _write_signals(out / "signals.parquet", result.signals)
    page, figures = write(out / "health.html", found, html)
    print(found["verdict"]["headline"])
    for sentence in found["verdict"]["sentences"]:
        print(f"  {sentence}")
    for failure in found["failed_sections"]:
        print(f"  section {failure['section']} failed: {failure['error']}: {failure['message']}", file=sys.stderr)
    print(f"wrote {page}, {figures} and {out / 'signals.parquet'}")
    return HOLDS


def check(arguments: argparse.Namespace) -> int:
    """Hold a report to rules; one line each."""
    from dqkit.commands.workbenches import is_workbench, standing
    from dqkit.report import check as outcomes_of
    from dqkit.report import load

    if not arguments.max and not arguments.min:
        raise InputError("check needs at least one rule: --max NAME=VALUE or --min NAME=VALUE.")
    record = standing(arguments.dir) if is_workbench(arguments.dir) else load(arguments.dir)
    outcomes = outcomes_of(record, maximum=_rules(arguments.max, "--max"), minimum=_rules(arguments.min, "--min"))
    for outcome in outcomes:
        print(outcome.line())
    return HOLDS if all(outcome.holds for outcome in outcomes) else FALLS_SHORT


def lab(arguments: argparse.Namespace) -> int:
    """Open JupyterLab on the notebooks, on this machine only; returns its exit code."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise MissingExtra("JupyterLab is not installed; install it with: pip install 'dqkit[lab]'")
    folder = _notebooks(Path(arguments.notebooks) if arguments.notebooks else None)
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder}", "--ServerApp.ip=127.0.0.1"]
    if arguments.port:
        command.append(f"--ServerApp.port={arguments.port}")
    if arguments.no_browser:
        command.append("--no-browser")
    print(f"opening JupyterLab on {folder}")
    return subprocess.call(command)


def _load(arguments: argparse.Namespace) -> Dataset:
    """The dataset of the command line; says what it decided where the options leave it open."""
    from dqkit.datasets import from_folder, from_table
    from dqkit.datasets.paths import local_path
    from dqkit.datasets.sources import ReadOptions, is_table_folder, is_table_name, read

    progress = not arguments.quiet
    columns = [
        name for name in ("label", "text", "image", "features", "exclude", "id", "split") if getattr(arguments, name)
    ]
    source = arguments.source
    if "://" not in source:
        source = local_path("SOURCE", source)
        if source.is_dir() and not (columns and is_table_folder(source)):
            if columns:
                raise InputError(
                    f"--{columns[0]} names a column of a table, but {str(source)!r} is a folder of classes."
                )
            return from_folder(source, groups=arguments.groups, progress=progress)
        if not source.exists():
            raise InputError(f"SOURCE must be a folder of class folders or a table; {str(source)!r} does not exist.")
        is_table_name(source, "SOURCE must be a folder or one of {kinds}; got {name!r}.")
    if not arguments.label:
        raise InputError("a table needs --label COLUMN, the column that holds the labels.")
    reading = {name: getattr(arguments, name) for name in ("sep", "encoding", "decimal", "sheet")}
    roles = {name: getattr(arguments, name) for name in ("label", "text", "image", "id", "split", "groups")}
    features, exclude = _names(arguments.features) or None, _names(arguments.exclude)
    if not roles["split"] or not (roles["text"] or roles["image"] or features):
        table = read(source, [name for name in roles.values() if name], ReadOptions(**reading))
        if not roles["split"] and table.split is None:
            roles["split"] = _split_column(table.frame)
        if not (roles["text"] or roles["image"] or features):
            roles["text"], roles["image"], features = _decide(table, roles, exclude)
    return from_table(source, **roles, features=features, exclude=exclude, **reading, progress=progress)


def _names(listed: str | None) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in (listed or "").split(",") if name.strip()]


def _split_column(frame: pd.DataFrame) -> str | None:
    """The column that a table calls its split, printed, so that nobody is surprised."""
    from dqkit.datasets.splits import is_split_column

    name = next((c for c in frame.columns if str(c).casefold() == "split" and is_split_column(frame[c], str(c))), None)
    if name is not None:
        print(f"taking column {name!r} as the split, as --split {name} would")
    return None if name is None else str(name)


def _decide(
    table: Table, roles: dict[str, str | None], exclude: Sequence[str]
) -> tuple[str | None, str | None, list[str] | None]:
    """What the samples of a table are, when only the label was named; printed, so that nobody is surprised."""
    from dqkit.datasets.roles import choose_features, exported_columns, looks_like_pictures, looks_like_text

    frame, label = table.frame, roles["label"]
    if label not in frame.columns:
        known = ", ".join(map(str, frame.columns))
        raise InputError(f"--label must name a column of {table.name}; got {label!r}. It has: {known}.")
    used = {*roles.values(), table.split, *exclude}
    own = exported_columns(frame)
    if own and roles["id"] is None:
        roles["id"] = "sample_id"
        print("this is a table that dqkit exported: its columns about the labels are no features; ids are sample_id")
    used |= set(own)
    others = [str(column) for column in frame.columns if column not in used]
    if not others:
        raise InputError(f"{table.name} has no column beside {label!r}; there is nothing to learn from.")
    pictures = [column for column in others if looks_like_pictures(frame[column])]
    texts = [column for column in others if looks_like_text(frame[column])]
    features = choose_features(frame, used | {"path"} if own else used)
    names = [column for column in features.names if frame[column].dtype.kind == "O"]
    for option, found in (("image", pictures), ("text", texts), ("text", [] if features.columns else names)):
        if len(found) > 1:
            raise InputError(
                f"{table.name} has several columns that could be it: {', '.join(found)}; name one: --{option}."
            )
        if found:
            print(f"taking column {found[0]!r} as the {option}s, as --{option} {found[0]} would")
            return (None, found[0], None) if option == "image" else (found[0], None, None)
    taken = f"{len(features.columns)} column{'' if len(features.columns) == 1 else 's'}"
    left_out = f"; left out as mere names: {', '.join(features.names)}" if features.names else ""
    left_out += "".join(f"; left out ({why}): {', '.join(c)}" for why, c in features.others.items())
    if not features.columns:
        raise InputError(f"{table.name} has no column that may be a feature{left_out}. Name one: --features COLUMN.")
    print(f"taking {taken} as features, as --features {','.join(map(str, features.columns))} would{left_out}")
    return None, None, features.columns


def _register(file: Path) -> None:
    """Run a file of Python, whose functions register themselves as checks."""
    if not file.is_file():
        raise InputError(f"--checks must name a file of Python; {str(file)!r} does not exist.")
    described = importlib.util.spec_from_file_location("dqkit_own_checks", file)
    if described is None or described.loader is None:
        raise InputError(f"--checks must name a file of Python (.py); got {file.name!r}.")
    try:
        described.loader.exec_module(importlib.util.module_from_spec(described))
    except Exception as error:  # it is the user's code: whatever it raises is said in one line
        raise InputError(f"--checks: {file.name} raised {type(error).__name__}: {error}.") from error


def _write_signals(path: Path, table: pd.DataFrame) -> None:
    try:
        replace(path, lambda partial: table.to_parquet(partial))
    except OSError as error:
        raise InputError(f"--out must name a folder that can be written to; {str(path)!r}: {error}.") from error


def _rules(given: Sequence[str], option: str) -> dict[str, float]:
    rules: dict[str, float] = {}
    for rule in given:
        name, equals, value = rule.partition("=")
        try:
            limit = float(value)
        except ValueError:
            limit = math.nan
        if not (name.strip() and equals) or math.isnan(limit):
            raise InputError(f"{option} must be NAME=VALUE with a number, as in label_error_rate=0.05; got {rule!r}.")
        if name.strip() in rules:
            raise InputError(f"{option} names {name.strip()!r} twice; keep one of them.")
        rules[name.strip()] = limit
    return rules


def _notebooks(asked: Path | None) -> Path:
    """The folder of notebooks: the one asked for, the checkout's, or a copy of the package's in ./notebooks."""
    if asked is not None:
        from dqkit.datasets.paths import local_path

        asked = local_path("--notebooks", asked)
        if not asked.is_dir():
            raise InputError(f"--notebooks must name an existing folder; got {str(asked)!r}.")
        return asked.resolve()
    package = Path(__file__).resolve().parent
    for folder in (Path.cwd() / "notebooks", package.parent / "notebooks"):
        if any(folder.glob("*.ipynb")):
            return folder
    bundled = package / "notebooks"
    if not any(bundled.glob("*.ipynb")):
        raise InputError(
            "no notebooks were found in ./notebooks, in the checkout or in the package; name them with --notebooks DIR."
        )
    target = Path.cwd() / "notebooks"
    shutil.copytree(bundled, target, dirs_exist_ok=True)
    return target


def _folds(text: str) -> int:
    if not text.isdigit() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 2, not {text!r}")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 2**32 - 1, not {text!r}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    from dqkit import __version__

    parser = argparse.ArgumentParser(
        prog="dqkit",
        description="Find what is wrong with a labelled dataset.",
        epilog="exit codes: 0 holds, 1 falls short (check), 2 could not run, 130 interrupted",
    )
    parser.add_argument("--version", action="version", version=f"dqkit {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _audit_options(
        commands.add_parser(
            "audit",
            help="judge a dataset and write its health report",
            description=(
                "Train quick baselines, find label errors, outliers, duplicates and leakage, and write health.html "
                "(for people), health.json (for machines) and signals.parquet (a row a sample). Of a workbench the "
                "labels as people corrected them are judged. Finished fits stay in DIR/checkpoints, so that an "
                "interrupted audit goes on when it is called again."
            ),
        )
    )
    _check_options(
        commands.add_parser(
            "check",
            help="hold a report to rules, for CI",
            description=(
                "Read health.json and hold its metrics to limits, one line a rule. Exits 0 when all hold, 1 when one "
                "falls short, 2 when it could not run: no report, an unknown metric, a malformed rule."
            ),
        )
    )
    _lab_options(
        commands.add_parser(
            "lab",
            help="open JupyterLab on the notebooks",
            description=("Open JupyterLab on the notebooks, reachable from this machine only (127.0.0.1)."),
        )
    )
    from dqkit.commands import export, rebuild

    export.add_to(commands)
    rebuild.add_to(commands)
    return parser


def _audit_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="SOURCE", help="a folder of class folders, a table (CSV, Excel, Parquet), or a workbench"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="where the report is written; made if missing")
    parser.add_argument("--label", metavar="COL", help="the column of labels (tables)")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--text", metavar="COL", help="the samples are the texts of this column")
    kind.add_argument("--image", metavar="COL", help="the samples are the image files this column names")
    kind.add_argument("--features", metavar="COLS", help="the samples are rows of these columns, separated by commas")
    parser.add_argument("--exclude", metavar="COLS", help="columns that are no features, separated by commas")
    parser.add_argument("--id", metavar="COL", help="the column of unique ids; row numbers otherwise")
    parser.add_argument("--split", metavar="COL", help='the column of splits; "test" is never trained on')
    parser.add_argument(
        "--groups",
        metavar="NAME",
        help="what belongs together, such as a patient: a column of a table; of a folder, a regular expression on the "
        'path, or "folder" for the folders inside class folders',
    )
    parser.add_argument("--sep", metavar="SIGN", help="the sign between fields of a text table; found otherwise")
    parser.add_argument("--encoding", metavar="NAME", help="the encoding of a text table; found otherwise")
    parser.add_argument("--decimal", metavar="SIGN", help="the sign before the decimals; found otherwise")
    parser.add_argument("--sheet", metavar="NAME", help="the sheet of a spreadsheet")
    parser.add_argument("--folds", type=_folds, default=5, metavar="K", help="parts for cross-validation (default 5)")
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="the same seed gives the same report (default 0)"
    )
    parser.add_argument("--title", metavar="TEXT", help="title of the report; the source's name otherwise")
    parser.add_argument("--description", default="", metavar="TEXT", help="a sentence below the title")
    parser.add_argument("--tag", action="append", default=[], metavar="TEXT", help="a tag; may be given several times")
    parser.add_argument("--checks", metavar="FILE", help="a Python file that registers checks of your own")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    parser.set_defaults(run=audit)


def _check_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dir", metavar="DIR", help="the folder that holds health.json, that file, or a workbench")
    parser.add_argument(
        "--max",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the metric, or FINDING.METRIC, must not exceed VALUE",
    )
    parser.add_argument("--min", action="append", default=[], metavar="NAME=VALUE", help="the metric must reach VALUE")
    parser.set_defaults(run=check)


def _lab_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--notebooks", metavar="DIR", help="the folder to open; the checkout's or a copy otherwise")
    parser.add_argument("--port", type=int, metavar="N", help="the port to listen on; JupyterLab chooses otherwise")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.set_defaults(run=lab)


if __name__ == "__main__":
    sys.exit(main())
