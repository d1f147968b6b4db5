"""The page of a label pull request: thumbnails, given -> now, by whom and why."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from dqkit.datasets.paths import local_path
from dqkit.export.tables import write_csv
from dqkit.files import make_folder, replace, write_text
from dqkit.records import Dataset, InputError
from dqkit.report.samples import Viewer

SHOWN = 600
TEMPLATES = Path(__file__).parent / "templates"


def write_changes(
    path: str | os.PathLike[str], table: pd.DataFrame, dataset: Dataset, *, title: str, overwrite: bool
) -> Path:
    """HTML at `path` and CSV beside it; raises `InputError` where they are there already or cannot be written."""
    page = local_path("path", path)
    if page.suffix.lower() not in {".html", ".htm"}:
        raise InputError(f"path must end in .html; got {page.name!r}. The CSV is written beside it.")
    for file in (page, page.with_suffix(".csv")):
        if file.exists() and not overwrite:
            raise InputError(
                f"{str(file)!r} exists, and somebody may have answered in it. Choose another name, or pass "
                "overwrite=True. Nothing was changed."
            )
        if file.is_dir():
            raise InputError(f"path must name a file; {str(file)!r} is a folder. Nothing was changed.")
    html = render_changes(table, dataset, title=title)
    try:
        make_folder(page.parent)
        # People open it in a spreadsheet, and the texts come from others.
        replace(page.with_suffix(".csv"), lambda partial: write_csv(table, partial, spreadsheet=True))
        write_text(page, html)
    except OSError as error:
        raise InputError(f"path must be in a folder that can be written to; got {str(page)!r}: {error}.") from error
    return page


def render_changes(table: pd.DataFrame, dataset: Dataset, *, title: str) -> str:
    """The page as one HTML document; works without JavaScript, and all text that comes from data is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    people: dict[str, list[dict[str, Any]]] = {}
    for row in table.head(SHOWN).to_dict("records"):
        people.setdefault(str(row["annotator"] or "unknown"), []).append({str(k): v for k, v in row.items()})
    counts = table["annotator"].fillna("unknown").value_counts()
    authors = [
        {"name": name, "anchor": f"person-{i}", "rows": rows, "count": int(counts[name])}
        for i, (name, rows) in enumerate(sorted(people.items(), key=lambda pair: (-len(pair[1]), pair[0])), start=1)
    ]
    kinds = table.assign(given=table["given"].fillna("no label"), now=table["now"].fillna("no label"))
    pairs = kinds.groupby(["given", "now"]).size().sort_values(ascending=False, kind="stable")
    with Viewer(dataset) as viewer:
        return environment.get_template("changes_page.html").render(
            title=title,
            created=datetime.now(UTC).isoformat(timespec="minutes"),
            total=len(table),
            shown=min(len(table), SHOWN),
            reviewed=int(table["reviewed_by"].notna().sum()),
            fresh=int(table["given"].isna().sum()),
            authors=authors,
            pairs=[
                {"given": given, "now": now, "count": int(count)}
                for given, now, count in pairs.head(12).reset_index().itertuples(index=False)
            ],
            more_pairs=max(len(pairs) - 12, 0),
            show=viewer.show,
            samples=len(dataset),
        )
