"""Pairwise designs: few rows in which every two values of different axes meet at least once.

A set of values is a whole number with a bit for each value. For designs of a study's size that is
as fast as numpy, whose import would slow down `untuned list`.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: By two axes: for each value of the first axis the values of the second one that it has not met.
_Missing = dict[tuple[str, str], list[int]]


def pairwise(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return rows that contain every pair of values of every two axes.

    Each row starts from the first pair that is still missing and takes, axis by axis, the value
    that adds the most missing pairs (Cohen et al. 1997, "The AETG system"). Nothing is random.

    Args:
        axes: the values of each axis, at least one. A single axis gives a row per value.
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
    """Complete a row, and note the pairs that it adds. Values are given by position in their axis.

    Args:
        chosen: the two values that the row starts from.
        missing: the pairs that have not met; updated.
        used: for each axis how often each value was used; updated.
    """
    for name, times in used.items():
        if name not in chosen:
            every = (1 << len(times)) - 1
            best = _in_most((missing[other, name][at] for other, at in chosen.items()), every)
            candidates = (place for place in range(len(times)) if best >> place & 1)
            chosen[name] = min(candidates, key=times.__getitem__)  # the one used least
    for (a, i), (b, j) in itertools.permutations(chosen.items(), 2):
        missing[a, b][i] &= ~(1 << j)
    for name, times in used.items():
        times[chosen[name]] += 1
    return chosen


def _in_most(sets: Iterable[int], every: int) -> int:
    """Return the members that are in the largest number of some sets; all if the sets are empty.

    Args:
        sets: the sets, as bits.
        every: all members, as bits.
    """
    # Each member's count in base 2: for each digit the members for which it is 1.
    digits: list[int] = []
    for carry in sets:
        for place, digit in enumerate(digits):
            digits[place], carry = digit ^ carry, digit & carry
        if carry:
            digits.append(carry)
    for digit in reversed(digits):
        every = every & digit or every
    return every
