"""How often a process looks for objects that nothing reaches."""

import gc

#: Objects that are made from one search to the next; Python's own number is 700.
_NEW_OBJECTS = 50_000


def collect_rarely() -> None:
    """Look for unreachable objects rarely, in a process that ends soon.

    What a command imports, reads and draws are many objects that stay. Looking through them at
    Python's own intervals is 8% of the time of a report, a verdict or a check; this halves it.
    """
    gc.set_threshold(_NEW_OBJECTS)
