"""Which connections of a trained network do anything: effective size.

A connection is *connected* if it is used and lies on a path of used connections from a pixel to a
class. It is *live* if the logits of some training image would move with its effective weight. The
network's own forward pass finds both.

For the connected ones it is run on ones, with a weight of 1 for every used connection. Each unit's
value is set to 1 where it is above zero, and so is each gradient on its way back. A connection's
gradient is then above zero exactly where its input is reached from a pixel and its output reaches a
class.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from trainers import networks, randomness
from trainers.batches import Batches
from trainers.measures.evaluation import images_at_once
from trainers.methods import Pack
from trainers.networks import Network


def connected(wiring: Network, used: Sequence[Tensor], pixels: Tensor) -> list[Tensor]:
    """Return which connections would lie on a path from a pixel to a class if they were used.

    Args:
        wiring: the network with `reached` as its activation, see `networks.wiring`.
        used: of each layer whether each connection is used, bool [R, *shape].
        pixels: whether each pixel counts as an input, bool [channels, height, width].

    Returns:
        bool [R, *shape] for each layer; a connection that is not used itself may be among them.
    """
    ones = [u.float().requires_grad_() for u in used]
    replicas = used[0].shape[0]
    images = pixels.float().expand(replicas, 1, *pixels.shape)
    identity = [[torch.nn.Identity()] * len(wiring.channels)] * replicas
    with torch.enable_grad():
        total = wiring.forward(ones, images, identity).sum()
        gradients = torch.autograd.grad(total, ones)
    return [gradient > 0 for gradient in gradients]


class LiveSearch:
    """Finds the connections that would move the logits of some training image, batch by batch.

    Args:
        pack: after its training; its effective weights stay as they are during the search.
        batches: of its data set.

    Attributes:
        found: whether each connection is live as far as is known, bool [R, *shape] of each layer.
        complete: whether no further image can add a connection.
    """

    def __init__(self, pack: Pack, batches: Batches) -> None:
        self._leaves = [layer.effective for layer in pack.layers]
        used = [leaf.detach() != 0 for leaf in self._leaves]
        wiring = networks.wiring(pack.trial, batches.data.shape, batches.data.classes, reached)
        all_pixels = torch.ones(batches.data.shape, dtype=torch.bool, device=batches.device)
        #: Whether each connection would lie on a path, see `connected`.
        self.on_path = connected(wiring, used, all_pixels)
        first, _ = next(batches.evaluation("train", images_at_once(pack)))
        varying = torch.from_numpy(batches.data.varying).to(first.device)
        # No others can be live. A layer in which all of these are needs no further gradient.
        self._candidates = connected(wiring, used, varying | (first[0, 0] != 0))
        self.found = [torch.zeros_like(layer) for layer in self._candidates]
        self._open = list(range(len(self.found)))
        self._factors = torch.empty(0)

    @property
    def complete(self) -> bool:
        """See the class."""
        return not self._open

    def note(self, logits: Tensor) -> None:
        """Take the logits of some images, [R, B, classes], through which autograd can go back.

        They are weighted at random, so that no two images' gradients cancel.
        """
        if len(self._factors) != logits[0].numel():
            uniform = randomness.uniform(0, "control", 1, logits[0].numel())
            self._factors = torch.from_numpy(uniform).to(logits)
        with torch.enable_grad():
            total = (logits * self._factors.view_as(logits[0])).sum()
        gradients = torch.autograd.grad(total, [self._leaves[i] for i in self._open])
        for i, gradient in zip(self._open, gradients, strict=True):
            self.found[i] |= gradient != 0
        self._open = [i for i in self._open if not torch.equal(self.found[i], self._candidates[i])]


def search(pack: Pack, batches: Batches, live: LiveSearch) -> None:
    """Show a search all training images."""
    pack.evaluating(True)
    for images, _ in batches.evaluation("train", images_at_once(pack)):
        if live.complete:
            break
        with torch.enable_grad():
            logits = pack.logits(images)
        live.note(logits)
    pack.evaluating(False)


def effective_sizes(
    pack: Pack, live: LiveSearch, masks: Sequence[Tensor]
) -> list[list[dict[str, int]]]:
    """Return the numbers of live and connected connections, by layer and replica.

    Args:
        pack: after its training.
        live: the search in its training images.
        masks: of each layer the state of each connection, [R, *shape]: 1 where it is kept.

    Returns:
        The columns `connected`, `live` and `live_changed` of `studies.schemas.LAYERS`.
    """
    used = [layer.effective.detach() != 0 for layer in pack.layers]
    return [
        [
            {"connected": c, "live": n, "live_changed": changed}
            for c, n, changed in zip(
                _counts(path & use), _counts(move), _counts(move & (mask <= 0)), strict=True
            )
        ]
        for use, path, move, mask in zip(used, live.on_path, live.found, masks, strict=True)
    ]


def _counts(flags: Tensor) -> list[int]:
    counts: list[int] = flags.flatten(1).sum(dim=1).tolist()
    return counts


class _Reached(torch.autograd.Function):
    """1 where the input is above zero; on the way back the same for the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Of any shape."""
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Of the same shape."""
        return (gradient > 0).to(gradient.dtype)


def reached(x: Tensor) -> Tensor:
    """Return 1 where anything reaches a unit, else 0, of x's shape: a wiring's activation."""
    flags: Tensor = _Reached.apply(x)
    return flags
