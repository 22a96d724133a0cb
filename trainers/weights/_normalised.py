"""Scaling what was drawn to an exact mean square."""

import math

from torch import Tensor


def normalised(drawn: Tensor, fan_in: int) -> Tensor:
    """Return the values times a factor, so that their own mean square is 2 / fan_in."""
    return drawn * math.sqrt(2 / fan_in / float(drawn.square().mean()))
