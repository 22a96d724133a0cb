"""Shows what a job prints while it prints it."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from orchestrator.jobs.client import Job, Jobs, LostError

#: Seconds between two looks at a job, and for how long a lost connection is tried again.
_LOOK, _PATIENCE = 1.0, 180.0
#: A look may take this share of the time at most, however long the log is.
_SHARE = 0.05

#: Lines of Ray's own that say nothing of the study.
_NOISE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\tINFO \S+\.py:\d+ -- |Running entrypoint for job "
)
#: A line that only says how far a run is, and takes the place of the one before it.
_PROGRESS = re.compile(r"\S+: \d+/\d+ · ")


class Screen:
    """Prints lines: in a terminal one that tells of progress takes the place of the last such."""

    def __init__(self, live: Live | None) -> None:
        self._live = live

    def line(self, text: str) -> None:
        """Show a line."""
        if self._live is None:
            print(text, flush=True)
        elif _PROGRESS.match(text):
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)
        else:
            self._live.update(Group(), refresh=True)  # how far it was then
            self._live.console.print(Text(text), soft_wrap=True)


@contextmanager
def screen() -> Iterator[Screen]:
    """The terminal, or what the output is piped to."""
    console = Console(highlight=False)
    if not console.is_terminal:
        yield Screen(None)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield Screen(live)


def follow(jobs: Jobs, job: Job, shown: int = 0, seconds: float = float("inf")) -> Job | None:
    """Show what a job prints until it ends.

    A connection that is lost is tried again for a while.

    Args:
        jobs: of the cluster.
        job: the job.
        shown: how many lines of its log have been shown already.
        seconds: after which it is left alone.

    Returns:
        The job as it is then; None if the cluster no longer knows it.

    Raises:
        LostError: the connection is lost for good.
    """
    until = time.monotonic() + seconds
    with screen() as output:
        while True:
            began = time.monotonic()
            found = _look(jobs, job.id)
            if found is None:
                return None
            now, text = found
            whole = text if now.over else text[: text.rfind("\n") + 1]
            lines = whole.splitlines()
            for line in lines[shown:]:
                if not _NOISE.match(line):
                    output.line(line)
            shown = max(shown, len(lines))
            if now.over or time.monotonic() > until:
                return now
            time.sleep(max(_LOOK, (time.monotonic() - began) / _SHARE))


def told(text: str) -> list[str]:
    """The lines of a log without Ray's own, and of those that tell of progress the last."""
    lines = [line for line in text.splitlines() if not _NOISE.match(line)]
    last = max((i for i, line in enumerate(lines) if _PROGRESS.match(line)), default=-1)
    return [line for i, line in enumerate(lines) if i == last or not _PROGRESS.match(line)]


def _look(jobs: Jobs, job_id: str) -> tuple[Job, str] | None:
    """A job and then its log, so that the log of one that has ended is whole.

    Raises:
        LostError: the cluster has not answered for long.
    """
    lost = None
    while True:
        try:
            now = jobs.about(job_id)
            return None if now is None else (now, jobs.log(job_id))
        except LostError as error:
            if lost is None:
                lost = time.monotonic()
                print(
                    f"untuned: {error}; trying again for {_PATIENCE / 60:.0f} minutes",
                    file=sys.stderr,
                )
            elif time.monotonic() - lost > _PATIENCE:
                raise
            time.sleep(2 * _LOOK)
