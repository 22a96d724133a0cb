"""Prints a job's output while the job runs."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from orchestrator.jobs.job import Job, JobPlace, LostError

#: Seconds between two requests, and seconds for which a lost connection is tried again.
_INTERVAL, _PATIENCE = 1.0, 180.0
#: Seconds for which the log of a job that has ended is tried again.
_NO_LOG = 20.0
#: Requests take at most this fraction of the time, however long the log is, unless that would mean
#: more than so many seconds between two: a request also takes long where the network was away.
_SHARE, _LONGEST = 0.05, 10.0

#: Lines of Ray that say nothing about the study.
_NOISE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\tINFO \S+\.py:\d+ -- |Running entrypoint for job "
)
#: A line that only shows progress; it replaces the previous such line.
_PROGRESS = re.compile(r"(\[\d+\] )?\S+: \d+/\d+ · ")


class Screen:
    """Prints lines; in a terminal, a line of progress replaces the previous one."""

    def __init__(self, live: Live | None) -> None:
        self._live = live

    def line(self, text: str) -> None:
        """Print a line."""
        if self._live is None:
            print(text, flush=True)
        elif _PROGRESS.match(text):
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)
        else:
            self._live.update(Group(), refresh=True)  # remove the last progress
            self._live.console.print(Text(text), soft_wrap=True)


@contextmanager
def screen() -> Iterator[Screen]:
    """Yield the screen: a terminal, or whatever the output is piped to."""
    console = Console(highlight=False)
    if not console.is_terminal:
        yield Screen(None)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield Screen(live)


def follow(jobs: JobPlace, job: Job, shown: int = 0, seconds: float = float("inf")) -> Job | None:
    """Print a job's output until the job ends.

    A lost connection is tried again for some minutes.

    Args:
        jobs: the cluster's jobs.
        job: the job.
        shown: the number of lines of its log that have been printed already.
        seconds: return after this time even if the job has not ended.

    Returns:
        The job in its last known state; None if the cluster no longer knows it.

    Raises:
        LostError: the connection does not come back.
    """
    until = time.monotonic() + seconds
    with screen() as output:
        while True:
            began = time.monotonic()
            job_and_log = _job_and_log(jobs, job.id)
            if job_and_log is None:
                return None
            now, log = job_and_log
            complete = log if now.over else log[: log.rfind("\n") + 1]
            lines = complete.splitlines()
            for line in lines[shown:]:
                if not _NOISE.match(line):
                    output.line(line)
            shown = max(shown, len(lines))
            if now.over or time.monotonic() > until:
                return now
            time.sleep(max(_INTERVAL, min(_LONGEST, (time.monotonic() - began) / _SHARE)))


def summary(log: str) -> list[str]:
    """Return the lines of a log, without Ray's own, and with only the last line of progress."""
    lines = [line for line in log.splitlines() if not _NOISE.match(line)]
    last = max((i for i, line in enumerate(lines) if _PROGRESS.match(line)), default=-1)
    return [line for i, line in enumerate(lines) if i == last or not _PROGRESS.match(line)]


def _job_and_log(jobs: JobPlace, job_id: str) -> tuple[Job, str] | None:
    """Return a job and its log; None if the cluster does not know the job.

    The log is read after the job, so the log of a job that has ended is complete. If it is lost
    together with the node where the job ran, the job is returned without it.

    Raises:
        LostError: the cluster has not answered for some minutes.
    """
    lost_since, now = None, None
    while True:
        try:
            now = jobs.get(job_id)
            return None if now is None else (now, jobs.log(job_id))
        except LostError as error:
            if now and now.over and lost_since and time.monotonic() - lost_since > _NO_LOG:
                return now, ""
            if lost_since is None:
                lost_since = time.monotonic()
                print(
                    f"untuned: {error}; trying again for {_PATIENCE / 60:.0f} minutes",
                    file=sys.stderr,
                )
            elif time.monotonic() - lost_since > _PATIENCE:
                raise
            time.sleep(2 * _INTERVAL)
