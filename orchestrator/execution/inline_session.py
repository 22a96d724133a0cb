"""A session in this process, with the interface of one in a process of its own."""

import os

from orchestrator.execution.messages import (
    RunRequest,
    SessionEnd,
    SessionMessage,
    SessionRefused,
    SessionResult,
    TrainingBegun,
)
from orchestrator.execution.session import run_session
from orchestrator.execution.stop_signal import StopSignal
from studies.errors import UserError


class InlineSession:
    """A session that this process runs itself; see `session_process.SessionProcess`.

    Errors that a session does not handle are raised here, where a debugger sees them.

    Attributes:
        training: whether the session has begun to train.
        pid: the process id.
    """

    def __init__(self) -> None:
        self.training, self.pid = False, os.getpid()
        self._stop, self._running = StopSignal(), False

    def begin(self, request: RunRequest) -> None:
        """Request what the session is to do."""
        self._request = request

    def wait(self) -> SessionEnd:
        """Run the session, and return how it ended."""
        self._running = True
        try:
            return run_session(self._request, self._stop, self._take)
        except UserError as error:
            return SessionRefused(str(error))
        except _KilledError:
            return SessionResult()
        finally:
            self._running = False

    def stop(self) -> None:
        """Ask the session to end after the epochs that are running."""
        self._stop.requested = True

    def kill(self) -> None:
        """End the session at once if nothing has begun that could be kept.

        A signal's handler calls it, so what it raises comes from where the session is. If that is
        where Python ignores errors, the session ends when it is about to train. In training, and
        when it is called again, the session is left to the process, which then ends.
        """
        again, self._stop.requested = self._stop.requested, True
        if self._running and not self.training and not again:
            raise _KilledError

    def _take(self, message: SessionMessage) -> None:
        match message:
            case TrainingBegun():
                if self._stop:
                    raise _KilledError
                self.training = True
            case _:
                raise AssertionError(message)


class _KilledError(BaseException):
    """The session was killed before it trained."""
