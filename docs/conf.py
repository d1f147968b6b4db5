"""How the documentation is built: `make docs` writes it to work/docs/, with warnings as errors."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

import dqkit  # noqa: E402 - found by the path above

project = "dqkit"
author = "the dqkit authors"
copyright = "the dqkit authors, Apache-2.0"
version = release = dqkit.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build", "**/.ipynb_checkpoints", "outputs"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # `make test` runs the notebooks; `make guides` keeps their results in docs/outputs
default_role = "code"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_typehints = "none"  # the signature on the page shows them, the Parameters section repeats what matters
autodoc_member_order = "bysource"
pygments_style = "default"
pygments_dark_style = "monokai"
html_theme = "furo"
html_title = f"dqkit {release}"
html_static_path = ["_static"]
html_css_files = ["dqkit.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options: dict[str, Any] = {"navigation_with_keys": False}

# The stages that a user calls by name, in the order of the loop.
MODULES = {
    "dqkit": "The whole loop: load, run rounds, label, report.",
    "dqkit.datasets": "Data in.",
    "dqkit.baselines": "Out-of-sample probabilities.",
    "dqkit.signals": "What is wrong with the data.",
    "dqkit.findings": "Checks, each of them one finding.",
    "dqkit.acquisition": "What to look at next.",
    "dqkit.weak_labels": "Labelling functions.",
    "dqkit.near_copies": "Samples that are nearly the same.",
    "dqkit.relabel": "The widget.",
    "dqkit.fiftyone_bridge": "FiftyOne as a second surface.",
    "dqkit.rounds": "A round as a value.",
    "dqkit.report": "The health report.",
    "dqkit.export": "Data out.",
    "dqkit.store": "The journal.",
}


def public_names(module: str) -> list[str]:
    """The names that a module offers, as its `__all__` says."""
    return list(importlib.import_module(module).__all__)


def reference_page(module: str, said: str, described: dict[int, str]) -> str:
    """One page of the reference in reStructuredText: every public name of a module.

    described: of the pages before, where each object is described; a second page points there.
    """
    parts = [module, "=" * len(module), "", said, "", f".. py:module:: {module}", ""]
    for name in public_names(module):
        value = getattr(importlib.import_module(module), name)
        elsewhere = described.get(id(value))
        if inspect.isroutine(value) or inspect.isclass(value):
            described.setdefault(id(value), module)
        if elsewhere:
            parts += [name, "-" * len(name), "", f"Described in :doc:`{elsewhere}`.", ""]
        elif inspect.isclass(value):
            parts += [name, "-" * len(name), "", f".. autoclass:: {module}.{name}", "   :members:"]
            # The facade's methods stand in several files; what comes from other libraries is described there.
            own = [base for base in value.__mro__[1:-1] if not issubclass(value, Exception)]
            if own and all(base.__module__.startswith("dqkit.") for base in own):
                parts.append("   :inherited-members:")
            parts.append("")
        elif inspect.isroutine(value):
            parts += [name, "-" * len(name), "", f".. autofunction:: {module}.{name}", ""]
        else:
            shown = f"A {type(value).__name__}." if isinstance(value, dict) else f"``{value}``".replace("typing.", "")
            parts += [name, "-" * len(name), "", f".. py:data:: {module}.{name}", "   :noindex:", "", f"   {shown}", ""]
    return "\n".join(parts)


def write_reference() -> None:
    """Write the pages of the reference, one per module that is there."""
    folder = HERE / "api"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    there = [name for name in MODULES if name == "dqkit" or (ROOT.joinpath(*name.split(".")) / "__init__.py").exists()]
    there = [name for name in there if hasattr(importlib.import_module(name), "__all__")]
    overview = ["Reference", "=========", "", "Every public name. All others may change at any time.", ""]
    described: dict[int, str] = {}
    for module in there:
        page = reference_page(module, MODULES[module], described)
        (folder / f"{module}.rst").write_text(page, encoding="utf-8")
        names = ", ".join(f"``{name}``" for name in public_names(module))
        overview += [f":doc:`{module}`", f"   {MODULES[module]} {names}", ""]
    overview += [".. toctree::", "   :hidden:", "", *(f"   {module}" for module in there), ""]
    (folder / "index.rst").write_text("\n".join(overview), encoding="utf-8")


def copy_notebooks() -> None:
    """Put the guided notebooks where Sphinx finds them, with their results where these are of the same cells."""
    for old in (HERE / "guides").glob("*.ipynb"):
        old.unlink()
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        done = HERE / "outputs" / notebook.name
        same = done.exists() and _cells(done) == _cells(notebook)
        shutil.copy(done if same else notebook, HERE / "guides" / notebook.name)


def _cells(notebook: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]]


SECTION = re.compile(r"^\s*-{3,}\s*$")


def unindent_plain_docstrings(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Flatten docstrings that have no numpydoc sections: there, an indented line goes on with the entry above it."""
    if any(SECTION.match(line) for line in lines):
        return
    in_example = False
    for i, line in enumerate(lines):
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        if not in_example:
            lines[i] = re.sub(r"([*|])", r"\\\1", line.strip())


def leave_out_missing_pages(app: Any, name: str, source: list[str]) -> None:
    """Drop entries of the list of contents whose page is not written yet."""
    if name == "index":
        kept = [
            line
            for line in source[0].splitlines()
            if not re.fullmatch(r"[a-z_]+", line) or (HERE / f"{line}.md").exists()
        ]
        source[0] = "\n".join(kept)


def setup(app: Any) -> None:
    app.connect("source-read", leave_out_missing_pages)
    app.connect("autodoc-process-docstring", unindent_plain_docstrings, priority=100)


write_reference()
copy_notebooks()
