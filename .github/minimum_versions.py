"""Print the lower end of every range in pyproject.toml as constraints for pip."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = [range_ for names in project["optional-dependencies"].values() for range_ in names]
for text in sorted({*project["dependencies"], *extras}):
    found = re.match(r"([\w.-]+)(?:\[[\w,]+\])?>=([\w.]+)", text)
    if found:
        print(f"{found[1]}=={found[2]}")
