"""What training has left of a network, and the network made again from it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from studies.trial import Trial
from trainers import methods, packs
from trainers.methods import Layer, Pack
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
    def of(cls, pack: Pack) -> "Trained":
        """What is left of a pack of one, copied to the CPU."""
        (trial,) = pack.trials
        method = methods.load(trial)
        if method.by_mask:
            left = tuple((method.mask(pack, layer)[0] > 0).cpu() for layer in pack.layers)
        else:
            left = tuple(layer.trained[0].cpu().clone() for layer in pack.layers)
        norms = pack.norms[0].state_dict() if pack.norms else {}
        return cls(
            trial,
            left if method.by_mask else (),
            () if method.by_mask else left,
            tuple(layer.steps for layer in pack.layers),
            {name: value.cpu().clone() for name, value in norms.items()},
        )

    def pack(self, network: Network, device: torch.device) -> Pack:
        """The network again, as a pack of one.

        Args:
            network: that the trial names, for its data set's shape.
            device: where it is wanted.
        """
        return self.on(packs.assemble([self.trial], network, device))

    def on(self, drawn: Pack) -> Pack:
        """The network on weights that are drawn already, as a pack of one.

        Args:
            drawn: a pack of one of this network, of which the weights are taken and nothing else.
        """
        method = methods.load(self.trial)
        layers = [Layer(la.name, la.weight, la.scale, index=la.index) for la in drawn.layers]
        norms = packs.norms(self.trial, drawn.network).to(layers[0].weight.device)
        norms.load_state_dict(self.norms)
        last = len(method.rounds(self.trial)) - 1
        pack = Pack([self.trial], drawn.network, layers, [norms], round=last)
        for i, layer in enumerate(layers):
            left = self.kept[i].float() if self.kept else self.trained[i]
            layer.trained, layer.steps = left[None].to(layer.weight.device), self.passes[i]
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
            method.rebuild(pack, layer)
        return pack
