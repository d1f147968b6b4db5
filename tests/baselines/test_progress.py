from __future__ import annotations

import io

import pytest

from dqkit.baselines.progress import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_counts_each_member_with_its_own_speed() -> None:
    clock = Clock()
    progress = Progress(["fast", "slow"], 3, show=False, clock=clock)
    assert progress.seconds_left() is None
    for fold in range(2):
        for member, seconds in (("fast", 1.0), ("slow", 100.0)):
            progress.start(fold, member)
            clock.now += seconds
            progress.finish()
    assert progress.seconds_left() == pytest.approx(101)
    progress.start(2, "fast")
    clock.now += 1
    progress.finish()
    progress.start(2, "slow")
    clock.now += 30
    assert progress.seconds_left() == pytest.approx(70)


def test_a_fit_that_was_saved_before_says_nothing_of_how_long_one_takes() -> None:
    clock = Clock()
    progress = Progress(["only"], 4, show=False, clock=clock)
    progress.start(0, "only")
    progress.finish(loaded=True)
    assert progress.seconds_left() is None
    progress.start(1, "only")
    clock.now += 10
    progress.finish()
    assert progress.seconds_left() == pytest.approx(20)


def test_fits_side_by_side_share_the_time() -> None:
    clock = Clock()
    progress = Progress(["quick", "long"], 5, show=False, clock=clock)
    for member, seconds in (("quick", 1.0), ("long", 60.0)):
        progress.start(0, member)
        clock.now += seconds
        progress.finish()
    with progress.at_once("long", 2):
        assert progress.seconds_left() == pytest.approx(4 + 4 * 60 / 2)
    assert progress.seconds_left() == pytest.approx(4 + 4 * 60)


def test_a_failed_member_takes_no_more_time() -> None:
    clock = Clock()
    progress = Progress(["good", "bad"], 2, show=False, clock=clock)
    progress.start(0, "good")
    clock.now += 5
    progress.finish()
    progress.start(0, "bad")
    progress.finish(loaded=True)
    progress.start(1, "good")
    clock.now += 5
    progress.finish()
    progress.skip("bad")
    assert progress.seconds_left() == pytest.approx(0)


def test_a_person_sees_fold_member_epoch_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    clock = Clock()
    progress = Progress(["patches", "network"], 5, show=True, clock=clock)
    progress.start(0, "patches")
    clock.now += 60
    progress.finish()
    progress.start(0, "network")
    progress.epoch(3, 6)
    progress.close()
    assert "fold 1/5, member 2/2 network, epoch 3/6" in shown.getvalue()
    assert "1/10" in shown.getvalue()
    assert "about 9 min left" in shown.getvalue()
