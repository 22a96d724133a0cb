"""How many trials a second are finished; those in training count by the epochs that are over."""

import time
from collections.abc import Callable, Sequence

from orchestrator.execution.messages import WorkerReport
from studies.trial import Trial

#: Seconds to observe before a rate is given: a shorter time says little.
_LEAST = 3.0


def lengths(trials: Sequence[Trial]) -> list[float]:
    """The epochs of each trial, as multiples of their mean."""
    epochs = [trial.epochs for trial in trials]
    mean = max(1, sum(epochs)) / max(1, len(epochs))
    return [each / mean for each in epochs]


class Throughput:
    """Computes trials of mean length a second from the workers' reports.

    Time counts from the first report of an epoch that is over: before it workers start and import
    PyTorch, which takes as long as many trials. A rate of finished trials alone would be far too
    low as long as most are in training.

    Args:
        lengths: of all trials, in the order in which they are counted; see `lengths`.
        clock: gives the time in seconds.
    """

    def __init__(
        self, lengths: Sequence[float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lengths, self._clock = lengths, clock
        self._ended, self._in_training = 0.0, dict[str, float]()
        self._first: tuple[float, float] | None = None

    @property
    def done(self) -> float:
        """Trials that have ended, plus the fractions of those in training that are over.

        In multiples of a trial of mean length.
        """
        return self._ended + sum(self._in_training.values())

    def note(self, item: str, report: WorkerReport) -> None:
        """Take a worker's report on the work item of this name."""
        ended = report.finished + report.failed
        self._ended += sum(self._lengths[report.at - ended : report.at])
        in_training = sum(self._lengths[report.at : report.until])
        self._in_training[item] = in_training * report.fraction
        if self._first is None and self.done:
            self._first = (self._clock(), self.done)

    def drop(self, item: str) -> None:
        """Forget what is in training of a work item: it has ended, or its worker has died."""
        self._in_training.pop(item, None)

    def rate(self) -> float | None:
        """Trials of mean length a second; None as long as nothing can be said."""
        if self._first is None:
            return None
        seconds, done = self._clock() - self._first[0], self.done - self._first[1]
        return done / seconds if seconds >= _LEAST and done > 0 else None
