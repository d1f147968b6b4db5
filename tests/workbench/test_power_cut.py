"""A power cut at any moment: what was acknowledged is there, and the rest can be done again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

import dqkit as dq
from dqkit.export.publishing import partial_of
from dqkit.rounds import load
from dqkit.rounds.parts import MANIFEST, manifest, read_part
from dqkit.workbench.labelling import QueueCards
from tests.disk import Disk, Moment, image
from tests.workbench.conftest import quick, small

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the model of the disk reads /proc")

SOURCE = small(60)


class Work:
    """Some work with a workbench; after each step, what the workbench said by then."""

    def __init__(self, root: Path) -> None:
        self.path = root / "deep" / "wb"
        self.facts: list[dict] = [{}]

    def steps(self) -> Iterator[str]:
        """Each step returns before its name comes out."""
        bench = dq.Workbench.create(self.path, SOURCE, title="Blobs")
        yield self._known(bench, "create")
        ids = list(SOURCE.ids)
        for sample_id in ids[:2]:
            bench.record(sample_id, "red", annotator="ana")
            yield self._known(bench, "record")
        bench.undo(annotator="ana")
        yield self._known(bench, "undo")
        bench.run_round(budget=8, estimators=quick(), progress=False)
        yield self._known(bench, "round")
        for card in QueueCards(bench.state).cards(3, "ana", ()):
            bench.record(card.sample_id, "blue", annotator="ana")
        bench.rerank(budget=6)
        yield self._known(bench, "rerank")
        for place, form in (("out/all.csv", "csv"), ("out/numbers.npz", "numpy"), ("out/torch", "torch")):
            bench.export(self.path.parent / place, form, progress=False)
            yield self._known(bench, "export")
        bench.report(self.path.parent / "out" / "health.html")
        yield self._known(bench, "report")
        bench.add(small(70).take(range(60, 70)))
        yield self._known(bench, "add")
        bench.run_round(budget=5, estimators=quick(), progress=False, seed=1)
        yield self._known(bench, "round")
        bench.close()

    def _known(self, bench: dq.Workbench, step: str) -> str:
        out = self.path.parent / "out"
        self.facts.append(
            {
                "samples": len(bench.dataset),
                "events": set(bench.store.events()["event_id"]),
                "versions": versions(bench),
                "queue": list(bench.open_queue()["sample_id"]) if bench.rounds else [],
                "files": {file: file.read_bytes() for file in sorted(out.rglob("*")) if file.is_file()},
            }
        )
        return step


def check(work: Work, root: Path, left: Path, said: int, *, redo: bool) -> None:
    """What was acknowledged is in `left`, the image of `root`; what was not can be done again."""
    path, known = left / work.path.relative_to(root), work.facts[said]
    for file, content in known.get("files", {}).items():
        assert (left / file.relative_to(root)).read_bytes() == content
    if not known:
        if not path.exists():
            dq.Workbench.create(path, SOURCE).close()
        known = {"samples": len(SOURCE), "events": set(), "versions": [], "queue": []}
    with dq.Workbench.open(path) as bench:
        assert len(bench.dataset) >= known["samples"]
        assert bench.dataset.content.iloc[:60].equals(SOURCE.content.set_axis(range(60)))
        assert known["events"] <= set(bench.store.events()["event_id"])
        assert len(bench.rounds) >= len(known["versions"])
        for rnd in bench.rounds:
            load(rnd.folder, rnd.metrics)
            for name in manifest(rnd.folder):
                read_part(rnd.folder, name, Path.stat)
        if bench.rounds:
            still_open = bench.open_queue()
            assert len(QueueCards(bench.state).cards(100, "ana", ())) == len(still_open)  # who holds leases
        same = known["events"] == set(bench.store.events()["event_id"]) and known["versions"] == versions(bench)
        if same and bench.rounds:
            assert known["queue"] == list(bench.open_queue()["sample_id"])
        if redo:
            bench.record(SOURCE.ids[0], "green", annotator="zoe")
            assert len(bench.run_round(budget=4, estimators=quick(), progress=False).queue) == 4


def versions(bench: dq.Workbench) -> list[str | None]:
    """Which files each round has."""
    return [row["version"] for row in bench.store.rounds() if row["status"] == "done"]


@pytest.fixture
def cut(tmp_path, monkeypatch) -> Iterator[Callable[..., tuple[Work, list[Moment]]]]:
    """Does the work on a disk that is watched; returns it with every moment at which something was synced."""
    root = tmp_path / "disk"
    root.mkdir()
    disks: list[Disk] = []

    def do(*, keeps_live: bool = False) -> tuple[Work, list[Moment]]:
        work = Work(root)
        disk = Disk(root, tmp_path / "pins", keeps_live)
        disks.append(disk)
        with monkeypatch.context() as patch:
            disk.attach(patch)
            for _ in work.steps():
                disk.said = len(work.facts) - 1
                disk._note()
        return work, disk.moments

    yield do
    for disk in disks:
        disk.close()


def test_what_a_power_cut_leaves_holds_everything_acknowledged_and_the_rest_is_done_again(cut, tmp_path):
    work, moments = cut()
    last = {moment.said: i for i, moment in enumerate(moments)}
    chosen = sorted({*last.values(), *range(0, len(moments), max(len(moments) // 6, 1))})
    for k, i in enumerate(chosen):
        image(moments[i], tmp_path / "disk", tmp_path / f"left-{k}")
        check(work, tmp_path / "disk", tmp_path / f"left-{k}", moments[i].said, redo=k % 9 == 0)
        shutil.rmtree(tmp_path / f"left-{k}")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_power_cut_at_every_moment_and_with_a_part_of_what_was_not_synced(cut, tmp_path):
    work, moments = cut(keeps_live=True)
    random = Random(0)
    for i, moment in enumerate(moments):
        for kind in (None, random):
            image(moment, tmp_path / "disk", tmp_path / f"left-{i}", kind)
            check(work, tmp_path / "disk", tmp_path / f"left-{i}", moment.said, redo=i % 25 == 0)
            shutil.rmtree(tmp_path / f"left-{i}")


def test_the_model_of_the_disk_drops_what_nobody_synced(tmp_path, monkeypatch):
    root = tmp_path / "disk"
    root.mkdir()
    disk = Disk(root, tmp_path / "pins")
    disk.attach(monkeypatch)
    from dqkit import files

    files.write_text(root / "whole", "kept")
    files.write_text(root / "cached", "lost", durable=False)
    (root / "folder").mkdir()
    files.write_text(root / "folder" / "inside", "lost with its folder")
    image(disk.moments[-1], root, tmp_path / "left")
    assert {file.name: file.read_text() for file in (tmp_path / "left").iterdir()} == {"whole": "kept"}
    files.make_folder(root / "a" / "b")
    files.write_text(root / "a" / "b" / "file", "kept")
    image(disk.moments[-1], root, tmp_path / "later")
    assert (tmp_path / "later" / "a" / "b" / "file").read_text() == "kept"
    disk.close()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_sqlite_syncs_its_journal_with_every_label(tmp_path):
    path, log = tmp_path / "wb", tmp_path / "log"
    dq.Workbench.create(path, SOURCE).close()
    code = (
        "import sys, dqkit as dq\n"
        "with dq.Workbench.open(sys.argv[1]) as bench:\n"
        "    for sample_id in bench.dataset.ids[:20]:\n"
        "        bench.record(sample_id, 'red', annotator='ana')\n"
    )
    command = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", str(log), sys.executable, "-c", code]
    subprocess.run([*command, str(path)], check=True)
    assert sum("labels.sqlite-wal" in line for line in log.read_text().splitlines()) >= 20


def test_every_file_of_a_round_is_in_its_manifest(bench):
    rnd = bench.run_round(budget=8, estimators=quick(), progress=False)
    there = {file.relative_to(rnd.folder).as_posix() for file in rnd.folder.rglob("*") if file.is_file()}
    assert set(manifest(rnd.folder)) == there - {MANIFEST}


def test_what_a_power_cut_left_of_a_workbench_that_was_being_made_is_no_hindrance(tmp_path):
    path = tmp_path / "wb"
    names = []
    for number in (os.getpid(), 2**22 + 1):  # numbers of processes come again after a restart; this one is not in use
        left = partial_of(path)
        left = left.with_name(left.name.replace(f".{os.getpid()}-", f".{number}-"))
        (left / "dataset").mkdir(parents=True)
        names.append(left.name)
    dq.Workbench.create(path, SOURCE).close()
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([names[0], "wb"])  # the other one is swept
