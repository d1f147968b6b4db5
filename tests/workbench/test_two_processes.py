"""Two processes at one workbench: what one of them writes, the other one notices."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

import dqkit as dq
from dqkit.rounds.parts import damaged
from dqkit.workbench import labelling
from dqkit.workbench.labelling import QueueCards
from tests.workbench.conftest import quick, small


@pytest.fixture
def both(tmp_path) -> Iterator[tuple[dq.Workbench, dq.Workbench]]:
    """The same workbench opened twice, with a round that both have read."""
    with dq.Workbench.create(tmp_path / "wb", small(120)) as one, dq.Workbench.open(tmp_path / "wb") as two:
        one.run_round(budget=12, estimators=quick(), progress=False)
        assert len(one.open_queue()) == len(two.open_queue()) == 12
        yield one, two


def names(cards) -> list[str]:
    return [card.sample_id for card in cards]


def test_a_labeler_deals_every_row_that_another_process_ranked(both):
    one, two = both
    cards = QueueCards(one.state)
    assert names(cards.cards(3, "ana", ())) == one.open_queue()["sample_id"].tolist()[:3]
    two.rerank(budget=20, strategy="random")
    wanted = two.open_queue()["sample_id"].tolist()
    assert one.open_queue()["sample_id"].tolist() == wanted
    assert names(cards.cards(20, "ana", ())) == wanted
    assert set(names(cards.alike(20, "ana", ()))) == set(two.rounds[-1].pages) & set(wanted)


def test_a_labeler_deals_every_row_of_a_round_that_another_process_ran(both):
    one, two = both
    cards = QueueCards(one.state)
    first = cards.cards(3, "ana", ())
    two.run_round(budget=15, estimators=quick(), progress=False, seed=1)
    wanted = two.open_queue()["sample_id"].tolist()
    got = names(cards.cards(24, "ana", ()))
    assert got == wanted
    assert [rnd.number for rnd in one.rounds] == [1, 2]
    assert names(cards.cards(24, "ana", names(first))) == [s for s in wanted if s not in names(first)]


@pytest.mark.parametrize(
    "ranks", [lambda b: b.rerank(budget=20, strategy="random"), lambda b: b.run_round(budget=9, estimators=quick())]
)
def test_a_process_that_ranks_between_the_leases_and_the_cards_is_noticed(both, monkeypatch, ranks: Callable):
    one, two = both
    lease, done = type(one.store).lease, []

    def and_then(store, *args, **options):
        found = lease(store, *args, **options)
        if store is one.store and not done:
            done.append(True)
            ranks(two)
        return found

    monkeypatch.setattr(type(one.store), "lease", and_then)
    got = names(QueueCards(one.state).cards(24, "ana", ()))
    assert got == two.open_queue()["sample_id"].tolist()


def test_every_part_of_a_round_is_read_anew_after_another_process_ranked(both):
    one, two = both
    before = one.rounds[-1]
    assert before.signals is one.rounds[-1].signals
    for sample_id in two.open_queue()["sample_id"][:6]:
        two.record(sample_id, "red", annotator="bo")
    two.rerank(budget=8)
    after = one.rounds[-1]
    assert after is not before
    assert after.queue["sample_id"].tolist() == two.rounds[-1].queue["sample_id"].tolist()
    assert repr(one.advice()) == repr(two.advice())


def test_a_queue_file_that_lacks_rows_of_the_journal_is_said_and_made_again(both, monkeypatch):
    one, _ = both
    rnd = one.rounds[-1]
    one.store.enqueue(1, [(sample_id, "label", False) for sample_id in one.dataset.ids[:40]])
    with pytest.raises(dq.StoreError, match=r"queue\.parquet.*lacks .* rows.*dqkit rebuild"):
        QueueCards(one.state).cards(40, "ana", ())
    assert "lacks" in str(damaged(rnd.folder, "queue.parquet", "lacks 3 rows"))
    from dqkit.workbench.rebuilding import rebuild

    told = rebuild(one.path, progress=False).set_index("file")["state"]
    assert told["rounds/0001/queue.parquet"] == "rebuilt"
    assert len(QueueCards(one.state).cards(40, "ana", ())) == 40
    assert labelling.open_queue(one.state)["sample_id"].tolist() == list(one.dataset.ids[:40])


@pytest.mark.slow
@pytest.mark.parametrize("delay", [i / 20 for i in range(1, 13)])
def test_killed_while_it_ranks_the_next_labeler_deals_every_open_row(tmp_path, delay):
    path = tmp_path / "wb"
    with dq.Workbench.create(path, small(240)) as bench:
        bench.run_round(budget=20, estimators=quick(), progress=False)
    code = (
        "import sys, dqkit as dq\n"
        "bench = dq.Workbench.open(sys.argv[1])\n"
        "bench.rounds[-1].signals\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    bench.rerank(budget=20, strategy='random')\n"
        "    bench.rerank(budget=20)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(delay)
        process.kill()
    with dq.Workbench.open(path) as bench:
        wanted = bench.open_queue()["sample_id"].tolist()
        assert len(wanted) == 20
        assert names(QueueCards(bench.state).cards(20, "ana", ())) == wanted
        assert len(bench.rerank(budget=10).queue) == 10
