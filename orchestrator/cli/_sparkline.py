"""Curves in a line of text."""

import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 32) -> str:
    """A curve as blocks from its lowest to its highest value; a gap where it is not finite.

    Args:
        values: the curve; of a long one every block stands for the last of several values.
        width: blocks at most.
    """
    count = min(len(values), width)
    shown = [values[(place + 1) * len(values) // count - 1] for place in range(count)]
    known = [value for value in shown if math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return "".join(_block(value, low, high) for value in shown)


def _block(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return " "
    share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.0  # no overflow
    return _BLOCKS[min(int(share * len(_BLOCKS)), len(_BLOCKS) - 1)]
