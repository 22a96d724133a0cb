"""The progress of a run: a live bar in a terminal, a line now and then where piped."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.progress import Task as RichTask
from rich.text import Text

from orchestrator.execution.messages import WorkerReport
from orchestrator.execution.throughput import Throughput
from orchestrator.formatting import clock, many

#: Seconds between two lines where the output is no terminal.
_LINE = 10.0


class _Rate(TextColumn):
    """Busy workers, failed trials, finished trials a minute and the time left."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: RichTask) -> Text:
        """The words of `Counts`."""
        return Text(task.fields["words"])


class Counts:
    """Counts trials, and puts the counts into words.

    Args:
        throughput: of the round; the scheduler keeps it up to date.
    """

    def __init__(self, throughput: Throughput) -> None:
        self.finished, self.failed, self.running, self.died = 0, 0, 0, 0
        self._throughput = throughput
        #: For each work item the finished and failed trials that its worker's death would undo.
        self._undone = dict[str, tuple[int, int]]()

    @property
    def total(self) -> int:
        """How many trials there are."""
        return self._throughput.total

    @property
    def ended(self) -> int:
        """How many trials have finished or failed."""
        return self.finished + self.failed

    def note(self, item: str, report: WorkerReport) -> None:
        """Count the trials that have ended since a worker's last report."""
        self.finished += report.finished
        self.failed += report.failed
        self._undone[item] = report.retrained_finished, report.retrained_failed

    def worker_died(self, item: str) -> None:
        """Count a worker that died at a work item; what it had not written is trained again."""
        self.died += 1
        finished, failed = self._undone.pop(item, (0, 0))
        self.finished -= finished
        self.failed -= failed

    def words(self) -> str:
        """Such as ``2 workers · 24.1 trials/min · 35 s left``."""
        parts = [many(self.running, "worker")]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.died:
            parts.append(f"{many(self.died, 'worker')} died and replaced")
        if rate := self._throughput.rate():
            left = max(0.0, self.total - self._throughput.done) / rate
            parts += [f"{rate * 60:.1f} trials/min", f"{clock(left)} left"]
        return " · ".join(parts)


class Progress:
    """Shows how far a run's trials are.

    Args:
        study: the study's name.
        throughput: of the round; the scheduler keeps it up to date.
    """

    def __init__(self, study: str, throughput: Throughput) -> None:
        self._study, self._counts = study, Counts(throughput)
        self._bar: Bar | None = None
        self._printed = time.monotonic()

    def open(self) -> None:
        """Open the bar, in a terminal."""
        console = Console(stderr=True)
        if console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(finished_style="green"),
                MofNCompleteColumn(),
                _Rate(),
            )
            self._bar = Bar(*columns, console=console)
            self._task = self._bar.add_task(self._study, total=self._counts.total, words="starting")
            self._bar.start()

    def note(self, item: str, report: WorkerReport) -> None:
        """Count what a worker reports about a work item."""
        self._counts.note(item, report)

    def worker_died(self, item: str) -> None:
        """Count a worker that died at a work item."""
        self._counts.worker_died(item)

    def show(self, running: int) -> None:
        """Show the counts, and how many workers are at work."""
        counts = self._counts
        counts.running = running
        if self._bar:
            self._bar.update(self._task, completed=counts.ended, words=counts.words())
        elif time.monotonic() - self._printed > _LINE:
            self._printed = time.monotonic()
            print(
                f"{self._study}: {counts.ended}/{counts.total} · {counts.words()}", file=sys.stderr
            )

    def close(self) -> None:
        """Close the bar."""
        if self._bar:
            self._bar.update(self._task, words="")
            self._bar.stop()
