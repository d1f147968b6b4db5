"""`benchmarks/gpu.sh` on a machine without a GPU: what it runs, what it makes of it, how it ends."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def gpu(monkeypatch):
    spec = importlib.util.spec_from_file_location("gpu_steps", ROOT / "benchmarks" / "gpu_steps.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gpu_steps", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LEAST_SECONDS", 0.2)
    return module


def python(gpu, name, code, seconds=60.0, **rest):
    return gpu.Step(name, ("-c", code), seconds, **rest)


def test_without_a_gpu_it_says_so_in_one_sentence_and_exits_with_2(gpu, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(gpu, "device", lambda: None)
    assert gpu.main(["--out", str(tmp_path / "gpu.json")]) == 2
    assert capsys.readouterr().out == "This Python has no torch that sees a CUDA GPU, so nothing was measured.\n"
    assert not (tmp_path / "gpu.json").exists()


def test_a_dry_run_names_every_step_runs_none_and_its_scripts_are_there(gpu, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "run_step", lambda *_: pytest.fail("a step was run"))
    assert gpu.main(["--dry-run"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    scripts = [step["command"][0] for step in told if step["command"][0] != "-m" and not step["needs"]]
    assert len(told) == 5
    assert len(scripts) == 3
    assert all(Path(script).exists() for script in scripts)


def test_figures_statuses_and_the_json_are_those_of_the_steps(gpu, monkeypatch, capsys, tmp_path):
    out = tmp_path / "gpu.json"
    planned = [
        python(
            gpu,
            "good",
            "print('figure rows per s 12.5'); print('done in 3 s'); print('done in 4 s')",
            figures={"wall": r"done in (\d+) s", "absent": r"never (\d+)"},
        ),
        python(gpu, "bad", "print('half way'); raise SystemExit(3)"),
        python(gpu, "elsewhere", "print('figure never 1')", needs=tmp_path / "absent.py"),
    ]
    assert gpu.run_all(planned, 100.0, {"name": "a card"}, out) == 1
    kept = json.loads(out.read_text())
    assert kept["device"] == {"name": "a card"}
    good, bad, elsewhere = kept["steps"]
    assert (good["status"], good["figures"]) == ("ok", {"rows per s": 12.5, "wall": 4.0})
    assert (bad["status"], bad["output"]) == ("failed (status 3)", "half way\n")
    assert (elsewhere["status"], elsewhere["figures"]) == ("skipped", {})
    said = capsys.readouterr().out
    assert "rows per s 12.5, wall 4" in said
    assert "bad: failed (status 3). It printed last:\nhalf way" in said


def test_all_steps_well_is_0(gpu, tmp_path):
    assert gpu.run_all([python(gpu, "good", "pass")], 100.0, {}, tmp_path / "gpu.json") == 0


def test_a_step_past_its_limit_is_stopped_and_keeps_what_it_printed(gpu):
    row = gpu.run_step(python(gpu, "long", "import time; print('figure a 1', flush=True); time.sleep(600)", 2.0), 100.0)
    assert row["status"] == "stopped after 2 s"
    assert row["figures"] == {"a": 1.0}


def test_a_step_that_no_time_is_left_for_is_not_run_and_counts_as_failed(gpu, tmp_path):
    out = tmp_path / "gpu.json"
    assert gpu.run_all([python(gpu, "late", "print('figure a 1')")], 0.1, {}, out) == 1
    assert json.loads(out.read_text())["steps"][0]["status"] == "not run"


def test_a_skipped_test_on_a_gpu_counts_as_failed(gpu):
    step = python(gpu, "tests", "print('1 passed, 2 skipped in 3.00s')", figures={"skipped": r"(\d+) skipped"})
    assert gpu.run_step(step, 100.0)["status"] == "failed (a test was skipped)"


@pytest.mark.skipif(os.name == "nt" or shutil.which("bash") is None, reason="a shell script")
def test_the_peak_of_the_device_is_the_largest_that_nvidia_smi_told(gpu, monkeypatch, tmp_path):
    fake = tmp_path / "nvidia-smi"
    fake.write_text(f"#!/bin/bash\n[ -e {tmp_path}/asked ] && echo 300 || echo 700\n: > {tmp_path}/asked\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    row = gpu.run_step(python(gpu, "short", "import time; time.sleep(1.5)"), 100.0)
    assert row["peak_device_mib"] == 700.0


@pytest.mark.skipif(os.name == "nt" or shutil.which("bash") is None, reason="a shell script")
def test_the_script_hands_arguments_status_and_the_package_on_to_python(tmp_path):
    fake = tmp_path / "python"
    fake.write_text('#!/bin/bash\nprintf "%s\\n" "$PYTHONPATH" "$@"\nexit 2\n')
    fake.chmod(0o755)
    done = subprocess.run(
        [shutil.which("bash"), str(ROOT / "benchmarks" / "gpu.sh"), "--out", "a b.json"],
        env=os.environ | {"PYTHON": str(fake), "PYTHONPATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout.splitlines() == [str(ROOT), str(ROOT / "benchmarks" / "gpu_steps.py"), "--out", "a b.json"]
