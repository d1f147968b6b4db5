"""What `benchmarks/gpu.sh` runs: each step in a process of its own, under one limit for all of them.

Run: python benchmarks/gpu_steps.py [--data ../shared/data] [--out gpu.json] [--seconds 530] [--dry-run]
Steps: the tests marked `gpu`; each CUDA path beside the same on the processor (`gpu_paths.py`); embedding of photos;
CIFAR-10 with five folds of one network, then of five. A step that outlasts its limit is stopped and counts as failed;
what no time is left for is listed as not run, and fails too. Exit status: 0, all went well; 1, not all; 2, no CUDA GPU.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LEAST_SECONDS = 5.0


@dataclass(frozen=True)
class Step:
    """command: after the interpreter. seconds: at most. figures: name -> a pattern whose first group, where it is found
    last, is the number; lines "figure NAME VALUE" give figures too. needs: a file without which it is skipped."""

    name: str
    command: tuple[str, ...]
    seconds: float
    figures: dict[str, str] = field(default_factory=dict)
    needs: Path | None = None


def steps(data: Path) -> list[Step]:
    """What is run, cheapest first, so that a slow step takes time from no other path."""
    scripts = ROOT / "benchmarks"
    cifar = ("--data", str(data), "--n", "50000", "--plain", "none", "--networks")
    accuracy = {
        "network accuracy": r"network\S*: accuracy by fold ([\d.]+)",
        "ensemble accuracy": r"ensemble: accuracy by fold ([\d.]+)",
        "CPU-s": r"call to return: ([\d.]+) CPU-s",
        "wall s": r"CPU-s, ([\d.]+) s wall",
        "memory GB": r"peak memory ([\d.]+) GB",
    }
    return [
        Step(
            "tests marked gpu",
            ("-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", str(ROOT / "tests")),
            120,
            {"passed": r"(\d+) passed", "failed": r"(\d+) failed", "skipped": r"(\d+) skipped"},
        ),
        Step("CUDA beside the processor", (str(scripts / "gpu_paths.py"),), 120),
        Step(
            "embedding of photos",
            (str(scripts / "embedding.py"), "--data", str(data)),
            90,
            {"CPU-s at 224 px": r"224 px .*?([\d.]+) CPU-s", "wall s at 224 px": r"224 px .*?CPU-s, ([\d.]+) s"},
            scripts / "embedding.py",
        ),
        Step("CIFAR-10, 5 folds", (str(scripts / "baselines_images.py"), *cifar, "1"), 150, accuracy),
        Step("CIFAR-10, 5 folds x 5 networks", (str(scripts / "baselines_images.py"), *cifar, "5"), 300, accuracy),
    ]


class DeviceMemory:
    """The most memory in use on the first GPU while it is watched, in MiB, as nvidia-smi tells; None without it."""

    def __init__(self, every: float = 0.5) -> None:
        self.peak_mib: float | None = None
        self._every = every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> DeviceMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        program = shutil.which("nvidia-smi")
        while program is not None:
            said = subprocess.run(
                [program, "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"],
                capture_output=True,
                text=True,
                check=False,
            ).stdout.strip()
            if said.isdigit():
                self.peak_mib = max(self.peak_mib or 0.0, float(said))
            if self._done.wait(self._every):
                return


def figures_of(step: Step, said: str) -> dict[str, float]:
    """The numbers in what a step printed."""
    found = {name: float(value) for name, value in re.findall(r"^figure (.+) (\S+)$", said, re.MULTILINE)}
    for name, pattern in step.figures.items():
        values = re.findall(pattern, said)
        if values:
            found[name] = float(values[-1])
    return found


def run_step(step: Step, left: float, python: str = sys.executable) -> dict[str, Any]:
    """Run a step for at most `left` seconds: what it was, how it ended, its figures and the end of what it printed."""
    row: dict[str, Any] = {"step": step.name, "status": "not run", "seconds": 0.0, "figures": {}, "output": ""}
    if step.needs is not None and not step.needs.exists():
        return row | {"status": "skipped", "output": f"{step.needs.name} is not there"}
    limit = min(step.seconds, left)
    if limit < LEAST_SECONDS:
        return row | {"output": "no time was left"}
    start = time.perf_counter()
    with DeviceMemory() as memory:
        try:
            done = subprocess.run(
                [python, *step.command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=limit,
                cwd=ROOT,
                check=False,
            )
            said, status = done.stdout, "ok" if done.returncode == 0 else f"failed (status {done.returncode})"
        except subprocess.TimeoutExpired as late:
            held = late.stdout or b""
            said = held.decode(errors="replace") if isinstance(held, bytes) else held
            status = f"stopped after {limit:.0f} s"
    found = figures_of(step, said)
    if found.get("skipped") and status == "ok":
        status = "failed (a test was skipped)"
    spent = time.perf_counter() - start
    row |= {"status": status, "seconds": round(spent, 1), "figures": found, "output": said[-4000:]}
    return row | {"peak_device_mib": memory.peak_mib}


def device() -> dict[str, Any] | None:
    """The first GPU, or None where torch sees none or is not installed."""
    try:
        import torch
    except ImportError:
        return None
    if not torch.cuda.is_available():
        return None
    seen = torch.cuda.get_device_properties(0)
    return {
        "name": seen.name,
        "memory_mib": seen.total_memory // 2**20,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The steps as lines for a terminal."""
    lines = [f"{'step':32s} {'status':28s} {'wall s':>7s} {'peak MiB':>9s}  figures"]
    for row in rows:
        told = ", ".join(f"{name} {value:g}" for name, value in row["figures"].items())
        peak = row.get("peak_device_mib")
        memory = "" if peak is None else f"{peak:,.0f}"
        lines.append(f"{row['step']:32s} {row['status']:28s} {row['seconds']:7.1f} {memory:>9s}  {told}".rstrip())
    return "\n".join(lines)


def run_all(planned: Sequence[Step], seconds: float, about: dict[str, Any], out: Path) -> int:
    """Run the steps one after another, write the JSON after each, print the table; 0 where all went well, else 1."""
    end = time.perf_counter() + seconds
    rows: list[dict[str, Any]] = []
    for step in planned:
        print(f"{step.name} ...", flush=True)
        rows.append(run_step(step, end - time.perf_counter()))
        out.write_text(json.dumps({"device": about, "steps": rows}, indent=1) + "\n", encoding="utf-8")
    print(table(rows))
    for row in rows:
        if row["status"] not in ("ok", "skipped"):
            print(f"\n{row['step']}: {row['status']}. It printed last:\n{row['output'][-1500:]}")
    print(f"\nwritten to {out}")
    return 0 if all(row["status"] in ("ok", "skipped") for row in rows) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--seconds", type=float, default=530, help="for all steps together")
    parser.add_argument("--dry-run", action="store_true", help="print the steps and run none")
    args = parser.parse_args(arguments)
    planned = steps(args.data.resolve())
    if args.dry_run:
        for step in planned:
            print(json.dumps(asdict(step) | {"needs": str(step.needs or "")}))
        return 0
    about = device()
    if about is None:
        print("This Python has no torch that sees a CUDA GPU, so nothing was measured.")
        return 2
    print(f"{about['name']}, {about['memory_mib']:,} MiB, torch {about['torch']}, CUDA {about['cuda']}")
    return run_all(planned, args.seconds, about, args.out.resolve())


if __name__ == "__main__":
    sys.exit(main())
