"""Imports of heavy libraries by processes that start."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Import without the garbage collector, which takes a sixth of the time and finds nothing.

    Afterwards it leaves alone what the imports have made.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
