"""Lottery tickets (Frankle & Carbin 2019, arXiv:1803.03635): train, prune, rewind, again.

Each round trains for the trial's epochs, drops the smallest of the surviving weights and rewinds
the others to where they started. A round drops at most 20% (half of that fraction in the output
layer), and there are as many rounds as the density takes. The cost is rounds x epochs; the column
`last_epoch` records it. Plain networks are pruned layer by layer. Networks with batch normalisation
are pruned over all layers, except for the output layer and the shortcuts, which stay whole (section
4 and appendix I).

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
from trainers.methods import MaskedWeights, Pack
from trainers.methods._masks import largest, top

EXAMPLES = ("lottery-ticket", "lottery-ticket(rewind=1)")
PARAMETERS = {"rewind": (0, 1, 1000)}
READS = ("density",)
LEAST_EPOCHS = 1

#: The largest fraction of the surviving weights that a round drops.
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
        pruning, prunings_needed = number - self._first, prunings(pack.trial.density)
        density = pack.trial.density ** (pruning / prunings_needed)  # after this pruning
        if pack.network.channels:
            return _over_layers(pack, sizes, density)
        per_round = 1 - pack.trial.density ** (1 / prunings_needed)
        output = (1 - per_round / 2) ** pruning
        hidden = len(sizes) - 1
        # An output layer that is the only layer must reach the density.
        densities = [density] * hidden + [output if hidden else density]
        pairs = zip(sizes, densities, strict=True)
        return [torch.stack([top(s, share) for s in size]) for size, share in pairs]

    @property
    def _first(self) -> int:
        """The first round that starts at the rewinding point."""
        return int(self.rewind > 0)


def _copy(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in state.items()}


def _over_layers(pack: Pack, sizes: Sequence[Tensor], density: float) -> list[Tensor]:
    """Masks of the largest over all convolutions; the output layer and the shortcuts whole."""
    pruned = [i for i, la in enumerate(pack.layers[:-1]) if not la.name.endswith("shortcut")]
    masks = [torch.ones_like(size) for size in sizes]
    kept = largest(pack, [sizes[i] for i in pruned], density)
    for i, mask in zip(pruned, kept, strict=True):
        masks[i] = mask
    return masks


def prunings(density: float) -> int:
    """Return how many rounds that drop a fifth or less reach a density."""
    return math.ceil(math.log(density) / math.log(1 - _PER_ROUND) - 1e-9)


method = LotteryTicket
