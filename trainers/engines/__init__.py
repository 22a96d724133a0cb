"""Engines: ways to take a training step, one file each; `leaf` is the readable reference.

An engine is chosen by the network alone, so that methods that are compared have the same one.
"""

from trainers.engines.engine import Engine
from trainers.engines.leaf import Leaf
from trainers.engines.mlp import Mlp, fits
from trainers.methods import Pack


def choose(pack: Pack) -> type[Engine]:
    """The fastest engine for the pack's network."""
    return Mlp if fits(pack) else Leaf
