"""Weight distributions: one file each, with a function `magnitude`.

    magnitude(uniform, fan_in, fan_out) -> magnitudes >= 0, float64, the shape of `uniform`

All families share one rule for the sign: +1 where a common uniform number is below the trial's
`positive_fraction`, else -1. So two families, and two fractions, differ in nothing else
(arXiv:2006.16627, section 4). A magnitude is the family's inverse distribution function at the
uniform number, so a larger number always gives a larger magnitude.

The paper has he-normal, he-constant, glorot-normal and binary, and its code takes any fraction of
positive signs. We add he-uniform, glorot-uniform, lognormal, exponential, skewed-exponential,
pareto and elu-constant. All but Glorot's, binary and elu-constant have the mean square 2 / fan_in:
they differ in shape and, as far as a layer's sample has the mean square of its distribution, not in
scale. The heavy tails of lognormal and pareto need ``(normalised)`` for that.

A file may also have

    signed(uniform, fan_in, fan_out) -> weights     instead, for a family that draws its own signs
    scale(fan_in, fan_out, **parameters) -> factor  on the layer's output, in the forward pass

Parameters in the name are passed to these functions by name.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from studies.trial import Trial
from trainers import randomness, registry
from trainers.networks import LayerShape


def draw(trial: Trial, index: int, layer: LayerShape) -> Tensor:
    """Draw one layer's weights by the trial's seed, float32, ``layer.shape``.

    Args:
        trial: names the distribution, the fraction of positive weights and the seed.
        index: of the layer, from 0.
        layer: its shape.

    Returns:
        The weights, not to be written to: trials of one seed may share them.
    """
    small = torch.Size(layer.shape).numel() <= randomness.REMEMBERED
    drawn = _remembered if small else _drawn
    return drawn(trial.weights, trial.positive_fraction, trial.seed, index, layer)


def _drawn(name: str, positive_fraction: float, seed: int, index: int, layer: LayerShape) -> Tensor:
    n = torch.Size(layer.shape).numel()
    module, family = registry.load("weights", name)
    uniform = torch.from_numpy(randomness.uniform(seed, "magnitude", index, n))
    drawn: Tensor
    if hasattr(module, "signed"):
        drawn = module.signed(uniform, layer.fan_in, layer.fan_out, **family.parameters)
    else:
        positive = torch.from_numpy(randomness.uniform(seed, "sign", index, n))
        sign = torch.where(positive < positive_fraction, 1.0, -1.0)
        drawn = sign * module.magnitude(uniform, layer.fan_in, layer.fan_out, **family.parameters)
    return drawn.to(torch.float32).reshape(layer.shape)


_remembered = lru_cache(maxsize=32)(_drawn)


def redrawn(trial: Trial) -> Trial:
    """Return the trial with another seed, derived from its own, whose weights are unrelated."""
    (word,) = randomness.bits(trial.seed, "control", 0, 1)
    return replace(trial, seed=int(word >> np.uint64(1)))


def scale(trial: Trial, layer: LayerShape) -> float:
    """Return the factor on a layer's output in the forward pass; 1 for most families."""
    module, family = registry.load("weights", trial.weights)
    if not hasattr(module, "scale"):
        return 1.0
    return float(module.scale(layer.fan_in, layer.fan_out, **family.parameters))
