"""Masks that keep the connections with the largest scores, for methods that rank weights."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from studies.trial import Trial
from trainers import randomness
from trainers.batches import Batches
from trainers.methods import Pack
from trainers.methods.edge_popup import dropped

#: The layer that stands for all layers in the stream of masks.
_TIES = 2**31
_PER_CLASS = 10


def largest(pack: Pack, scores: Sequence[Tensor], density: float) -> list[Tensor]:
    """Masks of the largest scores over these layers, [R, *shape] per layer.

    Args:
        pack: the pack.
        scores: of each layer, [R, *shape].
        density: the fraction of their connections that is kept.
    """
    masks = [
        keep_largest(trial, [layer[r] for layer in scores], density)
        for r, trial in enumerate(pack.trials)
    ]
    return stacked(masks)


def keep_largest(trial: Trial, scores: Sequence[Tensor], density: float) -> list[Tensor]:
    """Masks of one replica: of all n connections floor((1 - density) n) are dropped.

    Equal scores are told apart by the trial's seed; a score that is not a number is the lowest.

    Args:
        trial: for its seed.
        scores: of each layer, [*shape].
        density: the fraction of all connections that is kept.
    """
    flat = torch.cat([layer.flatten() for layer in scores]).double().nan_to_num(nan=-torch.inf)
    chance = torch.from_numpy(randomness.permutation(trial.seed, "mask", _TIES, len(flat)))
    order = chance[flat.cpu()[chance].argsort(stable=True)]
    mask = torch.ones(len(flat))
    mask[order[: dropped(density, len(flat))]] = 0.0
    parts = torch.split(mask, [layer.numel() for layer in scores])
    return [part.view_as(s).to(s.device) for part, s in zip(parts, scores, strict=True)]


def stacked(masks: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Masks per replica and layer as masks per layer, [R, *shape]."""
    return [torch.stack(replicas) for replicas in zip(*masks, strict=True)]


def balanced_loss(pack: Pack, batches: Batches, temperature: float = 1.0) -> Tensor:
    """The loss of one class-balanced batch, ten images of each class, summed over the replicas.

    Batch normalisation is in training mode, and its running statistics stay as they were.

    Args:
        pack: the pack.
        batches: of its data set.
        temperature: that the logits are divided by.
    """
    images, labels = batches.balanced(_PER_CLASS)
    with _unmoved(pack):
        logits = pack.logits(images) / temperature
    loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    return loss / labels.shape[1]


@contextmanager
def _unmoved(pack: Pack) -> Iterator[None]:
    """Scoring in training mode must not move batch normalisation's running statistics."""
    states = [copy.deepcopy(norms.state_dict()) for norms in pack.norms]
    yield
    for norms, state in zip(pack.norms, states, strict=True):
        for name, buffer in norms.named_buffers():
            buffer.data = state[name]
