"""The progress of a run: a live bar in a terminal, a line now and then where piped."""

import sys
import time
from typing import Any

from ray.tune import Callback
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
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
        clock: seconds, monotonic.
    """

    def __init__(self, total: int) -> None:
        self.total, self.finished, self.failed, self.running = total, 0, 0, 0
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
        seconds = time.monotonic() - (self._started or time.monotonic())
        if self.finished and seconds > 0:
            rate = self.finished / seconds
            left = round((self.total - self.finished - self.failed) / rate)
            parts += [f"{rate * 60:.1f} trials/min", f"{left // 60}:{left % 60:02d} left"]
        return " · ".join(parts)


class ProgressBar(Callback):
    """Shows the progress of the packs' trials while Ray Tune runs them.

    Args:
        study: the study's name.
        total: trials to run.
    """

    def __init__(self, study: str, total: int) -> None:
        self._study, self._counts = study, Counts(total)
        self._bar: Progress | None = None
        self._printed = time.monotonic()
        self.errors: list[str] = []

    def setup(self, *args: Any, **kwargs: Any) -> None:
        """Open the bar (here, because Ray Tune copies callbacks before it starts)."""
        console = Console(stderr=True)
        if console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(finished_style="green"),
                MofNCompleteColumn(),
                _Rate(),
            )
            self._bar = Progress(*columns, console=console)
            self._task = self._bar.add_task(self._study, total=self._counts.total, about="starting")
            self._bar.start()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A pack starts."""
        self._counts.start()
        self._show(trials)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A worker reports."""
        self._counts.add(result.get("finished", 0), result.get("failed", 0))
        self._show(trials)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A worker died; its pack's unfinished trials are planned again."""
        self.errors.append(str(trial.get_error() or "a worker died"))
        self._show(trials)

    def close(self) -> None:
        """Close the bar."""
        if self._bar:
            self._bar.update(self._task, about="")
            self._bar.stop()

    def _show(self, trials: list[Any]) -> None:
        counts = self._counts
        counts.running = sum(trial.status == "RUNNING" for trial in trials)
        ended = counts.finished + counts.failed
        if self._bar:
            self._bar.update(self._task, completed=ended, about=counts.words())
        elif time.monotonic() - self._printed > _LINE:
            self._printed = time.monotonic()
            print(f"{self._study}: {ended}/{counts.total} · {counts.words()}", file=sys.stderr)
