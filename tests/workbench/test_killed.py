"""A process that is killed at any moment loses nothing that it said was done. `DQKIT_KILLS=1200` tries more often."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from random import Random

import pytest

import dqkit as dq
from dqkit.workbench.labelling import QueueCards
from tests.workbench.conftest import quick, small

KILLS = int(os.environ.get("DQKIT_KILLS", "60"))


def work(path: Path, said: int, seed: int) -> None:
    """Answer, undo and rank again without end; write down what each call returned, once it returned."""
    random = Random(seed)
    with dq.Workbench.open(path) as bench:
        ids = list(bench.dataset.ids)
        while True:
            for _ in range(random.randint(1, 8)):
                event = bench.record(random.choice(ids), random.choice(["red", "blue"]), annotator=f"ana{seed % 3}")
                os.write(said, f"event {event.event_id}\n".encode())
            event = bench.undo(annotator=f"ana{seed % 3}")
            os.write(said, f"event {event.event_id}\n".encode())
            if random.random() < (0.9 if seed % 5 == 0 else 0.1):
                bench.rerank(budget=random.randint(5, 20), strategy="random")
                version = bench.store.rounds()[-1]["version"]
                os.write(said, f"ranked {version}\n".encode())


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a forked process needs no start of its own")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_killed_at_random_moments_nothing_acknowledged_is_lost(tmp_path):
    path = tmp_path / "wb"
    with dq.Workbench.create(path, small(120)) as bench:
        bench.run_round(budget=20, estimators=quick(), progress=False)
        bench.rerank(budget=20)  # imports what the children need
    known: set[str] = set()
    ranked, random = 0, Random(1)
    for k in range(KILLS):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            try:
                work(path, writing, k)
            finally:
                os._exit(1)
        os.close(writing)
        time.sleep(0.02 + random.random() * (2.5 if k % 5 == 0 else 0.3))
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL  # nothing else ended it
        with open(reading, encoding="utf-8") as told:
            lines = [line.split() for line in told.read().splitlines(keepends=False)]
        known |= {line[1] for line in lines if line[:1] == ["event"]}
        ranked += sum(line[:1] == ["ranked"] for line in lines)
        with dq.Workbench.open(path) as bench:
            assert known <= set(bench.store.events()["event_id"])
            still_open = bench.open_queue()["sample_id"].tolist()
            for annotator in ("ana0", "ana1", "ana2"):
                bench.store.release(annotator)
            assert [card.sample_id for card in QueueCards(bench.state).cards(100, "zoe", ())] == still_open
            bench.store.release("zoe")
    print(f"{KILLS} kills, {len(known):,} events and {ranked} rankings acknowledged")
    assert known
    assert ranked
