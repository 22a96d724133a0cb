"""How fast trials get done, those that are in training counted by the epochs that are over."""

import time
from collections.abc import Callable, Mapping
from typing import Any

#: Seconds that are looked at before a rate is told: what is seen in less says little.
_LEAST = 3.0


class Throughput:
    """Tells trials a second from the workers' reports.

    Time counts from the first report of an epoch that is over: before it workers start, and import
    PyTorch, which takes as long as many a trial. A rate of finished trials alone would be far too
    low as long as most are still in hand.

    Args:
        clock: tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ended, self._in_hand = 0, dict[str, float]()
        self._first: tuple[float, float] | None = None

    @property
    def done(self) -> float:
        """Trials that have ended, and the parts of those in hand that are done."""
        return self._ended + sum(self._in_hand.values())

    def note(self, worker: str, report: Mapping[str, Any]) -> None:
        """Take a worker's report; what it holds is told by `worker.Worker.step`."""
        self._ended += report.get("finished", 0) + report.get("failed", 0)
        trials = report.get("until", 0) - report.get("at", 0)
        self._in_hand[worker] = trials * report.get("fraction", 0.0)
        if self._first is None and self.done:
            self._first = (self._clock(), self.done)

    def drop(self, worker: str) -> None:
        """Forget what a worker has in hand: it has ended, or is lost."""
        self._in_hand.pop(worker, None)

    def rate(self) -> float | None:
        """Trials a second; None as long as nothing can be said."""
        if self._first is None:
            return None
        seconds, done = self._clock() - self._first[0], self.done - self._first[1]
        return done / seconds if seconds >= _LEAST and done > 0 else None
