"""Weight distributions: one file each, with a function `magnitude`.

    magnitude(uniform, fan_in, fan_out) -> magnitudes >= 0, float64, the shape of `uniform`

All families share one rule for the sign: +1 where a common uniform number lies below the trial's
`positive_fraction`, else -1. So two families, and two fractions, differ in nothing else
(arXiv:2006.16627, section 4).
"""

import torch
from torch import Tensor

from studies.trial import Trial
from trainers import parts, randomness
from trainers.networks import LayerShape


def draw(trial: Trial, index: int, layer: LayerShape) -> Tensor:
    """One layer's weights as the trial's seed draws them, float32, ``layer.shape``.

    Args:
        trial: names the distribution, the fraction of positive weights and the seed.
        index: of the layer, from 0.
        layer: its shape.
    """
    n = torch.Size(layer.shape).numel()
    magnitude = parts.load("weights", trial.weights)[0].magnitude
    uniform = torch.from_numpy(randomness.uniform(trial.seed, "magnitude", index, n))
    positive = torch.from_numpy(randomness.uniform(trial.seed, "sign", index, n))
    sign = torch.where(positive < trial.positive_fraction, 1.0, -1.0)
    drawn: Tensor = sign * magnitude(uniform, layer.fan_in, layer.fan_out)
    return drawn.to(torch.float32).reshape(layer.shape)
