"""Pairwise designs: few rows in which every two values of different axes meet at least once.

Sets of values are whole numbers, a bit for each value: as quick as numpy for what a study asks, and
`untuned list` need not wait for its import.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: Of two axes and a value of the first: the values of the second that it has not met, as bits.
_Missing = dict[tuple[str, str], list[int]]


def pairwise(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows that hold every pair of values of every two axes; a single axis is listed.

    Each row starts from the first pair that is still missing and takes, axis by axis, the value
    that brings most of the missing pairs (Cohen et al. 1997, "The AETG system"); no randomness.

    Args:
        axes: each with its values, at least one.
    """
    sizes = {name: len(values) for name, values in axes.items()}
    if len(sizes) < 2:
        return [
            dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
        ]
    missing: _Missing = {
        (a, b): [(1 << sizes[b]) - 1] * sizes[a] for a, b in itertools.permutations(sizes, 2)
    }
    used = {name: [0] * size for name, size in sizes.items()}
    rows: list[dict[str, Any]] = []
    for a, b in itertools.combinations(sizes, 2):
        for i, j in itertools.product(range(sizes[a]), range(sizes[b])):
            if missing[a, b][i] >> j & 1:
                row = _row({a: i, b: j}, missing, used)
                rows.append({name: axes[name][row[name]] for name in sizes})
    return rows


def _row(
    chosen: dict[str, int], missing: _Missing, used: Mapping[str, list[int]]
) -> dict[str, int]:
    """Complete a row, each value as its place in its axis, and note what it brings.

    Args:
        chosen: the two values that it starts from.
        missing: what has not met; changed.
        used: for each axis how often its values were used; changed.
    """
    for name, times in used.items():
        if name not in chosen:
            every = (1 << len(times)) - 1
            best = _in_most((missing[other, name][at] for other, at in chosen.items()), every)
            places = (place for place in range(len(times)) if best >> place & 1)
            chosen[name] = min(places, key=times.__getitem__)  # of several the one used least
    for (a, i), (b, j) in itertools.permutations(chosen.items(), 2):
        missing[a, b][i] &= ~(1 << j)
    for name, times in used.items():
        times[chosen[name]] += 1
    return chosen


def _in_most(sets: Iterable[int], every: int) -> int:
    """Of some sets the members that are in most of them; all members if the sets are empty.

    Args:
        sets: as bits.
        every: all members.
    """
    digits: list[int] = []  # of each member's count, in base 2: the members that have it
    for carry in sets:
        for place, digit in enumerate(digits):
            digits[place], carry = digit ^ carry, digit & carry
        if carry:
            digits.append(carry)
    for digit in reversed(digits):
        every = every & digit or every
    return every
