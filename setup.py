"""The guided notebooks are part of the wheel, so that `dqkit lab` finds them without a checkout; the rest is in
pyproject.toml."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

NOTEBOOKS = Path(__file__).parent / "notebooks"


class BuildWithNotebooks(build_py):
    """Copies notebooks/ into dqkit/notebooks/ of a wheel; an editable install finds them in the checkout."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "dqkit" / "notebooks"
            for source in sorted([*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("images/*.png")]):
                place = target / source.relative_to(NOTEBOOKS)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)


setup(cmdclass={"build_py": BuildWithNotebooks})
