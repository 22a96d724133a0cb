"""Methods: one file each, with an instance `METHOD` of a class that says only how it differs.

A method decides what is trained and how the network's effective weights follow from it:

    dense                the weights    effective = weight
    weights under a mask the weights    effective = weight * mask
    connections          the scores     effective = weight * where(score > threshold, 1, off)

For connections the gradient goes straight through the mask to every score (arXiv:2006.16627,
section 3): dL/dscore = dL/deffective * weight. Pruning has off = 0, flipping off = -1.

The studies compare where the threshold comes from:

    free-*, minimal-*, maximal-*       the constant 0
    edge-popup*, biprop                the (1 - density) quantile of the scores, in each layer or
                                       over all; the user chooses the density
    gem-miner                          the constant 1/2, and a quantile that approaches the density
    signed-supermask                   a fraction of the layer's largest initial score; the user
                                       chooses the fraction
    bop                                a constant that the user chooses, for a mean gradient
    random-, magnitude-pruning, snip,  a ranking of the weights, cut at a density that the user
    grasp, synflow, lottery-ticket     chooses
    continuous-sparsification          the constant 0, for scores whose start and price the user
                                       chooses
    hard-concrete                      none: gates have a price that the user chooses
    supermask                          none: a connection is kept with probability sigmoid(score)

Every method also trains the scale and shift of an `affine` batch normalisation. A file whose name
takes parameters has a function `method(**parameters)` instead of `METHOD`.

Files whose names begin with an underscore are no methods: `_base` holds the protocol,
`_connections` the equation above, `_masks` the selection of connections by rank, `_draws` random
numbers of a step, `_replicas` functions that give each replica its own bits, and `_combined` the
base of methods that are made of other methods.
"""

from collections.abc import Sequence

from studies.trial import Trial
from trainers import pack_key, registry
from trainers.methods._base import MaskedWeights, Method, shuffled
from trainers.methods._connections import Connections, uniform_scores
from trainers.methods._mixed import Mixed
from trainers.methods._staged import Staged
from trainers.packs import Layer, Pack

__all__ = [
    "Connections",
    "Layer",
    "MaskedWeights",
    "Method",
    "Pack",
    "load",
    "of",
    "shuffled",
    "uniform_scores",
]


def load(trial: Trial) -> Method:
    """Return the method that a trial names, with the parameters in the name and the trial's stages.

    Raises:
        UserError: there is no such method.
    """
    module, name = registry.load("method", trial.method)
    method: Method = module.METHOD if not name.parameters else module.method(**name.parameters)
    return Staged(method, trial) if pack_key.staged(trial) else method


def of(trials: Sequence[Trial]) -> Method:
    """Return the method of a pack's trials; several methods become one that mixes them.

    Raises:
        TypeError: a method declares ``MIXES = True`` but cannot share a pack.
    """
    arms = pack_key.arms(trials)
    if len(arms) == 1:
        return load(trials[0])
    return Mixed([(load(arm[0]), len(arm)) for arm in arms])
