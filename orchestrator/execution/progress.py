"""The progress of a run: a live bar in a terminal, a line now and then where piped."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.progress import Task as RichTask
from rich.text import Text

from orchestrator.execution.throughput import Throughput
from orchestrator.formatting import clock, many

#: Seconds between two lines where the output is no terminal.
_LINE = 10.0


class _Rate(TextColumn):
    """Busy workers, failed trials, finished trials a minute and the time left."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: RichTask) -> Text:
        """What `Counts` says."""
        return Text(task.fields["about"])


class Counts:
    """Counts trials and words the counts.

    Args:
        total: trials to run.
    """

    def __init__(self, total: int) -> None:
        self.total, self.finished, self.failed, self.running, self.lost = total, 0, 0, 0, 0
        self._pace = Throughput()

    def note(self, worker: str, report: Mapping[str, Any]) -> None:
        """Count what a worker reports: trials that have just ended, and those in hand."""
        self.finished += report.get("finished", 0)
        self.failed += report.get("failed", 0)
        self._pace.note(worker, report)

    def lose(self, worker: str) -> None:
        """Count a worker that died."""
        self.lost += 1
        self._pace.drop(worker)

    def words(self) -> str:
        """Such as ``2 workers · 24.1 trials/min · 35 s left``."""
        parts = [many(self.running, "worker")]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.lost:
            parts.append(f"{self.lost} lost and replaced")
        if rate := self._pace.rate():
            left = max(0.0, self.total - self._pace.done) / rate
            parts += [f"{rate * 60:.1f} trials/min", f"{clock(left)} left"]
        return " · ".join(parts)


class Progress:
    """Shows how far a run's trials are.

    Args:
        study: the study's name.
        total: trials to run.

    """

    def __init__(self, study: str, total: int) -> None:
        self._study, self._counts = study, Counts(total)
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
            self._task = self._bar.add_task(self._study, total=self._counts.total, about="starting")
            self._bar.start()

    def note(self, worker: str, report: Mapping[str, Any]) -> None:
        """Count what a worker reports."""
        self._counts.note(worker, report)

    def lose(self, worker: str) -> None:
        """Count a worker that died."""
        self._counts.lose(worker)

    def show(self, running: int) -> None:
        """Show the counts, with so many workers at work."""
        counts = self._counts
        counts.running = running
        ended = counts.finished + counts.failed
        if self._bar:
            self._bar.update(self._task, completed=ended, about=counts.words())
        elif time.monotonic() - self._printed > _LINE:
            self._printed = time.monotonic()
            print(f"{self._study}: {ended}/{counts.total} · {counts.words()}", file=sys.stderr)

    def close(self) -> None:
        """Close the bar."""
        if self._bar:
            self._bar.update(self._task, about="")
            self._bar.stop()
