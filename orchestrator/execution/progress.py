"""The progress of a run: a live bar in a terminal, a line now and then where piped."""

import sys
import time
from collections.abc import Sequence

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
        lengths: of the trials to run; see `throughput.lengths`.
    """

    def __init__(self, lengths: Sequence[float]) -> None:
        self.total = len(lengths)
        self.finished, self.failed, self.running, self.died = 0, 0, 0, 0
        self._throughput = Throughput(lengths)

    def note(self, item: str, report: WorkerReport) -> None:
        """Count what a worker reports: trials that have just ended, and those in training."""
        self.finished += report.finished
        self.failed += report.failed
        self._throughput.note(item, report)

    def worker_died(self, item: str) -> None:
        """Count a worker that died at a work item."""
        self.died += 1
        self._throughput.drop(item)

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
        lengths: of the trials to run; see `throughput.lengths`.
    """

    def __init__(self, study: str, lengths: Sequence[float]) -> None:
        self._study, self._counts = study, Counts(lengths)
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
        ended = counts.finished + counts.failed
        if self._bar:
            self._bar.update(self._task, completed=ended, words=counts.words())
        elif time.monotonic() - self._printed > _LINE:
            self._printed = time.monotonic()
            print(f"{self._study}: {ended}/{counts.total} · {counts.words()}", file=sys.stderr)

    def close(self) -> None:
        """Close the bar."""
        if self._bar:
            self._bar.update(self._task, words="")
            self._bar.stop()
