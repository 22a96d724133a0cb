"""Cuts the trials of a run into packs while it goes on, by how long they turn out to take."""

import math
from collections import deque
from dataclasses import dataclass

#: Seconds of work in a pack: large enough for what scheduling one costs (some 50 ms) not to matter.
_SECONDS = 20.0
#: Seconds of the first packs, which tell how long a trial takes.
_FIRST = 2.0


@dataclass(frozen=True)
class Pack:
    """Trials that stand next to each other in a run's order; the unit that Ray Tune schedules.

    Attributes:
        start: index of the first.
        stop: index after the last.
        seconds: after which a worker gives back what it has not begun.
    """

    start: int
    stop: int
    seconds: float


class Shares:
    """Hands out packs, smaller ones towards the end, so that all workers end at about one time.

    Args:
        total: how many trials there are.
        workers: how many packs are out at one time.
        least: trials in a pack at least, as far as there are so many.
    """

    def __init__(self, total: int, workers: int, least: int = 1) -> None:
        self._left = deque([(0, total)] if total else [])
        self._count, self._workers, self._least = total, workers, least
        self._out = 0
        #: Trials and seconds of the packs that came back, older ones counting less.
        self._trials = self._seconds = 0.0

    @property
    def ended(self) -> bool:
        """Whether all packs have come back and nothing is left."""
        return not self._left and not self._out

    def take(self) -> Pack | None:
        """The next pack; None if there is none now, but one may still be given back."""
        if not self._left:
            return None
        seconds, size = self._size()
        start, stop = self._left.popleft()
        pack = Pack(start, min(stop, start + size), seconds)
        if pack.stop < stop:
            self._left.appendleft((pack.stop, stop))
        self._count -= pack.stop - pack.start
        self._out += 1
        return pack

    def give_back(self, pack: Pack, at: int, seconds: float) -> None:
        """A worker has come to its end with a pack.

        Args:
            pack: the pack.
            at: index of the first trial that it has not begun.
            seconds: that it took.
        """
        self._out -= 1
        self._trials = self._trials / 2 + (at - pack.start)
        self._seconds = self._seconds / 2 + seconds
        if at < pack.stop:
            self._left.appendleft((at, pack.stop))
            self._count += pack.stop - at

    def lose(self) -> None:
        """A pack's worker has died; what of it is not finished is for the next plan."""
        self._out -= 1

    def _size(self) -> tuple[float, int]:
        """Seconds and trials of the next pack."""
        even = math.ceil(self._count / (2 * self._workers))
        if not self._trials:
            return _FIRST, max(even, self._least)
        each = self._seconds / self._trials
        seconds = min(_SECONDS, each * even)
        return seconds, max(self._least, math.ceil(seconds / each) if each else even)
