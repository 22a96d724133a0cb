"""Lottery tickets (Frankle & Carbin 2019, arXiv:1803.03635): train, prune, rewind, again.

Each round trains for the trial's epochs, drops the smallest of the weights that survive and sets
the others back to where they started. A round drops at most 20% (of the output layer half the
share), and there are as many as it takes to reach the density; the cost is rounds x epochs, which
`last_epoch` tells. Layer by layer in plain networks; over all layers in networks with batch
normalisation, whose output layer and shortcuts are left whole (section 4 and appendix I).

``lottery-ticket(rewind=2)`` sets back to where the weights were after two epochs, as deep networks
need it (Frankle et al. 2020, arXiv:1912.05671, section 3); the optimiser starts afresh there. Batch
normalisation is set back with the weights.
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

#: The largest share of the surviving weights that a round drops.
_A_ROUND = 0.2


class LotteryTicket(MaskedWeights):
    """Keeps the weights that grow largest when trained from where they are rewound to.

    Attributes:
        rewind: epochs after which the weights are those that are rewound to.
    """

    def __init__(self, *, rewind: int) -> None:
        super().__init__()
        self.rewind = rewind

    def rounds(self, trial: Trial) -> Sequence[int]:
        """The epochs up to the point that is rewound to, if any; then a training per density."""
        first = [self.rewind] * self._first
        return (*first, *[trial.epochs - self.rewind] * (prunings(trial.density) + 1))

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Remember where to rewind to; in later rounds prune, and rewind."""
        super().begin(pack, number, batches)
        if number == self._first:
            pack.norms_start = [_copied(norms.state_dict()) for norms in pack.norms]
        for norms, start in zip(pack.norms, pack.norms_start or (), strict=False):
            norms.load_state_dict(start)
        for layer in pack.layers:
            if number == self._first:
                layer.start = layer.trained.clone()
            elif number > self._first:
                assert layer.mask is not None and layer.start is not None  # noqa: S101, PT018
                layer.trained.copy_(layer.start * layer.mask)

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor] | None:
        """The largest of the weights that survived, by their size after the round's training."""
        if number <= self._first:
            return None
        sizes = [layer.scaled(layer.trained).abs() for layer in pack.layers]
        done = (number - self._first) / prunings(pack.trial.density)
        share = pack.trial.density**done  # of the weights, after this pruning
        if pack.network.channels:
            return _over_layers(pack, sizes, share)
        whole = prunings(pack.trial.density)
        a_round = 1 - pack.trial.density ** (1 / whole)
        last = (1 - a_round / 2) ** (number - self._first)
        hidden = len(sizes) - 1
        shares = [share] * hidden + [last if hidden else share]  # else it would miss the density
        pairs = zip(sizes, shares, strict=True)
        return [torch.stack([top(s, share) for s in size]) for size, share in pairs]

    @property
    def _first(self) -> int:
        """The number of the first round that starts where later ones are rewound to."""
        return int(self.rewind > 0)


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in state.items()}


def _over_layers(pack: Pack, sizes: Sequence[Tensor], share: float) -> list[Tensor]:
    """The largest over all convolutions; the output layer and the shortcuts whole."""
    pruned = [i for i, la in enumerate(pack.layers[:-1]) if not la.name.endswith("shortcut")]
    masks = [torch.ones_like(size) for size in sizes]
    kept = largest(pack, [sizes[i] for i in pruned], share)
    for i, mask in zip(pruned, kept, strict=True):
        masks[i] = mask
    return masks


def prunings(density: float) -> int:
    """How often a fifth of what survives must be dropped, at most, to reach a density."""
    return math.ceil(math.log(density) / math.log(1 - _A_ROUND) - 1e-9)


method = LotteryTicket
