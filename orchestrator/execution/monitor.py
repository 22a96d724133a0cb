"""Follows a round of training: shows the progress, and passes on what goes wrong."""

import re
import sys
import time
from collections.abc import Callable

from orchestrator.execution.loggers import Loggers
from orchestrator.execution.messages import WorkerReport
from orchestrator.execution.progress import Progress
from orchestrator.execution.retries import Fault, Retries, of_its_trial
from orchestrator.execution.stop_signal import StopSignal
from orchestrator.execution.throughput import Throughput
from orchestrator.formatting import many

#: Seconds without a worker after which the user learns why.
_NO_WORKER = 20.0


class Monitor:
    """What an executor tells about its work items, for the user and for the run's end.

    Args:
        study: the study's name.
        throughput: of the round; the scheduler keeps it up to date.
        retries: records the trials whose workers died.
        stop: is set where going on is useless.
        loggers: take the epochs that workers report.
        fail_fast: whether the first failure ends the run.

    Attributes:
        errors: of workers that died, each with its traceback.
    """

    def __init__(
        self,
        study: str,
        throughput: Throughput,
        retries: Retries,
        stop: StopSignal,
        loggers: Loggers,
        *,
        fail_fast: bool,
    ) -> None:
        self._study, self._retries, self._stop, self._loggers = study, retries, stop, loggers
        self._fail_fast = fail_fast
        self._progress = Progress(study, throughput)
        self._printed = set[str]()
        self._without_worker_since: float | None = None
        self.errors: list[str] = []

    def open(self) -> None:
        """Begin to show the progress."""
        self._progress.open()

    def close(self) -> None:
        """Stop showing the progress."""
        self._progress.close()

    def show(self, workers: int) -> None:
        """Show the progress, with so many workers at work."""
        self._progress.show(workers)

    def note_workers(self, workers: int, shortage: Callable[[], str]) -> None:
        """Print why no worker has started for a while, once.

        Args:
            workers: how many are at work.
            shortage: returns what they lack; empty if they lack nothing.
        """
        now = time.monotonic()
        if workers or self._without_worker_since is None:
            self._without_worker_since = None if workers else now
        elif now - self._without_worker_since > _NO_WORKER and "shortage" not in self._printed:
            if lacking := shortage():
                self._printed.add("shortage")
                print(f"{self._study}: waiting for a worker: {lacking}", file=sys.stderr)
            self._without_worker_since = now

    def note_shortage_of_memory(self, workers: int) -> None:
        """Print that memory suffices for so many workers only."""
        print(
            f"{self._study}: memory ran out; going on with {many(workers, 'worker')}",
            file=sys.stderr,
        )

    def note(self, item: str, report: WorkerReport) -> None:
        """Take a worker's report on a work item."""
        self._progress.note(item, report)
        self._note_trouble(report)
        self._loggers.note(report.logged)
        if report.failed and self._fail_fast:
            self._stop.reason = "a trial failed, and --fail-fast was given"

    def worker_died(
        self,
        item: str,
        reason: str,
        fault: Callable[[int], Fault] = of_its_trial,
    ) -> None:
        """A worker died, or is out of sight; the unfinished trials of its work item come again.

        Args:
            item: the name of the work item.
            reason: why it died.
            fault: whose fault it was, given the worker's process id; see `Retries.explain`.
        """
        self.errors.append(reason)
        if self._retries.explain(item, reason, fault) and self._fail_fast:
            self._stop.reason = "a trial's worker died, and --fail-fast was given"
        self._progress.worker_died(item)

    def explain(self, item: str, reason: str) -> None:
        """Record why a work item's trial failed whose worker was killed; see `Retries.explain`."""
        self._retries.explain(item, reason)

    def _note_trouble(self, report: WorkerReport) -> None:
        """Print what keeps workers from writing, once for each folder and reason."""
        if report.hopeless:
            self._stop.reason = f"results cannot be written: {report.trouble}"
        kind = re.sub(r"[^/]*: |\(.*", "", report.trouble)  # without the file's name and size
        if report.trouble and kind not in self._printed:
            self._printed.add(kind)
            print(f"{self._study}: waiting, since {report.trouble}", file=sys.stderr)
