"""The result of training a network, and the network rebuilt from it."""

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
    """One trained network without what its trial draws again.

    Attributes:
        trial: whose network it is.
        kept: of each layer whether each connection is kept, bool [*shape], if the network follows
            from that (`Method.by_mask`); else empty.
        trained: else of each layer what was trained, weights or scores, float32 [*shape].
        steps: of each layer, see `Layer.steps`.
        norms: the state of the batch normalisations.
    """

    trial: Trial
    kept: tuple[Tensor, ...]
    trained: tuple[Tensor, ...]
    steps: tuple[int, ...]
    norms: Mapping[str, Tensor]

    @classmethod
    def of(cls, pack: Pack) -> "Trained":
        """Return the result of training a pack of one, copied to the CPU."""
        (trial,) = pack.trials
        method = methods.load(trial)
        kept, trained = [], []
        for layer in pack.layers:
            if method.by_mask:
                kept.append((method.mask(pack, layer)[0] > 0).cpu())
            else:
                trained.append(layer.trained[0].cpu().clone())
        norms = pack.norms[0].state_dict() if pack.norms else {}
        return cls(
            trial,
            tuple(kept),
            tuple(trained),
            tuple(layer.steps for layer in pack.layers),
            {name: value.cpu().clone() for name, value in norms.items()},
        )

    def pack(self, network: Network, device: torch.device) -> Pack:
        """Return the network, with its weights drawn again, as a pack of one.

        Args:
            network: that the trial names, for its data set's shape.
            device: of the pack's tensors.
        """
        return self.on(packs.assemble([self.trial], network, device))

    def on(self, drawn: Pack) -> Pack:
        """Return the network on weights that are drawn already, as a pack of one.

        Args:
            drawn: a pack of one of this network. Its weights are used, and nothing else.
        """
        method = methods.load(self.trial)
        layers = [Layer(la.name, la.weight, la.scale, index=la.index) for la in drawn.layers]
        norms = packs.norms(self.trial, drawn.network).to(layers[0].weight.device)
        norms.load_state_dict(self.norms)
        last = len(method.rounds(self.trial)) - 1
        pack = Pack([self.trial], drawn.network, layers, [norms], round=last)
        for i, layer in enumerate(layers):
            trained = self.kept[i].float() if self.kept else self.trained[i]
            layer.trained, layer.steps = trained[None].to(layer.weight.device), self.steps[i]
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
            method.rebuild(pack, layer)
        method.deployed(pack)
        return pack
