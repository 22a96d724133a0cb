"""A task of a Slurm array: a run in a process of its own, which is asked to end when it must.

submitit starts `Task`, and calls `checkpoint` where Slurm announces that the task is preempted or
that its time is over; then it requeues the task.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from orchestrator.execution.heartbeat import JOB

#: What a job's id begins with; Slurm's own number follows.
PREFIX = "slurm-"
#: Seconds that a run may take to end, of those between the announcement and the end.
SIGNAL_SECONDS, END_SECONDS = 120, 100
#: Seconds to wait, after SIGTERM, for the announcement that may follow it.
_ANNOUNCEMENT = 5.0
#: The C library, where it is Linux's, and what asks it for a signal when the parent dies.
_LIBRARY = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


class Task:
    """Runs a study as one of several runs that join it.

    Args:
        arguments: of the command `untuned`.
        environment: variables that the run gets beside those of the task.
        output: the file that takes what the run prints.
        ended: the file that says how it ended, as JSON.
        stopped: the file that says that the job was asked to end.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        output: Path,
        ended: Path,
        stopped: Path,
    ) -> None:
        self._arguments, self._environment = list(arguments), dict(environment)
        self._output, self._ended, self._stopped = str(output), str(ended), str(stopped)
        self._run: subprocess.Popen[bytes] | None = None
        self._signal = 0

    def __call__(self) -> int:
        """Run to the end and return the exit code.

        A task that was being requeued when its job was stopped begins again, and ends at once.
        """
        if Path(self._stopped).exists():
            return self._note_end(128 + signal.SIGINT)
        command = [sys.executable, "-m", "orchestrator.cli", *self._arguments]
        with open(self._output, "ab") as output:  # noqa: PTH123
            self._run = run = subprocess.Popen(  # noqa: S603
                command,
                env=os.environ | self._environment | _job(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_prepare_run,
            )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._pass_on)
        while run.poll() is None:
            time.sleep(0.1)
        if self._signal == signal.SIGTERM:
            time.sleep(_ANNOUNCEMENT)
        return self._note_end(int(run.returncode))

    def checkpoint(self) -> Any:
        """End the run in good order, or at once if that takes too long; return what is requeued."""
        from submitit.helpers import DelayedSubmission

        self._pass_on(signal.SIGTERM, None)
        until = time.monotonic() + END_SECONDS
        while self._run and _runs(self._run.pid):
            if time.monotonic() > until:
                os.kill(self._run.pid, signal.SIGKILL)
            time.sleep(0.1)
        again = Task(
            self._arguments,
            self._environment,
            output=Path(self._output),
            ended=Path(self._ended),
            stopped=Path(self._stopped),
        )
        return DelayedSubmission(again)

    def _note_end(self, code: int) -> int:
        """Write how the task ended, and return its exit code."""
        content = json.dumps({"code": code, "ended": time.time()})
        temporary = Path(f"{self._ended}.new")
        temporary.write_text(content, encoding="utf-8")
        temporary.replace(self._ended)
        return code

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        """Ask the run to end; a second signal would end it at once, so only the first counts."""
        if self._run and not self._signal:
            self._signal = number
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._run.pid, number)


def _job() -> dict[str, str]:
    """Return the variable that names the job that this task belongs to; none outside of Slurm."""
    number = os.environ.get("SLURM_ARRAY_JOB_ID")
    return {JOB: f"{PREFIX}{number}"} if number else {}


def _prepare_run() -> None:
    """In the run's process: ignore the announcements, and end in good order if the task dies."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    if _LIBRARY is not None:
        _LIBRARY.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _runs(pid: int) -> bool:
    """Whether a child process still runs; it is not reaped.

    A signal's handler cannot use `Popen.poll`, whose lock the interrupted code may hold.
    """
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False
