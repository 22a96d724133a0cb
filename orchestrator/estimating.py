"""The estimate of what trials take, made by another process that imports PyTorch beside this one.

To import PyTorch, which the estimate trains with, takes about as long as all the rest of a check.
"""

import contextlib
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.execution import spawned
from studies import garbage
from trainers import devices

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from orchestrator.estimate import Estimate
    from studies.trial import Trial
    from trainers.datasets import Place

#: Makes an estimate as `orchestrator.estimate.estimate` does; also raises `ModuleNotFoundError` if
#: a package of the extra `run` is missing.
Estimator = Callable[["Sequence[Trial]", "Mapping[str, Place]", str, str], "Estimate"]


def here(
    todo: "Sequence[Trial]", places: "Mapping[str, Place]", device: str, engine: str
) -> "Estimate":
    """Make an estimate in this process, see `Estimator`."""
    from orchestrator.estimate import estimate

    return estimate(todo, places, device, engine)


@contextlib.contextmanager
def estimator(*, beside: bool) -> Iterator[Estimator]:
    """Give an estimator; its process ends with this context.

    Until it is called, the process only imports: what is computed here meanwhile would slow down
    the training that it measures.

    Args:
        beside: whether it may have a process of its own, which it has unless there is one core or
            this process has imported PyTorch already.
    """
    if not beside or devices.cores() < 2 or "torch" in sys.modules:
        yield here
        return
    process, connection = spawned.start(_serve, daemon=True)
    try:
        yield partial(_elsewhere, connection)
    finally:
        process.kill()
        process.join()
        connection.close()


def _elsewhere(
    connection: "Connection",
    todo: "Sequence[Trial]",
    places: "Mapping[str, Place]",
    device: str,
    engine: str,
) -> "Estimate":
    """Have the estimate made by the process at the other end of a connection."""
    try:
        connection.send((todo, places, device, engine))
        outcome: Estimate | Exception = connection.recv()
    except (EOFError, OSError):  # the process was killed
        return here(todo, places, device, engine)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _serve(connection: "Connection") -> None:
    """Import what an estimate needs, and make the one that is asked for."""
    # What is wrong with these modules is met again by the estimate.
    with contextlib.suppress(Exception), garbage.not_collected():
        import orchestrator.estimate  # noqa: F401
        import trainers.loop
        import trainers.methods  # noqa: F401
    with contextlib.suppress(EOFError, OSError):  # the process that would ask has ended
        connection.send(_outcome(*connection.recv()))


def _outcome(
    todo: "Sequence[Trial]", places: "Mapping[str, Place]", device: str, engine: str
) -> "Estimate | Exception":
    """Return the estimate, or the error that it ended with."""
    try:
        return here(todo, places, device, engine)
    except Exception as error:
        error.add_note(traceback.format_exc())
        return error
