"""The estimate of what trials take, made by another process while this one goes on.

Importing PyTorch, which the estimate trains with, takes about as long as all the rest of a check.
"""

import contextlib
import multiprocessing
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from studies import garbage
from trainers import devices

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from orchestrator.estimate import Estimate
    from studies.trial import Trial
    from trainers.datasets import Place

#: What the estimate imports.
_NEEDED = ("orchestrator.estimate", "trainers.loop", "trainers.methods")


class Estimator:
    """Makes an estimate in another process, or in this one once its outcome is asked for."""

    def __init__(self, connection: "Connection | None" = None) -> None:
        """Estimate in the process at the other end of a connection; without one, in this one."""
        self._connection = connection
        self._arguments: tuple[Any, ...] = ()

    def start(
        self, todo: "Sequence[Trial]", places: "Mapping[str, Place]", device: str, engine: str
    ) -> None:
        """Begin an estimate; the arguments are those of `orchestrator.estimate.estimate`."""
        self._arguments = todo, places, device, engine
        if self._connection:
            with contextlib.suppress(OSError):  # the process has ended
                self._connection.send(self._arguments)

    def finish(self) -> "Estimate":
        """Return the estimate that was begun.

        Raises:
            UserError: see `orchestrator.estimate.estimate`.
            ModuleNotFoundError: a package of the extra `run` is missing.
        """
        if self._connection:
            with contextlib.suppress(EOFError, OSError):  # it could not, or it was killed
                outcome: Estimate = self._connection.recv()
                return outcome
        from orchestrator.estimate import estimate

        return estimate(*self._arguments)


@contextlib.contextmanager
def estimator(*, beside: bool) -> Iterator[Estimator]:
    """Give an estimator; its process ends with this context.

    Args:
        beside: whether it may have a process of its own, which it has unless there is one core or
            this process has imported PyTorch already.
    """
    if not beside or devices.cores() < 2 or "torch" in sys.modules:
        yield Estimator()
        return
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Estimator(ours)
    finally:
        process.kill()
        process.join()


def _serve(connection: "Connection") -> None:
    """Import what an estimate needs, and make one.

    Whatever goes wrong goes wrong again in the process that asks, which tells the user.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that process ends this one
    garbage.collect_rarely()
    importing = threading.Thread(target=_import)
    importing.start()
    with contextlib.suppress(Exception, SystemExit):
        arguments = connection.recv_bytes()  # at once: whoever sends many trials waits for it
        importing.join()
        from orchestrator.estimate import estimate

        connection.send(estimate(*pickle.loads(arguments)))  # noqa: S301  (this program's)


def _import() -> None:
    with contextlib.suppress(Exception, SystemExit):
        for name in _NEEDED:
            import_module(name)
