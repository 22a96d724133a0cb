"""Draws a curve in a line of text."""

import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 32) -> str:
    """Return a curve as blocks that are scaled from its lowest to its highest value.

    A value that is not finite is a gap.

    Args:
        values: the curve; if it is longer than `width`, each block shows the last of several
            values.
        width: the largest number of blocks.
    """
    count = min(len(values), width)
    shown = [values[(block + 1) * len(values) // count - 1] for block in range(count)]
    finite = [value for value in shown if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_block(value, low, high) for value in shown)


def _block(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return " "
    # Halves do not overflow.
    height = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.0
    return _BLOCKS[min(int(height * len(_BLOCKS)), len(_BLOCKS) - 1)]
