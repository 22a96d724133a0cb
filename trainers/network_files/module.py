"""A trained network as an ordinary torch module: images in, logits out, weights as parameters."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trainers import methods
from trainers.network_files.format import Saved


class PlainNetwork(nn.Module):
    """A network whose weights are the effective weights after training.

    If the method's masks are random, they are the expected effective weights.

    Its state dict is that of any module with layers of these names and without biases:
    ``fc1.weight``, ``stage1.block1.conv1.weight``; batch normalisations are ``norms.0`` and so on,
    in the order of the forward pass. The buffers `mean`, `std` and `white` normalise an image.

    Args:
        saved: a trained network's file.

    Attributes:
        about: the file's JSON: the trial, the data set, the network's scores.
    """

    mean: Tensor
    std: Tensor
    white: Tensor

    def __init__(self, saved: Saved) -> None:
        super().__init__()
        pack = saved.pack()
        methods.load(saved.trained.trial).expected(pack)
        self.about: Mapping[str, Any] = saved.about
        self._network, self._names = saved.network, [la.name for la in saved.network.layers]
        for layer in pack.layers:
            _place(self, layer.name, _Weights(layer.used[0].detach().clone()))
        self.norms = pack.norms[0]
        self.register_buffer("mean", saved.mean)
        for name in ("std", "white"):
            number = torch.tensor(saved.about[name], dtype=torch.float64)
            self.register_buffer(name, number.to(torch.float32))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, [B, classes].

        Args:
            images: pixels as in the data set's files, 0 to `white`, of any type of number,
                [B, channels, height, width].
        """
        x = images.to(self.mean.dtype).div(self.white).sub(self.mean).div(self.std)
        weights = [self.get_parameter(f"{name}.weight")[None] for name in self._names]
        logits: Tensor = self._network.forward(weights, x[None], [list(self.norms)])
        return logits[0]


class _Weights(nn.Module):
    """A layer's weights; the network's forward pass uses them."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)

    def extra_repr(self) -> str:
        """Return the shape, [outputs, inputs, ...]."""
        return " x ".join(map(str, self.weight.shape))


def _place(root: nn.Module, name: str, module: nn.Module) -> None:
    """Add a module under a dotted name, with a module for each of the names before the last."""
    *path, last = name.split(".")
    for part in path:
        if not hasattr(root, part):
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    root.add_module(last, module)
