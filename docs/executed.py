"""Run the guided notebooks and keep their results for the documentation: `python docs/executed.py [NAME ...]`.

Writes `docs/outputs/NAME.ipynb`: the notebook with its outputs, without widgets, paths of this machine and times of
execution. `docs/conf.py` shows such a copy where its cells are those of the notebook, else the notebook as written.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NOTEBOOKS, OUTPUTS = HERE.parent / "notebooks", HERE / "outputs"
WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(file: Path, folder: Path) -> Any:
    """The notebook after all its cells ran in `folder`."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(file, as_version=4)
    os.environ["DQKIT_WORK"] = str(folder)
    return NotebookClient(notebook, timeout=600, kernel_name="python3").execute(cwd=str(folder))


def publishable(notebook: Any, *folders: str) -> Any:
    """The notebook without what belongs to one run on one machine."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        kept = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop(WIDGET, None)
            if output.output_type == "stream" and output.name == "stderr":
                continue
            if output.output_type in ("display_data", "execute_result") and not data:
                continue
            for part, name in [(data, kind) for kind in data if kind.startswith("text/")] + [(output, "text")]:
                if name in part:
                    part[name] = _without(folders, part[name])
            kept.append(output)
        if "outputs" in cell:
            cell.outputs = kept
    return notebook


def _without(folders: tuple[str, ...], text: Any) -> str:
    text = "".join(text)
    for folder in sorted({folder for folder in folders if folder}, key=len, reverse=True):
        text = text.replace(folder, "work")
    return re.sub(r"(/private)?/(tmp|var)/[\w./-]*?/(?=[\w.-]+)", "work/", text)


def main() -> None:
    import nbformat

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="notebooks to run, by the start of their names; all by default")
    names = parser.parse_args().names
    OUTPUTS.mkdir(exist_ok=True)
    for file in sorted(NOTEBOOKS.glob("*.ipynb")):
        if names and not any(file.name.startswith(name) for name in names):
            continue
        with tempfile.TemporaryDirectory() as folder:
            done = publishable(execute(file, Path(folder)), folder, str(HERE.parent))
        nbformat.write(done, OUTPUTS / file.name)
        print(f"wrote {OUTPUTS / file.name}")


if __name__ == "__main__":
    main()
