"""How trials are trained: methods, weights, networks, data sets, activations, and the loop.

Importing it needs no torch; `trainers.loop.train` does.
"""

from trainers.checking import check

__all__ = ["check"]
