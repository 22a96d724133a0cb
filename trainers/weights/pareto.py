"""Pareto magnitudes (an extension): the tail falls as a power, mean square 2 / fan_in.

(1 - u)^(-1 / alpha) is at least 1 and has the mean square alpha / (alpha - 2); a factor makes that
2 / fan_in. The smaller alpha, the heavier the tail; ``pareto(alpha=5)`` has a lighter one. Without
brackets alpha is 3.

The mean square is that of the distribution. With a heavy tail a few draws decide that of a layer:
in a layer of 1,000 weights it is 0.8 to 2.4 times the nominal one at alpha 3, and 0.2 to 7.7 times
at alpha 2.1 (the extremes of 100 seeds), so that scale differs as well as shape.
``pareto(alpha=2.1,normalised)`` scales each layer to the nominal mean square as it is drawn.
"""

import math

from torch import Tensor

from trainers.weights._normalised import normalised as scaled

EXAMPLES = ("pareto", "pareto(alpha=5)", "pareto(normalised)")
PARAMETERS = {"alpha": (3.0, 2.1, 100.0), "normalised": (False,)}


def magnitude(
    uniform: Tensor, fan_in: int, fan_out: int, *, alpha: float, normalised: bool
) -> Tensor:
    """Return (1 - u)^(-1 / alpha) sqrt(2 / fan_in) sqrt((alpha - 2) / alpha), float64."""
    drawn = (1 - uniform) ** (-1 / alpha) * math.sqrt(2 / fan_in * (alpha - 2) / alpha)
    return scaled(drawn, fan_in) if normalised else drawn
