"""A pack: R networks of the same shapes as tensors with a leading replica axis."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn

from studies.trial import Trial
from trainers.networks import Network
from trainers.weights import draw, scale

#: Layers laid side by side begin at multiples of this many floats, which are 64 bytes.
_ALIGNMENT = 16


@dataclass
class Layer:
    """One layer of a pack of R replicas; every tensor is float32 [R, *shape] on one device.

    Attributes:
        name: such as ``fc1``.
        weight: as drawn; it stays as it is where a method trains connections.
        scale: factor on the layer's output, [R, 1, ...], or None where it is 1.
        trained: what the optimiser moves.
        effective: what the network computes with: the leaf that autograd gives a gradient to.
            Where the weights themselves are trained it shares its memory with `trained`.
        mask: a mask of 0 and 1 that the weights are trained under; or each connection's state,
            where no score decides it; or None.
        start: the weights that a method rewinds to, or None.
        index: of the layer, from 0.
        steps: training steps so far, for methods that draw a mask in each.
        penalty_gradient: derivative of the penalty by a connection's mask, [R, 1, ...], or None
            for methods without a penalty.
        slope: derivative of the effective weights by what is trained, [R, *shape], or None; for
            methods that compute both together.
        threshold: a constant that the method compares scores with, [R, 1, ...], or None where it
            has none of this layer's own.
        memory: what a method remembers of each replica to be faster. It never changes a result,
            so no checkpoint has it.
    """

    name: str
    weight: Tensor
    scale: Tensor | None = None
    start: Tensor | None = None
    index: int = 0
    steps: int = 0
    penalty_gradient: Tensor | None = None
    slope: Tensor | None = None
    threshold: Tensor | None = None
    trained: Tensor = field(init=False)
    effective: Tensor = field(init=False)
    mask: Tensor | None = None
    memory: dict[int, Any] = field(default_factory=dict)

    @property
    def effective_is_trained(self) -> bool:
        """Whether the effective weights are what is trained, in the same memory."""
        return self.trained.data_ptr() == self.effective.data_ptr()

    @property
    def used(self) -> Tensor:
        """What the forward pass multiplies by: the effective weights times the scale."""
        return self.scaled(self.effective)

    def scaled(self, weight: Tensor) -> Tensor:
        """Return weights of this layer times the scale, as they count in the forward pass."""
        return weight if self.scale is None else weight * self.scale

    def replicas(self, rows: slice) -> "Layer":
        """Return the layer of some replicas: views of these tensors, without a start."""
        layer = Layer(self.name, self.weight[rows], index=self.index, steps=self.steps)
        for name in ("scale", "penalty_gradient", "threshold", "trained", "effective", "mask"):
            tensor = getattr(self, name, None)
            if tensor is not None:
                setattr(layer, name, tensor.detach()[rows])
        return layer


@dataclass
class Pack:
    """R trials of the same shapes, trained in lock-step.

    Attributes:
        trials: the R trials; they have one `pack_key.pack_key`.
        network: common to all.
        layers: from input to output.
        norms: the network's batch normalisations, for each replica.
        norms_start: the state of `norms` that a method rewinds to, or None.
        round: the method's round that the pack is in, from 0.
        epoch: the epoch of this round that it is in, from 0.
    """

    trials: Sequence[Trial]
    network: Network
    layers: list[Layer]
    norms: Sequence[nn.ModuleList] = ()
    norms_start: list[dict[str, Tensor]] | None = None
    round: int = 0
    epoch: int = 0

    @property
    def trial(self) -> Trial:
        """The first trial, for the fields that all have in common."""
        return self.trials[0]

    def logits(self, images: Tensor) -> Tensor:
        """Return the network's logits, [R, B, classes].

        Args:
            images: [R, B, channels, height, width].
        """
        norms = [list(norms) for norms in self.norms]
        return self.network.forward([layer.used for layer in self.layers], images, norms)

    def evaluating(self, on: bool) -> None:
        """Switch batch normalisation to its running statistics, or back to the batch's."""
        for norms in self.norms:
            norms.train(not on)

    def replicas(self, rows: slice) -> "Pack":
        """Return some of the replicas as a pack of their own: views of these tensors."""
        layers = [layer.replicas(rows) for layer in self.layers]
        norms, at = self.norms[rows], (self.round, self.epoch)
        return Pack(self.trials[rows], self.network, layers, norms, None, *at)

    def flatten(self) -> Layer:
        """Lay the layers side by side in memory, and return them as one layer of tensors [R, P].

        The layers' own tensors become views of its tensors. Each begins on a boundary of 64 bytes;
        the gaps between layers are zero.
        """
        sizes = [layer.weight[0].numel() for layer in self.layers]
        ends = list(accumulate(-(-size // _ALIGNMENT) * _ALIGNMENT for size in sizes))
        starts = [0, *ends[:-1]]

        def flat(name: str) -> Tensor:
            whole = self.layers[0].weight.new_zeros(len(self.trials), ends[-1])
            for layer, start in zip(self.layers, starts, strict=True):
                tensor = getattr(layer, name).detach().flatten(1)
                whole[:, start : start + tensor.shape[1]] = tensor
            return whole

        whole = Layer("all", flat("weight"))
        shared = all(layer.effective_is_trained for layer in self.layers)
        whole.trained = flat("trained")
        whole.effective = whole.trained if shared else flat("effective")
        for layer, start in zip(self.layers, starts, strict=True):
            shape = layer.weight.shape[1:]
            for name in ("weight", "trained", "effective"):
                view = getattr(whole, name)[:, start : start + shape.numel()]
                setattr(layer, name, view.unflatten(1, shape))
            layer.effective.requires_grad_()  # a later round may rank by a gradient
        return whole


def assemble(trials: Sequence[Trial], network: Network, device: torch.device) -> Pack:
    """Draw the weights of each trial and stack them to a pack, replicas first."""
    layers = []
    for index, shape in enumerate(network.layers):
        weight = torch.stack([draw(trial, index, shape) for trial in trials]).to(device)
        factors = [scale(trial, shape) for trial in trials]
        scales = None
        if any(factor != 1 for factor in factors):
            scales = torch.tensor(factors, device=device).view(-1, *[1] * len(shape.shape))
        layers.append(Layer(shape.name, weight, scales, index=index))
    return Pack(trials, network, layers, [norms(trials[0], network).to(device) for _ in trials])


def norms(trial: Trial, network: Network) -> nn.ModuleList:
    """Return one replica's batch normalisations with Keras's constants.

    Keras's momentum of 0.99 is torch's of 0.01.
    """
    return nn.ModuleList(
        nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01, affine=trial.affine)
        for channels in network.channels
    )
