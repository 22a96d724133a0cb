"""Engines: ways to take a training step, one file each; `Autograd` is the readable reference.

The network and the products that its fully connected layers use (`trainers.products`) decide which
engine is used, so that methods that are compared have the same one.
On a GPU a CUDA graph replays the engine's step if the method allows it; that changes no number.
"""

from trainers.devices import MM, ONEDNN
from trainers.engines.autograd import Autograd, OneDnnAutograd
from trainers.engines.engine import Engine
from trainers.engines.graph import Graphed
from trainers.engines.mlp import Mlp, OneDnnMlp, fits
from trainers.methods import Method
from trainers.packs import Pack

__all__ = ["Autograd", "Engine", "Graphed", "Mlp", "choose", "fits", "start"]

#: By the network's products: the engine of fully connected networks, and that of all others.
_ENGINES: dict[str, tuple[type[Engine], type[Engine]]] = {
    MM: (Mlp, Autograd),
    ONEDNN: (OneDnnMlp, OneDnnAutograd),
}


def choose(pack: Pack) -> type[Engine]:
    """Return the fastest engine for the pack's network and its products."""
    for_mlp, for_any = _ENGINES[pack.network.products.name]
    return for_mlp if fits(pack) else for_any


def start(pack: Pack, method: Method, steps: int) -> Engine | Graphed:
    """Return an engine that is ready for a round.

    Args:
        pack: begun by the method.
        method: of all its trials.
        steps: that the round takes.
    """
    engine = choose(pack)(pack, method, steps)
    graphed = pack.layers[0].weight.is_cuda and method.capturable
    return Graphed(engine) if graphed else engine
