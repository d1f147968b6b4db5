"""What a workbench leaves in the process: nothing once it is closed, and little while it is open."""

from __future__ import annotations

import gc
import os
import sys
import weakref
from pathlib import Path

import pytest
from ipywidgets.widgets import widget as registry

import dqkit as dq
from dqkit.workbench.results import LARGE
from tests.workbench.conftest import quick, small


def open_files(below: Path) -> list[str]:
    """What this process holds open, or mapped, below a folder."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    handles = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if _is_open(name)]
    return [line for line in (*handles, *maps) if str(below) in line]


def _is_open(name: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{name}")


def used(path: Path) -> list[weakref.ref]:
    """Open a workbench, look at everything, show two widgets, close it."""
    bench = dq.Workbench.open(path)
    shown, made = bench.labeler("ana"), bench.labeler("bo")
    assert shown.model_id
    assert shown._source.cards(3, "ana", ())
    repr(bench.rounds[-1])
    bench.advice()
    bench.report(path.parent / "health.html")
    bench.close()
    return [weakref.ref(bench.state), weakref.ref(shown), weakref.ref(made)]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["image", "table"])
def test_workbenches_that_were_opened_and_closed_leave_no_object_no_widget_and_no_open_file(tmp_path, kind):
    path = tmp_path / "wb"
    dataset = dq.load_digits(label_noise=0.1, unlabeled=0.5, seed=0).take(range(120)) if kind == "image" else small(120)
    with dq.Workbench.create(path, dataset) as bench:
        bench.run_round(budget=10, estimators=quick(), progress=False)
        assert open_files(path)
    known = len(registry._instances)
    left = [ref for _ in range(3) for ref in used(path)]
    assert open_files(path) == []  # at once, whatever the garbage collector waits for
    gc.collect()
    assert [ref() for ref in left] == [None] * 9
    assert len(registry._instances) == known


def test_labelers_that_were_never_shown_are_not_held_by_the_kernel(bench):
    bench.run_round(budget=10, estimators=quick(), progress=False)
    left = [weakref.ref(bench.labeler("ana")) for _ in range(5)]
    gc.collect()
    assert [ref() for ref in left] == [None] * 5


def test_a_closed_workbench_says_so_wherever_its_dataset_is_asked_for(tmp_path):
    bench = dq.Workbench.create(tmp_path / "wb", small(60))
    bench.run_round(budget=5, estimators=quick(), progress=False)
    labeler = bench.labeler("ana")
    bench.close()
    for ask in (lambda: bench.dataset, bench.labels, lambda: bench.state.dataset, lambda: labeler._source.classes):
        with pytest.raises(dq.StoreError, match="closed"):
            ask()


def test_of_many_rounds_only_the_newest_two_stay_in_memory(bench):
    for seed in range(4):
        bench.run_round(budget=10, estimators=quick(), progress=False, seed=seed)
        for sample_id in bench.open_queue()["sample_id"]:
            bench.record(sample_id, "red", annotator="ana")
        bench.advice()
        bench.report(bench.path.parent / "health.html")
    rounds = bench.rounds
    assert [sorted(set(LARGE) & set(vars(rnd))) for rnd in rounds[:2]] == [[], []]
    assert rounds[0].signals.index.tolist() == list(bench.dataset.ids)  # read again when it is asked for


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_fifty_rounds_and_labelers_in_one_process_stay_within_50_mib(bench):
    sizes = []
    for seed in range(50):
        bench.run_round(budget=10, estimators=quick(), progress=False, seed=seed)
        labeler = bench.labeler("ana")
        for card in labeler._source.cards(5, "ana", ()):
            bench.record(card.sample_id, "red", annotator="ana")
        bench.advice()
        gc.collect()
        sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
    assert sizes[-1] - sizes[1] < 50
