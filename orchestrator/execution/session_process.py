"""A session in a process of its own, and the signals that end it."""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from orchestrator.execution.inline_session import InlineSession
from orchestrator.execution.messages import (
    Phase,
    PhaseReached,
    RunNamed,
    RunRequest,
    SessionCrashed,
    SessionDied,
    SessionEnd,
    SessionMessage,
    SessionRefused,
    StopRequest,
)
from orchestrator.execution.session import run_session
from orchestrator.execution.stop_signal import StopSignal
from studies.errors import UserError

#: How many characters of a dead session's last output are kept in its log.
_LAST_OUTPUT = 20_000


class SessionProcess:
    """A session in a process of its own, which ends when this one ends.

    It has left the terminal's process group: Ctrl-C reaches this process alone, which passes it on.

    Args:
        request: what the session is to do.

    Attributes:
        phase: how far the session has come.
        run: the name of the run, once the session has given it one.
    """

    def __init__(self, request: RunRequest) -> None:
        self.phase, self.run = Phase.STARTING, ""
        handle, output = tempfile.mkstemp(prefix="untuned-", suffix=".log")
        os.close(handle)
        self._output = Path(output)
        context = multiprocessing.get_context("spawn")  # forked, it would share this one's threads
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, request, output))
        # Blocked here while the process starts, and for good in the process itself.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        self._process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid is not None  # noqa: S101  (it was started)
        return self._process.pid

    def wait(self) -> SessionEnd:
        """Wait for the session's end, and return how it ended."""
        end: SessionEnd | None = None
        with suppress(EOFError, OSError):  # it has died
            while end is None:
                message: SessionMessage = self._pipe.recv()
                match message:
                    case PhaseReached():
                        self.phase = message.phase
                    case RunNamed():
                        self.run = message.run
                    case _:
                        end = message
        self._process.join(10 if end else None)
        self.kill()
        self._process.join()
        self._pipe.close()
        last_output = ""
        with suppress(OSError):
            last_output = self._output.read_text(errors="replace")[-_LAST_OUTPUT:]
            self._output.unlink()
        return end or SessionDied(self._process.exitcode, last_output)

    def stop(self) -> None:
        """Ask the session to end after the epochs that are running."""
        with suppress(OSError):
            self._pipe.send(StopRequest())

    def kill(self) -> None:
        """End the session at once; Ray's own processes of this machine end with it."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # with what it has started
        self._process.kill()


class Signals:
    """Ctrl-C and SIGTERM: the first ends a run in good order, the second at once.

    Attributes:
        received: the number of the first signal, 0 as long as there was none.
        process: the session that is to end.
    """

    def __init__(self) -> None:
        self.received = 0
        self.process: SessionProcess | InlineSession | None = None

    def __enter__(self) -> "Signals":
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again, self.received = bool(self.received), self.received or number
        if again:
            if self.process:
                self.process.kill()
            os._exit(128 + number)
        if self.process and self.process.phase is Phase.TRAINING:
            more = (
                "; press Ctrl-C again to stop at once" if sys.stdin and sys.stdin.isatty() else ""
            )
            os.write(2, f"\nstopping after the epochs that are running{more}\n".encode())
            self.process.stop()
        elif self.process:  # nothing has begun that could be kept
            self.process.kill()


def _serve(pipe: Connection, request: RunRequest, output: str) -> None:
    """Run a session and send how it ended; end when the process at the pipe's other end does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a job that is stopped: all its processes get it
    os.setsid()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    with open(output, "wb") as file:  # noqa: PTH123
        for stream in (1, 2):  # what Ray's libraries print is not for the user
            os.dup2(file.fileno(), stream)
    stop = StopSignal()
    threading.Thread(target=_listen, args=(pipe, stop), daemon=True).start()
    end: SessionMessage
    try:
        end = run_session(request, stop, pipe.send)
    except UserError as error:
        end = SessionRefused(str(error))
    except Exception as error:
        end = SessionCrashed(f"{type(error).__name__}: {error}", traceback.format_exc())
    pipe.send(end)


def _listen(pipe: Connection, stop: StopSignal) -> None:
    """Set the stop signal when the driver asks for it."""
    try:
        while isinstance(pipe.recv(), StopRequest):
            stop.requested = True
    except (EOFError, OSError):  # the driver has died: nobody waits for this session
        os._exit(1)
