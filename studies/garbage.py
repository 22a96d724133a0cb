"""When a process looks for objects that nothing reaches."""

import contextlib
import gc
from collections.abc import Iterator

#: Objects that are made from one search to the next; Python's own number is 700.
_NEW_OBJECTS = 50_000


def collect_rarely() -> None:
    """Look for unreachable objects rarely, in a process that ends soon.

    What a command imports, reads and draws are many objects that stay. To look through them at
    Python's own intervals takes time and finds little.
    """
    gc.set_threshold(_NEW_OBJECTS)


@contextlib.contextmanager
def collected_rarely() -> Iterator[None]:
    """Do so within this context, or within a function that this decorates: a command.

    The process may be a notebook's, which goes on.
    """
    before = gc.get_threshold()
    collect_rarely()
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextlib.contextmanager
def not_collected() -> Iterator[None]:
    """Import heavy libraries without looking: it takes a sixth of the time and finds nothing.

    Afterwards it leaves alone what the imports have made.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
