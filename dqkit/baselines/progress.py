"""What a person sees while baselines are fitted: fold, member, epoch, and the time that is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from dqkit.bars import Bar, spoken


class Progress:
    """A bar over all folds and members, one step a fit.

    The time left is the sum over the members of their mean time a fit times the fits they have before them: one member
    may take a hundred times as long as another. A member that has not been fitted yet counts as the mean of the others.
    Several threads may report, each on the fit it is at.
    """

    def __init__(
        self, members: Sequence[str], folds: int, *, show: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.members, self.folds = list(members), folds
        self.bar = Bar(len(self.members) * folds, "fits", show=show)
        self._clock = clock
        self._seconds: dict[str, list[float]] = {name: [] for name in self.members}
        self._waiting = dict.fromkeys(self.members, folds)
        self._at_once: dict[str, int] = {}
        # The fit of each thread: fold, member and when it began.
        self._now: dict[int, tuple[int, str, float]] = {}

    def start(self, fold: int, member: str) -> None:
        """A fit begins; fold counts from 0."""
        self._now[threading.get_ident()] = fold, member, self._clock()
        self._show()

    def epoch(self, done: int, epochs: int) -> None:
        """The fit that runs has finished so many of its passes over the data."""
        self._show(done, epochs)

    def finish(self, *, loaded: bool = False) -> None:
        """The fit has ended; `loaded` when it was found in a checkpoint, which says nothing of how long one takes."""
        _, member, started = self._now.pop(threading.get_ident())
        self._waiting[member] -= 1
        if not loaded:
            self._seconds[member].append(self._clock() - started)
        self.bar.step()

    def skip(self, member: str) -> None:
        """A fit that will not take place: its member has failed."""
        self._waiting[member] -= 1
        self.bar.step()

    @contextmanager
    def at_once(self, member: str, count: int) -> Iterator[None]:
        """So many fits of this member run side by side."""
        self._at_once[member] = count
        try:
            yield
        finally:
            del self._at_once[member]

    def say(self, line: str) -> None:
        """A line above the bar, where there is one."""
        self.bar.note(line)

    def close(self) -> None:
        """End the bar: full where every fit has taken place."""
        self.bar.close("done" if not any(self._waiting.values()) else "stopped")

    def seconds_left(self) -> float | None:
        """None as long as nothing has been fitted."""
        means = {name: sum(seen) / len(seen) for name, seen in self._seconds.items() if seen}
        if not means:
            return None
        usual = sum(means.values()) / len(means)
        left = {name: means.get(name, usual) * count for name, count in self._waiting.items()}
        for _, member, started in list(self._now.values()):
            left[member] -= min(self._clock() - started, means.get(member, usual))
        return sum(seconds / self._at_once.get(name, 1) for name, seconds in left.items())

    def _show(self, done: int = 0, epochs: int = 0) -> None:
        now = self._now.get(threading.get_ident())
        if now is None or self.bar.disable:
            return
        fold, member, _ = now
        at = f"fold {fold + 1}/{self.folds}, member {self.members.index(member) + 1}/{len(self.members)} {member}"
        left = self.seconds_left()
        self.bar.say(
            title=f"{at}, epoch {done}/{epochs}" if epochs else at,
            detail="" if left is None else f"about {spoken(left)} left",
        )
