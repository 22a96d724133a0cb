"""What training has left of a network, and the network made again from it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from studies.trial import Trial
from trainers import methods, packs
from trainers.methods import Pack
from trainers.networks import Network


@dataclass(frozen=True)
class Trained:
    """One trained network, apart from what its trial draws again.

    Attributes:
        trial: whose network it is.
        kept: of each layer whether each connection is kept, bool [*shape], where the network
            follows from that (`Method.by_mask`); else empty.
        trained: else of each layer what was trained, weights or scores, float32 [*shape].
        passes: of each layer, see `Layer.passes`.
        norms: the state of the batch normalisations.
    """

    trial: Trial
    kept: tuple[Tensor, ...]
    trained: tuple[Tensor, ...]
    passes: tuple[int, ...]
    norms: Mapping[str, Tensor]

    @classmethod
    def of(cls, pack: Pack, replica: int) -> "Trained":
        """What is left of one replica of a pack, copied to the CPU."""
        trial = pack.trials[replica]
        method, alone = methods.load(trial), pack.part(slice(replica, replica + 1))
        if method.by_mask:
            left = tuple((method.mask(alone, la)[0] > 0).cpu() for la in alone.layers)
        else:
            left = tuple(layer.trained[0].cpu().clone() for layer in alone.layers)
        norms = alone.norms[0].state_dict() if alone.norms else {}
        return cls(
            trial,
            left if method.by_mask else (),
            () if method.by_mask else left,
            tuple(layer.passes for layer in pack.layers),
            {name: value.cpu().clone() for name, value in norms.items()},
        )

    def pack(self, network: Network, device: torch.device, drawn: Trial | None = None) -> Pack:
        """The network again, as a pack of one.

        Args:
            network: that the trial names, for its data set's shape.
            device: where it is wanted.
            drawn: the trial whose weights it is to have, if not its own.
        """
        method = methods.load(self.trial)
        pack = packs.assemble([drawn or self.trial], network, device)
        pack.trials, pack.round = [self.trial], len(method.rounds(self.trial)) - 1
        for i, layer in enumerate(pack.layers):
            left = self.kept[i].float() if self.kept else self.trained[i]
            layer.trained, layer.passes = left[None].to(device), self.passes[i]
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
            method.rebuild(pack, layer)
        if self.norms:
            pack.norms[0].load_state_dict(self.norms)
        return pack
