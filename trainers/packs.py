"""A pack: R networks of the same shapes as tensors with a leading replica axis."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import torch
from torch import Tensor, nn

from studies.trial import Trial
from trainers.networks import Network
from trainers.weights import draw, scale


@dataclass
class Layer:
    """One layer of a pack of R replicas; every tensor is float32 [R, *shape] on one device.

    Attributes:
        name: such as ``fc1``.
        weight: as drawn; fixed for methods that train connections.
        scale: factor on the layer's output, [R, 1, ...], or None where it is 1.
        trained: what the optimiser moves.
        effective: what the network computes with: the leaf that autograd gives a gradient to.
            Where the weights themselves are trained it shares its memory with `trained`.
        mask: a fixed mask of 0 and 1 that the weights are trained under, or None.
        start: weights to go back to, for methods that do, or None.
        index: of the layer, from 0.
        passes: training steps so far, for methods that draw anew in each.
        price: what a connection's being kept adds to the loss, [R, 1, ...], for methods whose loss
            counts connections.
    """

    name: str
    weight: Tensor
    scale: Tensor | None = None
    start: Tensor | None = None
    index: int = 0
    passes: int = 0
    price: Tensor | None = None
    trained: Tensor = field(init=False)
    effective: Tensor = field(init=False)
    mask: Tensor | None = None

    @property
    def bound(self) -> bool:
        """Whether what is trained is the effective weights, in the same memory."""
        return self.trained.data_ptr() == self.effective.data_ptr()

    @property
    def used(self) -> Tensor:
        """What the network's forward pass is given: the effective weights, with the scale."""
        return self.scaled(self.effective)

    def scaled(self, weight: Tensor) -> Tensor:
        """Weights of this layer with the scale, as they count in the forward pass."""
        return weight if self.scale is None else weight * self.scale

    def part(self, rows: slice) -> "Layer":
        """The layer of some of the replicas: views of these tensors."""
        part = Layer(self.name, self.weight[rows], index=self.index, passes=self.passes)
        for name in ("scale", "price", "trained", "effective"):
            tensor = getattr(self, name, None)
            if tensor is not None:
                setattr(part, name, tensor.detach()[rows])
        return part


@dataclass
class Pack:
    """R trials of the same shapes, trained in lock-step.

    Attributes:
        trials: the R trials; they have one `lockstep.pack_key`.
        network: common to all.
        layers: from input to output.
        norms: the network's batch normalisations for each replica.
        norms_start: what these go back to, for methods that rewind, or None.
        round: the method's round that the pack is in, from 0.
    """

    trials: Sequence[Trial]
    network: Network
    layers: list[Layer]
    norms: Sequence[nn.ModuleList] = ()
    norms_start: list[dict[str, Tensor]] | None = None
    round: int = 0

    @property
    def trial(self) -> Trial:
        """The first trial, for the fields that all have in common."""
        return self.trials[0]

    def logits(self, images: Tensor) -> Tensor:
        """The network's answers, [R, B, classes], to images [R, B, channels, height, width]."""
        norms = [list(norms) for norms in self.norms]
        return self.network.forward([layer.used for layer in self.layers], images, norms)

    def evaluating(self, on: bool) -> None:
        """Whether batch normalisation uses its running statistics instead of the batch's."""
        for norms in self.norms:
            norms.train(not on)

    def part(self, rows: slice) -> "Pack":
        """Some of the replicas as a pack of their own: views of these tensors."""
        layers = [layer.part(rows) for layer in self.layers]
        return Pack(self.trials[rows], self.network, layers, self.norms[rows], round=self.round)

    def flatten(self) -> Layer:
        """Lay the layers side by side in memory, and give them as one layer with tensors [R, P].

        The layers' own tensors become views of its tensors. Each begins on a boundary of 64 bytes;
        what lies between two layers is zero.
        """
        ends = list(accumulate(-(-layer.weight[0].numel() // 16) * 16 for layer in self.layers))
        starts = [0, *ends[:-1]]

        def flat(name: str) -> Tensor:
            whole = self.layers[0].weight.new_zeros(len(self.trials), ends[-1])
            for layer, start in zip(self.layers, starts, strict=True):
                tensor = getattr(layer, name).detach().flatten(1)
                whole[:, start : start + tensor.shape[1]] = tensor
            return whole

        whole = Layer("all", flat("weight"))
        bound = all(layer.bound for layer in self.layers)
        whole.trained = flat("trained")
        whole.effective = whole.trained if bound else flat("effective")
        for layer, start in zip(self.layers, starts, strict=True):
            shape = layer.weight.shape[1:]
            for name in ("weight", "trained", "effective"):
                own = getattr(whole, name)[:, start : start + shape.numel()]
                setattr(layer, name, own.unflatten(1, shape))
            layer.effective.requires_grad_()  # a later round may rank by a gradient
        return whole


def assemble(trials: Sequence[Trial], network: Network, device: torch.device) -> Pack:
    """Draw the weights of each trial and stack them to a pack, replicas first."""
    layers = []
    for index, shape in enumerate(network.layers):
        weight = torch.stack([draw(trial, index, shape) for trial in trials]).to(device)
        factors = torch.tensor([scale(trial, shape) for trial in trials], device=device)
        scaled = factors.view(-1, *[1] * len(shape.shape)) if (factors != 1).any() else None
        layers.append(Layer(shape.name, weight, scaled, index=index))
    return Pack(trials, network, layers, [norms(trials[0], network).to(device) for _ in trials])


def norms(trial: Trial, network: Network) -> nn.ModuleList:
    """One replica's batch normalisations with Keras's constants (its momentum is 1 - torch's)."""
    return nn.ModuleList(
        nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01, affine=trial.affine)
        for channels in network.channels
    )
