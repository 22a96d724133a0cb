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


def live(pack: Pack, batches: Batches, wiring: Network) -> list[Tensor]:
    """Return which connections would move the logits of some training image, bool [R, *shape] each.

    The logits are weighted at random, so that no two images' gradients cancel.

    Args:
        pack: with its effective weights as they are.
        batches: of its data set.
        wiring: of its network.
    """
    leaves = [layer.effective for layer in pack.layers]
    size = images_at_once(pack)
    first, _ = next(batches.evaluation("train", size))
    pixels = torch.from_numpy(batches.data.varying).to(first.device) | (first[0, 0] != 0)
    # No others can be live. Once all of these are, the other images add nothing.
    candidates = connected(wiring, [leaf.detach() != 0 for leaf in leaves], pixels)
    moving = [torch.zeros_like(layer) for layer in candidates]
    pack.evaluating(True)
    for images, _ in batches.evaluation("train", size):
        with torch.enable_grad():
            logits = pack.logits(images)
            uniform = randomness.uniform(0, "control", 1, logits[0].numel())
            factors = torch.from_numpy(uniform).to(logits).view_as(logits[0])
            gradients = torch.autograd.grad((logits * factors).sum(), leaves)
        for layer, gradient in zip(moving, gradients, strict=True):
            layer |= gradient != 0
        if all(torch.equal(*pair) for pair in zip(moving, candidates, strict=True)):
            break
    pack.evaluating(False)
    return moving


def effective_sizes(
    pack: Pack, batches: Batches, masks: Sequence[Tensor]
) -> list[list[dict[str, int]]]:
    """Return the numbers of live and connected connections, by layer and replica.

    Args:
        pack: after its training.
        batches: of its data set.
        masks: of each layer the state of each connection, [R, *shape]: 1 where it is kept.

    Returns:
        The columns `connected`, `live` and `live_changed` of `studies.schemas.LAYERS`.
    """
    wiring = networks.wiring(pack.trial, batches.data.shape, batches.data.classes, reached)
    used = [layer.effective.detach() != 0 for layer in pack.layers]
    all_pixels = torch.ones(batches.data.shape, dtype=torch.bool, device=batches.device)
    on_path = connected(wiring, used, all_pixels)
    moving = live(pack, batches, wiring)
    return [
        [
            {"connected": c, "live": n, "live_changed": changed}
            for c, n, changed in zip(
                _counts(path & use), _counts(move), _counts(move & (mask <= 0)), strict=True
            )
        ]
        for use, path, move, mask in zip(used, on_path, moving, masks, strict=True)
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
    """Return 1 where anything reaches a unit, else 0: the activation of a wiring."""
    flags: Tensor = _Reached.apply(x)
    return flags
