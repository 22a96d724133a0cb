"""Lottery tickets (Frankle & Carbin 2019, arXiv:1803.03635): train, prune, rewind, again.

Each round trains for the trial's epochs, drops the smallest of the surviving weights and rewinds
the others to where they started. There are as many rounds as the density takes if each dropped a
fifth. The cost is rounds x epochs; the column `last_epoch` records it.

Plain networks are pruned layer by layer: in each round, convolutions and the output layer lose half
of the fraction that the other layers lose (figure 2, for conv2 and conv4). That fraction is a
little above a fifth, so that the whole network reaches the `density`; in a network of convolutions
it is up to two fifths. Networks with batch normalisation are pruned over all layers, except for the
output layer and the shortcuts, which stay whole (section 4 and appendix I) unless they alone would
be half of what the density leaves. `density` counts all layers, to within a connection per layer.

``lottery-ticket(rewind=2)`` rewinds to the weights after two epochs, as deep networks need it
(Frankle et al. 2020, arXiv:1912.05671, section 3); the optimiser starts afresh there. Batch
normalisation is rewound with the weights.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from studies.trial import Trial
from trainers.batches import Batches
from trainers.methods import Layer, MaskedWeights, Pack
from trainers.methods._masks import largest, top

EXAMPLES = ("lottery-ticket", "lottery-ticket(rewind=1)")
PARAMETERS = {"rewind": (0, 1, 1000)}
READS = ("density",)
LEAST_EPOCHS = 1
REVISION = 2  # the density is that of the whole network, and convolutions lose half as much

#: The fraction of the surviving weights that a round drops, as far as it decides their number.
_PER_ROUND = 0.2


class LotteryTicket(MaskedWeights):
    """Keeps the weights that grow largest when trained from where they are rewound to.

    Attributes:
        rewind: the epoch whose weights are rewound to; 0 for the weights as drawn.
    """

    def __init__(self, *, rewind: int) -> None:
        super().__init__()
        self.rewind = rewind

    def rounds(self, trial: Trial) -> Sequence[int]:
        """Return the epochs up to the rewinding point, if any; then a training per density."""
        first = [self.rewind] * self._first
        return (*first, *[trial.epochs - self.rewind] * (prunings(trial.density) + 1))

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Remember the rewinding point; in later rounds prune and rewind."""
        super().begin(pack, number, batches)
        if number == self._first:
            pack.norms_start = [_copy(norms.state_dict()) for norms in pack.norms]
        for norms, start in zip(pack.norms, pack.norms_start or (), strict=False):
            norms.load_state_dict(start)
        for layer in pack.layers:
            if number == self._first:
                layer.start = layer.trained.clone()
            elif number > self._first:
                assert layer.mask is not None and layer.start is not None  # noqa: S101, PT018
                layer.trained.copy_(layer.start * layer.mask)

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor] | None:
        """Return masks of the weights that the round's training has left largest."""
        if number <= self._first:
            return None
        sizes = [layer.scaled(layer.trained).abs() for layer in pack.layers]
        pruning, density = number - self._first, pack.trial.density
        if pack.network.channels:
            after = density ** (pruning / prunings(density))
            return _over_layers(pack, sizes, density, after)
        losses = [_loss(layer, last=layer is pack.layers[-1]) for layer in pack.layers]
        if len(losses) == 1:
            losses = [1.0]  # an output layer that is the only layer must reach the density
        counts = [layer.weight[0].numel() for layer in pack.layers]
        rate = per_round(counts, losses, density)
        # Rounded, so that the error of the rate drops no connection less.
        shares = [round((1 - loss * rate) ** pruning, 10) for loss in losses]
        pairs = zip(sizes, shares, strict=True)
        return [torch.stack([top(s, share) for s in size]) for size, share in pairs]

    @property
    def _first(self) -> int:
        """The first round that starts at the rewinding point."""
        return int(self.rewind > 0)


def _copy(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in state.items()}


def _loss(layer: Layer, *, last: bool) -> float:
    """What a layer loses in a round, in ratio to a hidden fully connected layer."""
    convolution = layer.weight.dim() > 3
    return 0.5 if convolution or last else 1.0


def per_round(counts: Sequence[int], losses: Sequence[float], density: float) -> float:
    """Return the fraction p with which the whole network reaches a density in `prunings` rounds.

    It solves sum(count (1 - loss p)^rounds) = density sum(count) by bisection.

    Args:
        counts: of each layer's connections.
        losses: of each layer what it loses in a round, in ratio to p.
        density: the fraction of all connections that is kept in the end.
    """
    low, high, rounds = 0.0, 1.0, prunings(density)
    for _ in range(60):  # more than a float64 can tell
        middle = (low + high) / 2
        layers = zip(counts, losses, strict=True)
        kept = sum(count * (1 - loss * middle) ** rounds for count, loss in layers)
        low, high = (middle, high) if kept > density * sum(counts) else (low, middle)
    return (low + high) / 2


def _over_layers(pack: Pack, sizes: Sequence[Tensor], density: float, after: float) -> list[Tensor]:
    """Masks of the largest over all convolutions; the output layer and the shortcuts whole.

    Args:
        pack: the pack.
        sizes: of the weights in each layer.
        density: of the whole network in the end.
        after: of the whole network after this pruning.
    """
    counts = [layer.weight[0].numel() for layer in pack.layers]
    pruned = [i for i, la in enumerate(pack.layers[:-1]) if not la.name.endswith("shortcut")]
    whole = sum(counts) - sum(counts[i] for i in pruned)
    if whole > density * sum(counts) / 2:
        pruned, whole = list(range(len(counts))), 0
    masks = [torch.ones_like(size) for size in sizes]
    share = (after * sum(counts) - whole) / (sum(counts) - whole)
    kept = largest(pack, [sizes[i] for i in pruned], share)
    for i, mask in zip(pruned, kept, strict=True):
        masks[i] = mask
    return masks


def prunings(density: float) -> int:
    """Return how many rounds that drop a fifth or less reach a density."""
    return math.ceil(math.log(density) / math.log(1 - _PER_ROUND) - 1e-9)


method = LotteryTicket
