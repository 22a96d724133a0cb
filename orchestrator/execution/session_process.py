"""A session in a process of its own, and the signals that end it."""

import os
import signal
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Union

from orchestrator.execution import session_child, spawned

if TYPE_CHECKING:
    from orchestrator.execution.inline_session import InlineSession
    from orchestrator.execution.messages import RunRequest, SessionEnd, SessionMessage

#: How many characters of a dead session's last output are kept in its log.
_LAST_OUTPUT = 20_000
#: Seconds without a word from a session between looks at whether its workers can start.
_QUIET = 30.0


class SessionProcess:
    """A session in a process of its own, which ends when this one ends.

    It has left the terminal's process group: Ctrl-C reaches this process alone, which passes it on.
    It is started before what it is to do is known, and imports what it needs meanwhile. Use it as a
    context, which ends it if it has not come to its end.

    Args:
        address: that of the request to come, see `RunRequest`.

    Attributes:
        training: whether the session has begun to train.
    """

    def __init__(self, address: str | None) -> None:
        self.training = False
        self._address = address
        handle, output = tempfile.mkstemp(prefix="untuned-", suffix=".log")
        os.close(handle)
        self._output = Path(output)
        self._process, self._pipe = spawned.start(session_child.serve, output, address)

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid is not None  # noqa: S101  (it was started)
        return self._process.pid

    def __enter__(self) -> "SessionProcess":
        return self

    def __exit__(self, *error: object) -> None:
        if not self._pipe.closed:
            self._end(0)

    def begin(self, request: "RunRequest") -> None:
        """Request what the session is to do."""
        with suppress(OSError):  # it has died, which `wait` returns
            self._pipe.send(request)

    def wait(self) -> "SessionEnd":
        """Wait for the session's end, and return how it ended."""
        from orchestrator.execution.messages import SessionDied, TrainingBegun

        end: SessionEnd | None = None
        with suppress(EOFError, OSError):  # it has died
            told = False
            while end is None:
                if not (told or self.training or self._pipe.poll(_QUIET)):
                    told = self._tell_why_no_worker_starts()
                    continue
                message: SessionMessage = self._pipe.recv()
                match message:
                    case TrainingBegun():
                        self.training = True
                    case _:
                        end = message
        last_output = self._end(10 if end else None)
        return end or SessionDied(self._process.exitcode, last_output)

    def _tell_why_no_worker_starts(self) -> bool:
        """Print what workers of this machine wrote, and return whether they wrote anything."""
        from orchestrator.execution.ray_connection import words_of_workers

        words = words_of_workers(self.pid) if self._address is None else ""
        if words:
            print(f"still waiting for a worker to start; one wrote: {words}", file=sys.stderr)
        return bool(words)

    def _end(self, seconds: float | None) -> str:
        """End the process, at once or after a time, and return its last output."""
        self._process.join(seconds)
        self.kill()
        self._process.join()
        self._pipe.close()
        last_output = ""
        with suppress(OSError):
            last_output = self._output.read_text(errors="replace")[-_LAST_OUTPUT:]
            self._output.unlink()
        return last_output

    def stop(self) -> None:
        """Ask the session to end after the epochs that are running."""
        from orchestrator.execution.messages import StopRequest

        with suppress(OSError):
            self._pipe.send(StopRequest())

    def kill(self) -> None:
        """End the session at once; Ray's own processes of this machine end with it."""
        if self._pipe.closed:  # it has ended before, and its id may be another process's by now
            return
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # with what it has started
        self._process.kill()


Session = Union["SessionProcess", "InlineSession"]


class Signals:
    """Ctrl-C and SIGTERM: the first ends a run in good order, the second at once.

    The end of the run's time does as the first signal does. Outside of the main thread, which alone
    gets signals, only the time counts.

    Args:
        seconds: after which the run ends; None for no limit.

    Attributes:
        received: the number of the first signal, 0 as long as there was none.
        timed_out: whether the time was over before a signal came.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.received, self.timed_out = 0, False
        self._process: Session | None = None
        self._begun = False
        self._timer = None if seconds is None else threading.Timer(seconds, self._end_of_time)

    @property
    def over(self) -> bool:
        """Whether the run is to end."""
        return bool(self.received) or self.timed_out

    def begin(self, process: Session, request: "RunRequest") -> None:
        """Request what a session is to do, and end it if a signal has come or the time is over."""
        self._begun, self._process = False, process
        process.begin(request)
        self._begun = True
        if self.received:
            process.kill()
        elif self.timed_out:
            process.stop()

    def __enter__(self) -> "Signals":
        is_main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, signal.SIGTERM) if is_main else ()
        self._before = {number: signal.signal(number, self._handle) for number in numbers}
        if self._timer:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._timer:
            self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again, self.received = bool(self.received), self.received or number
        process = self._process
        if again:
            if process:
                process.kill()
            os._exit(128 + number)
        if process and process.training:
            more = (
                "; press Ctrl-C again to stop at once" if sys.stdin and sys.stdin.isatty() else ""
            )
            os.write(2, f"\nstopping after the epochs that are running{more}\n".encode())
            process.stop()
        elif process:  # nothing has begun that could be kept
            process.kill()

    def _end_of_time(self) -> None:
        """End the run; the timer calls it in a thread of its own."""
        self.timed_out = not self.received
        if self._process and self._begun:  # else `begin` does it
            os.write(2, b"\nthe time is over; stopping after the epochs that are running\n")
            self._process.stop()
