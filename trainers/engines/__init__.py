"""Engines: ways to take a training step, one file each; `leaf` is the readable reference.

An engine is chosen by the network alone, so that methods that are compared have the same one. On a
GPU its step is replayed from a CUDA graph, where the method allows it; that changes no number.
"""

from trainers.engines.autograd import Autograd
from trainers.engines.engine import Engine
from trainers.engines.graph import Graphed
from trainers.engines.mlp import Mlp, fits
from trainers.methods import Method
from trainers.packs import Pack


def choose(pack: Pack) -> type[Engine]:
    """The fastest engine for the pack's network."""
    return Mlp if fits(pack) else Autograd


def start(pack: Pack, method: Method, steps: int) -> Engine | Graphed:
    """An engine for a round of so many steps, ready to take them; the method has begun."""
    engine = choose(pack)(pack, method, steps)
    graphed = pack.layers[0].weight.is_cuda and method.capturable
    return Graphed(engine) if graphed else engine
