"""Pairwise designs: few rows in which every two values of different axes meet at least once."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    # missing[a, b][i, j]: whether value i of a and value j of b have not met; [b, a] is a view.
    missing: dict[tuple[str, str], NDArray[np.bool_]] = {}
    for a, b in itertools.combinations(sizes, 2):
        missing[a, b] = np.ones((sizes[a], sizes[b]), bool)
        missing[b, a] = missing[a, b].T
    used = {name: np.zeros(size, int) for name, size in sizes.items()}
    rows: list[dict[str, Any]] = []
    for a, b in itertools.combinations(sizes, 2):
        for i, j in itertools.product(range(sizes[a]), range(sizes[b])):
            if missing[a, b][i, j]:
                row = _row({a: i, b: j}, missing, used)
                rows.append({name: axes[name][row[name]] for name in sizes})
    return rows


def _row(
    chosen: dict[str, int],
    missing: Mapping[tuple[str, str], NDArray[np.bool_]],
    used: Mapping[str, NDArray[np.int_]],
) -> dict[str, int]:
    """Complete a row, each value as its place in its axis, and note what it brings.

    Args:
        chosen: the two values that it starts from.
        missing: for every two axes which of their values have not met; changed.
        used: for each axis how often its values were used; changed.
    """
    for name, times in used.items():
        if name not in chosen:
            brings = np.sum([missing[other, name][at] for other, at in chosen.items()], axis=0)
            most = np.flatnonzero(brings == brings.max())
            chosen[name] = int(most[times[most].argmin()])  # of several the one used least
    for (a, i), (b, j) in itertools.combinations(chosen.items(), 2):
        missing[a, b][i, j] = False
    for name, times in used.items():
        times[chosen[name]] += 1
    return chosen
