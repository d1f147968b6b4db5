"""The health record as one HTML page that needs nothing else, and both on disk."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dqkit.checks import instance, kinds, takes
from dqkit.datasets.paths import local_path
from dqkit.files import make_folder, write_text
from dqkit.findings import METRICS, words
from dqkit.findings.registry import TITLES as CHECK_TITLES
from dqkit.records import Dataset, InputError
from dqkit.report import charts
from dqkit.report.samples import Viewer

if TYPE_CHECKING:
    from jinja2 import Environment

# The order of the sections in the page; your own checks stand before the baselines.
ORDER = (
    "next_steps",
    "changes",
    "overview",
    "balance",
    "column_power",
    "label_errors",
    "underperforming_groups",
    "uncertain",
    "outliers",
    "duplicates",
    "properties",
    "column_values",
    "order",
    "valuation",
    "baselines",
    "calibration",
    "activity",
)
TITLES = {"next_steps": "What to do next", **CHECK_TITLES}
PART_OF_ANOTHER = ("queue",)
# Other data have no such section. They are drawn as your own checks are.
OF_TABLES = ("column_power", "column_values")
KEY_FIGURES = (
    "label_error_rate",
    "label_errors_open",
    "n_labeled",
    "test_accuracy",
    "oos_accuracy",
    "duplicate_rate",
    "imbalance_ratio",
    "calibration_error",
)
HEAT_LEVELS = 6


def render(health: dict[str, Any], dataset: Dataset) -> str:
    """Return the page for people: one HTML document with its style, pictures and charts inside.

    Parameters
    ----------
    health
        What `dqkit.report.health` or `dqkit.report.record` returned. A section that cannot be drawn shows its error
        instead and is added to its `failed_sections`; the others stand.
    dataset
        The samples it speaks of, for thumbnails and quotations.

    Returns
    -------
    str
        All text that comes from data is escaped.

    Raises
    ------
    InputError
        For a record of another make, of which no page can be drawn.
    """
    instance("health", health, Mapping, "what dqkit.report.health returned")
    instance("dataset", dataset, Dataset, "a dqkit.Dataset")
    if not isinstance(health.get("sections"), Mapping) or not isinstance(health.get("metrics"), Mapping):
        raise InputError("health must hold sections and metrics, as dqkit.report.health returns it; this one does not.")
    environment = _environment()
    told = {finding["name"]: finding for finding in health.get("findings", [])}
    titles = {**TITLES, **{name: finding["title"] for name, finding in told.items()}}
    sections, absent = [], []
    with Viewer(dataset) as viewer:
        for name in _names(health["sections"]):
            section = health["sections"].get(name, {"status": "absent", "note": "This report was made without it."})
            if section["status"] == "absent":
                absent.append({"name": name, "title": titles[name], "note": section["note"]})
                continue
            context = {"name": name, "s": section, "health": health, "show": viewer.show, "titles": titles}
            context["finding"] = told.get(name, {})
            template = (
                "failed"
                if section["status"] == "failed"
                else name
                if name in ORDER and name not in OF_TABLES
                else "own"
            )
            try:
                body = environment.get_template(f"{template}.html").render(context)
            except Exception as error:  # one section must not take the page with it; what failed is in the record
                failure = {"section": name, "error": type(error).__name__, "message": str(error)}
                health["failed_sections"].append(failure)
                health["metrics"]["failed_sections"] = len(health["failed_sections"])
                context["s"] = section = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
                body = environment.get_template("failed.html").render(context)
            sections.append({"name": name, "title": titles[name], "status": section["status"], "body": body})
    figures = [name for name in KEY_FIGURES if name in health["metrics"]]
    page = environment.get_template("page.html")
    try:
        return page.render(
            health=health, sections=sections, absent=absent, figures=figures, known=METRICS, titles=titles
        )
    except Exception as error:  # whatever a template meets in a record of another make
        raise InputError(f"health must be what dqkit.report.health or record returned; {error}.") from error


def _names(sections: Mapping[str, Any]) -> list[str]:
    """The sections in the order of the page."""
    own = [name for name in sections if name not in ORDER and name not in PART_OF_ANOTHER]
    at = ORDER.index("baselines")
    names = [*ORDER[:at], *own, *ORDER[at:]]
    return [name for name in names if name in sections or name not in OF_TABLES]


@takes(health=kinds.json_mapping, html=kinds.text)
def write(path: str | Path, health: Mapping[str, Any], html: str) -> tuple[Path, Path]:
    """Write both files, each replaced in one step.

    Parameters
    ----------
    path
        Gets the page; the JSON goes beside it with suffix `.json`.
    health
        The record that `dqkit.report.health` returned.
    html
        The page that `dqkit.report.render` returned.

    Returns
    -------
    tuple of Path
        The page and the JSON file.

    Raises
    ------
    InputError
        When `path` ends in .json or its folder cannot be written to; what was there stays.
    """
    page = local_path("path", path)
    if page.suffix == ".json":
        raise InputError(f"path must name the HTML file, not the JSON beside it; got {str(page)!r}.")
    record = page.with_suffix(".json")
    text = json.dumps(health, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        make_folder(page.parent)
        write_text(record, text)
        write_text(page, html)
    except OSError as error:
        raise InputError(f"path must be in a folder that can be written to; got {str(page)!r}: {error}.") from error
    return page, record


def load(path: str | Path) -> dict[str, Any]:
    """Return a health record from its JSON file, or from the folder that holds `health.json`.

    Parameters
    ----------
    path
        The file or the folder.

    Returns
    -------
    dict
        See `dqkit.report.record`.

    Raises
    ------
    InputError
        When the file is missing, is not JSON, or is no health record of a known schema.
    """
    from dqkit.report.assemble import SCHEMA

    named = local_path("path", path)
    file = named / "health.json" if named.is_dir() else named
    if not file.is_file():
        raise InputError(f"{str(file)!r} does not exist; write it with `dqkit audit` or `Workbench.report`.")
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{str(file)!r} cannot be read as JSON: {error}.") from error
    if not isinstance(record, dict) or not isinstance(record.get("schema"), int) or "metrics" not in record:
        raise InputError(f"{str(file)!r} is no health record: it holds no 'schema' number and 'metrics'.")
    if record["schema"] > SCHEMA:
        raise InputError(
            f"{str(file)!r} has schema {record['schema']}; this dqkit reads up to {SCHEMA}: upgrade dqkit."
        )
    return record


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    wording = (words.percent, words.fixed, words.number, words.metric, words.change, words.cell, words.heading)
    environment.filters.update({function.__name__: function for function in wording}, action=plain_name)
    environment.globals.update(
        charts=charts, counted=words.counted, span=words.span, heat=heat, curve_points=curve_points
    )
    return environment


def plain_name(name: str) -> str:
    """The name of an action or column as words: `second_opinion` -> `second opinion`."""
    return name.replace("_", " ")


def curve_points(rounds: Sequence[Mapping[str, Any]], metric: str) -> list[tuple[str, float]]:
    """One figure of each round, with the round's number as its name."""
    return [(str(r["round"]), float(r[metric])) for r in rounds]


def heat(share: float, most: float) -> int:
    """The level 0..6 of a heat-map cell, on a concave scale so that small shares are still seen.

    >>> heat(0.0, 0.2), heat(0.05, 0.2), heat(0.2, 0.2)
    (0, 2, 6)
    """
    if share <= 0 or most <= 0:
        return 0
    level = round(HEAT_LEVELS * math.pow(share / most, 0.7))
    return max(1, min(HEAT_LEVELS, level))
