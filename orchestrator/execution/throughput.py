"""How many trials a second are finished; those in training count by the epochs that are over."""

import time
from collections.abc import Callable

from orchestrator.execution.messages import WorkerReport

#: Seconds to observe before a rate is given: a shorter time says little.
_LEAST = 3.0


class Throughput:
    """Computes trials a second from the workers' reports.

    Time counts from the first report of an epoch that is over: before it workers start and import
    PyTorch, which takes as long as many trials. A rate of finished trials alone would be far too
    low as long as most are in training.

    Args:
        clock: gives the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ended, self._in_training = 0, dict[str, float]()
        self._first: tuple[float, float] | None = None

    @property
    def done(self) -> float:
        """Trials that have ended, plus the fractions of those in training that are over."""
        return self._ended + sum(self._in_training.values())

    def note(self, item: str, report: WorkerReport) -> None:
        """Take a worker's report on the work item of this name."""
        self._ended += report.finished + report.failed
        self._in_training[item] = (report.until - report.at) * report.fraction
        if self._first is None and self.done:
            self._first = (self._clock(), self.done)

    def drop(self, item: str) -> None:
        """Forget what is in training of a work item: it has ended, or its worker has died."""
        self._in_training.pop(item, None)

    def rate(self) -> float | None:
        """Trials a second; None as long as nothing can be said."""
        if self._first is None:
            return None
        seconds, done = self._clock() - self._first[0], self.done - self._first[1]
        return done / seconds if seconds >= _LEAST and done > 0 else None
