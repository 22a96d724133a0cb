"""How many trials a second are finished; those in training count by the epochs that are over."""

import time
from collections.abc import Callable, Sequence

from orchestrator.execution.messages import WorkerReport
from studies.trial import Trial

#: Seconds to observe before a rate is given: a shorter time says little.
_LEAST = 3.0


class Throughput:
    """Computes trials of mean length a second from the workers' reports.

    Time counts from the first report of an epoch that is over: before it workers start and import
    PyTorch, which takes as long as many trials. A rate of finished trials alone would be far too
    low as long as most are in training.

    Args:
        trials: all trials of a round, in the order in which reports count them.
        clock: gives the time in seconds.

    Attributes:
        total: how many trials there are.
    """

    def __init__(
        self, trials: Sequence[Trial], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = len(trials)
        self._lengths, self._clock = _lengths(trials), clock
        self._ended, self._reports = 0.0, dict[str, WorkerReport]()
        self._first: tuple[float, float] | None = None

    @property
    def done(self) -> float:
        """Trials that have ended, plus the fractions of those in training that are over.

        In multiples of a trial of mean length.
        """
        reports = self._reports.values()
        return self._ended + sum(self._length(r.at, r.until) * r.fraction for r in reports)

    def note(self, item: str, report: WorkerReport) -> None:
        """Take a worker's report on the work item of this name.

        Trials have ended where the worker has gone on to the next ones. In a pack some end before
        the others; until then they count like these.
        """
        before = self._reports.get(item, report)
        self._ended += self._length(before.at, report.at)
        self._reports[item] = report
        if self._first is None and self.done:
            self._first = (self._clock(), self.done)

    def end(self, item: str) -> None:
        """Forget what is in training of a work item: it has ended."""
        self._reports.pop(item, None)

    def lose(self, item: str) -> None:
        """Take back what a worker that died has not written of a work item: it is trained again."""
        if report := self._reports.pop(item, None):
            self._ended -= self._length(report.first_unwritten, report.at)

    def rate(self) -> float | None:
        """Trials of mean length a second; None as long as nothing can be said."""
        if self._first is None:
            return None
        seconds, done = self._clock() - self._first[0], self.done - self._first[1]
        return done / seconds if seconds >= _LEAST and done > 0 else None

    def _length(self, start: int, stop: int) -> float:
        return sum(self._lengths[start:stop])


def _lengths(trials: Sequence[Trial]) -> list[float]:
    """The epochs of each trial, as multiples of their mean."""
    epochs = [trial.epochs for trial in trials]
    mean = max(1, sum(epochs)) / max(1, len(epochs))
    return [each / mean for each in epochs]
