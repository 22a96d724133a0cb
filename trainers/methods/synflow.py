"""SynFlow (Tanaka et al. 2020, arXiv:2006.05467, algorithm 1): pruning without data.

R = 1^T (product of |W|) 1 is the output, for an input of ones, of the network with absolute weights
and without activations. A connection scores |w| dR/d|w|. A hundred rounds keep the largest over all
layers, density^(k/100) of all connections after round k, so that no layer is emptied before the
others. It computes in float64, with batch normalisation in evaluation mode. If all weights have one
magnitude, whole layers tie at the start; the seed breaks the ties. ``synflow(shuffled)`` permutes
the mask within each layer.
"""

import copy
from dataclasses import replace

import torch
from torch import Tensor

from trainers import networks
from trainers.batches import Batches
from trainers.methods import MaskedWeights, Pack
from trainers.methods._masks import keep_largest, stacked
from trainers.networks import Network

EXAMPLES = ("synflow", "synflow(shuffled)")
PARAMETERS = {"shuffled": (False,)}
READS = ("density",)

_ROUNDS = 100


class Synflow(MaskedWeights):
    """Keeps the connections on the strongest paths from input to output."""

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor]:
        """Return the masks after a hundred rounds, [R, *shape] for each layer."""
        data, network = batches.data, pack.network
        if pack.trial.activation != "relu":  # ReLU is the identity here: all numbers are positive
            plain = replace(pack.trial, activation="relu")
            network = networks.build(plain, data.shape, data.classes)
        return stacked([_prune(pack, network, r, data.shape) for r in range(len(pack.trials))])


def _prune(pack: Pack, network: Network, r: int, shape: tuple[int, ...]) -> list[Tensor]:
    """The masks of one replica, [*shape] per layer."""
    trial, norms = pack.trials[r], copy.deepcopy(pack.norms[r]).double().eval()
    sizes = [layer.scaled(layer.weight)[r : r + 1].abs().double() for layer in pack.layers]
    ones = torch.ones(1, 1, *shape, dtype=torch.float64, device=sizes[0].device)
    masks = [torch.ones_like(size[0]) for size in sizes]
    for k in range(1, _ROUNDS + 1):
        weights = [(s * m).requires_grad_() for s, m in zip(sizes, masks, strict=True)]
        flow = network.forward(weights, ones, [list(norms)]).sum()
        gradients = torch.autograd.grad(flow, weights)
        scores = [
            (w * g)[0].detach().masked_fill(m == 0, -1)
            for w, g, m in zip(weights, gradients, masks, strict=True)
        ]
        masks = keep_largest(trial, scores, trial.density ** (k / _ROUNDS))
    return [mask.float() for mask in masks]


method = Synflow
