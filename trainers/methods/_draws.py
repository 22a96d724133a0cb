"""Random numbers that a method draws anew in each training step."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainers import randomness
from trainers.packs import Layer, Pack


def uniform(pack: Pack, layer: Layer, turn: int) -> Tensor:
    """Draw uniform numbers of 24 bits in [0, 1), each replica's by its seed; float32 [R, *shape].

    Args:
        pack: for the seeds.
        layer: for its index and shape.
        turn: which of the layer's draws this is, from 0.
    """
    n = layer.weight[0].numel()
    drawn = np.stack([_uniform(trial.seed, layer.index, n, turn) for trial in pack.trials])
    return torch.from_numpy(drawn).to(layer.weight.device).view_as(layer.weight)


def _uniform(seed: int, layer: int, n: int, turn: int) -> npt.NDArray[np.float32]:
    """Uniform numbers, two from each raw word, [n]."""
    words = randomness.bits(seed, "mask", layer, (n + 1) // 2, turn).view(np.uint32)[:n]
    return (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
