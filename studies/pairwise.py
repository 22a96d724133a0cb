"""Pairwise designs: few rows in which every two values of different axes meet at least once."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

_Cell = tuple[str, int]


def pairwise(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows that hold every pair of values of every two axes; a single axis is listed.

    Each row starts from the first pair that is still missing and takes, axis by axis, the value
    that brings most of the missing pairs (Cohen et al. 1997, "The AETG system"); no randomness.

    Args:
        axes: each with its values, at least one.
    """
    order = list(axes)
    if len(order) < 2:
        return [
            dict(zip(order, values, strict=True)) for values in itertools.product(*axes.values())
        ]
    missing = dict.fromkeys(
        ((a, i), (b, j))
        for a, b in itertools.combinations(order, 2)
        for i in range(len(axes[a]))
        for j in range(len(axes[b]))
    )
    used: Counter[_Cell] = Counter()
    rows: list[dict[str, Any]] = []
    while missing:
        chosen = dict(next(iter(missing)))
        for name in order:
            if name not in chosen:
                chosen[name] = _best(name, len(axes[name]), chosen, missing, used, order)
        for pair in itertools.combinations([(name, chosen[name]) for name in order], 2):
            missing.pop(pair, None)
        used.update((name, chosen[name]) for name in order)
        rows.append({name: axes[name][chosen[name]] for name in order})
    return rows


def _best(
    name: str,
    count: int,
    chosen: Mapping[str, int],
    missing: Mapping[tuple[_Cell, _Cell], None],
    used: Counter[_Cell],
    order: Sequence[str],
) -> int:
    """The value of an axis that brings most missing pairs; of several the one used least."""
    before = order.index(name)

    def brings(value: int) -> int:
        """How many missing pairs a value brings."""
        mine = (name, value)
        pairs = (
            ((other, at), mine) if order.index(other) < before else (mine, (other, at))
            for other, at in chosen.items()
        )
        return sum(pair in missing for pair in pairs)

    return max(range(count), key=lambda value: (brings(value), -used[name, value], -value))
