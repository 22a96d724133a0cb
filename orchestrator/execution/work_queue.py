"""Cuts the trials of a run into packs while it goes on, by how long they turn out to take."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

#: Seconds of work in a pack: large enough for what scheduling one costs (some 50 ms) not to matter.
_SECONDS = 20.0
#: Seconds of the first packs, which tell how long a trial takes.
_FIRST = 2.0


@dataclass(frozen=True)
class WorkItem:
    """Trials that stand next to each other in a run's order; the unit that Ray Tune schedules.

    Attributes:
        start: index of the first.
        stop: index after the last.
        seconds: after which a worker gives back what it has not begun.
    """

    start: int
    stop: int
    seconds: float


class WorkQueue:
    """Hands out packs, smaller ones towards the end, so that all workers end at about one time.

    Args:
        total: how many trials there are.
        workers: how many packs are out at one time.
        least: trials in a pack at least, as far as there are so many.
        alone: how many of the first trials become packs of their own, because they failed before.
    """

    def __init__(self, total: int, workers: int, least: int = 1, alone: int = 0) -> None:
        self._left = deque((index, index + 1) for index in range(alone))
        if total > alone:
            self._left.append((alone, total))
        self._count, self._workers, self._least = total, workers, least
        self._out = 0
        #: Trials and seconds of the packs that came back, older ones counting less.
        self._trials = self._seconds = 0.0

    @property
    def ended(self) -> bool:
        """Whether all packs have come back and nothing is left."""
        return not self._left and not self._out

    def take(self, elsewhere: Callable[[int], bool] = lambda index: False) -> WorkItem | None:
        """The next pack; None if there is none now, but one may still be given back.

        Args:
            elsewhere: whether another run has a trial, by its index; such ones are passed over.
        """
        while self._left:
            start, stop = self._left.popleft()
            first = next((i for i in range(start, stop) if not elsewhere(i)), stop)
            self._count -= first - start
            if first < stop:
                return self._cut(first, stop, elsewhere)
        return None

    def _cut(self, start: int, stop: int, elsewhere: Callable[[int], bool]) -> WorkItem:
        """A pack from the start of a stretch, whose rest stays first in the queue."""
        seconds, size = self._size()
        end = next((i for i in range(start + 1, min(stop, start + size)) if elsewhere(i)), None)
        pack = WorkItem(start, end or min(stop, start + size), seconds)
        if pack.stop < stop:
            self._left.appendleft((pack.stop, stop))
        self._count -= pack.stop - pack.start
        self._out += 1
        return pack

    def give_back(self, pack: WorkItem, at: int, seconds: float) -> None:
        """A worker has come to its end with a pack.

        Args:
            pack: the pack.
            at: index of the first trial that it has not begun.
            seconds: that it took.
        """
        self._out -= 1
        self._trials = self._trials / 2 + (at - pack.start)
        self._seconds = self._seconds / 2 + seconds
        self._give((at, pack.stop))

    def lose(self, pack: WorkItem, written: int, at: int, stop: int) -> int | None:
        """A pack's worker has died; what of it is not written comes next.

        Trials that it was training side by side come back in halves, so that in the end the one
        that it died of, if it did, is alone.

        Args:
            pack: the pack.
            written: index of the first trial whose rows may not be written.
            at: index of the first trial that it was training; those before had come to their end.
            stop: index after the last that it was training.

        Returns:
            The trial that it was training, where it was the pack's last: it comes back only by
            `again`. Where others followed, the worker may have been at one of them meanwhile; then
            it comes back alone.
        """
        self._out -= 1
        middle = (at + stop) // 2
        stretches = [(at, middle), (middle, stop), (written, at), (stop, pack.stop)]
        suspect = at if at + 1 == pack.stop else None
        if suspect is not None:
            stretches = stretches[2:]
        for first, last in reversed(stretches):
            self._give((first, last))
        return suspect

    def again(self, index: int) -> None:
        """A trial whose worker died is to be tried once more, before all others."""
        self._give((index, index + 1))

    def drop(self) -> None:
        """Hand out nothing more."""
        self._left.clear()
        self._count = 0

    def _give(self, stretch: tuple[int, int]) -> None:
        start, stop = stretch
        if start < stop:
            self._left.appendleft(stretch)
            self._count += stop - start

    def _size(self) -> tuple[float, int]:
        """Seconds and trials of the next pack."""
        even = math.ceil(self._count / (2 * self._workers))
        if not self._trials:
            return _FIRST, max(even, self._least)
        each = self._seconds / self._trials
        seconds = min(_SECONDS, each * even)
        return seconds, max(self._least, math.ceil(seconds / each) if each else even)
