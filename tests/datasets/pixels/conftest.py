from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DQKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pixels"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Six PNG files of 20 by 20 pixels, each of its own red."""
    (tmp_path / "files").mkdir()
    made = [tmp_path / "files" / f"{i}.png" for i in range(6)]
    for i, file in enumerate(made):
        Image.new("RGB", (20, 20), (40 * i + 10, 0, 0)).save(file)
    return made
