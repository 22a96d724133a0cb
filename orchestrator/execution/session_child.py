"""What a session's process does: it imports what it needs, waits for a request and runs it."""

import contextlib
import os
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.execution.messages import SessionMessage
    from orchestrator.execution.stop_signal import StopSignal


def serve(pipe: Connection, output: str, address: str | None) -> None:
    """Run a session and send how it ended; end when the process at the pipe's other end does.

    Args:
        pipe: to the driver, which sends a `RunRequest` and perhaps a `StopRequest`.
        output: the file that takes what Ray's libraries print.
        address: that of the request, see `RunRequest`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a job that is stopped: all its processes get it
    os.setsid()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    with open(output, "wb") as file:  # noqa: PTH123
        for stream in (1, 2):  # what Ray's libraries print is not for the user
            os.dup2(file.fileno(), stream)
    # Meanwhile the driver plans what to request.
    from orchestrator.execution import executors
    from orchestrator.execution.messages import SessionCrashed, SessionRefused
    from orchestrator.execution.session import run_session
    from orchestrator.execution.stop_signal import StopSignal
    from studies.errors import UserError

    executors.import_ahead(address)
    try:
        request = pipe.recv()
    except (EOFError, OSError):  # the driver has died, or has nothing to request
        with contextlib.suppress(OSError):
            os.unlink(output)  # noqa: PTH108
        os._exit(0)
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
    sys.stderr.flush()
    os._exit(0)  # an orderly end of all that was imported takes long


def _listen(pipe: Connection, stop: "StopSignal") -> None:
    """Set the stop signal when the driver asks for it."""
    from orchestrator.execution.messages import StopRequest

    try:
        while isinstance(pipe.recv(), StopRequest):
            stop.requested = True
    except (EOFError, OSError):  # the driver has died: nobody waits for this session
        os._exit(1)
