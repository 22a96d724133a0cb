"""Starts a process beside this one."""

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess


def start(
    target: Callable[..., None], *arguments: Any, daemon: bool = False
) -> "tuple[SpawnProcess, Connection]":
    """Start a process, and return it with this process's end of a pipe to it.

    Ctrl-C never reaches it: whoever starts it ends it.

    Args:
        target: what it calls, with the other end of the pipe and then the arguments.
        arguments: the arguments.
        daemon: whether it is ended when this process ends, and starts none itself.
    """
    context = multiprocessing.get_context("spawn")  # forked, it would share this one's threads
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *arguments), daemon=daemon)
    with _without_interrupts(), _without_script():
        process.start()
    theirs.close()  # once the process has closed its own, waiting for it ends
    return process, ours


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block SIGINT, for good in a process that is started meanwhile."""
    resource_tracker.ensure_running()  # the first process starts it, and it unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _without_script() -> Iterator[None]:
    """Keep a process that is started meanwhile from running the user's script once more.

    Spawned processes import the script that Python was started with. They need nothing of it here,
    and a script that runs a study at its top level would run it again in each of them.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script
