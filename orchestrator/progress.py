"""The progress of a run: a live bar in a terminal, a line now and then where piped."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.progress import Task as RichTask
from rich.text import Text

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
        self._started: float | None = None

    def add(self, finished: int, failed: int) -> None:
        """Count trials that have just come to their end."""
        self.finished += finished
        self.failed += failed

    def start(self) -> None:
        """The first worker is at work: rates count from here, without the start of Ray."""
        self._started = self._started or time.monotonic()

    def words(self) -> str:
        """Such as ``2 workers · 24.1 trials/min · 0:35 left``."""
        parts = [f"{self.running} worker{'s' if self.running != 1 else ''}"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.lost:
            parts.append(f"{self.lost} lost and replaced")
        seconds = time.monotonic() - (self._started or time.monotonic())
        if self.finished and seconds > 0:
            rate = self.finished / seconds
            left = round(max(0, self.total - self.finished - self.failed) / rate)
            parts += [f"{rate * 60:.1f} trials/min", f"{left // 60}:{left % 60:02d} left"]
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

    def start(self) -> None:
        """The first worker is at work."""
        self._counts.start()

    def add(self, finished: int, failed: int) -> None:
        """Count trials that have just come to their end."""
        self._counts.add(finished, failed)

    def lose(self) -> None:
        """Count a worker that died."""
        self._counts.lost += 1

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
