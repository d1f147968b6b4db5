"""The notebooks of the documentation show results that belong to no machine and need no kernel."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

OUTPUTS = sorted((Path(__file__).parents[1] / "docs" / "outputs").glob("*.ipynb"))


def test_there_are_results_to_show() -> None:
    assert OUTPUTS


@pytest.mark.parametrize("file", OUTPUTS, ids=lambda file: str(file.name))
def test_results_hold_no_widget_no_error_and_no_path_of_a_machine(file: Path) -> None:
    notebook = json.loads(file.read_text(encoding="utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    assert outputs
    assert not any("widget-view" in kind for output in outputs for kind in output.get("data", {}))
    assert not any(output["output_type"] == "error" for output in outputs)
    texts = [
        "".join(part)
        for output in outputs
        for part in (output.get("text", ""), *(v for k, v in output.get("data", {}).items() if k.startswith("text/")))
    ]
    for text in texts:
        assert not re.search(r"(?<![\w.])/(tmp|home|root|work|Users|var)/", text), text[:300]
    assert "dqkit-bar" not in "".join(texts) or 'data-state="running"' not in "".join(texts)
    assert file.stat().st_size < 400_000
