"""What was fixed before anything was known: the definitions that committed themselves to trials.

A definition has committed itself to a trial if it was recorded before any trial with its seed was
finished, in this study or in one beside it. Studies that are analysed together may each commit one
side of a comparison. But one definition must have committed itself to all seeds of a side: whoever
extends a study, or adds another one with more seeds, may have looked.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.tables import Results, bit_of, computed_once

if TYPE_CHECKING:
    from studies.study import Study


def seeds_committed(results: Results, sides: Sequence[NDArray[np.int64]]) -> int:
    """Return how many pairs one definition has committed itself to, one of each side.

    Args:
        results: the studies.
        sides: the column `committed` of the arms, and of their partners.

    Returns:
        The largest number over the choices of a definition for each side. Two definitions of one
        study are never chosen together.
    """
    return max((int(has.sum()) for has in _committed(results, sides)), default=0)


def still_planned(
    results: Results, sides: Sequence[NDArray[np.int64]], finished: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the planned pairs without those that were planned later and of which none has begun.

    Where one definition has committed itself to all pairs that are finished, further ones count
    only if it, or another such definition, has them as well. So nobody unsettles a verdict by
    planning seeds that never run; but whoever had planned more from the start cannot stop earlier.

    Args:
        results: the studies.
        sides: the column `committed` of the arms, and of their partners.
        finished: the pairs of which a trial is finished.
    """
    every = np.ones(len(finished), bool)
    if finished.all() or not finished.any():
        return every
    whole = [has for has in _committed(results, sides) if has[finished].all()]
    return np.logical_or.reduce(whole) if whole else every


def _committed(results: Results, sides: Sequence[NDArray[np.int64]]) -> Iterator[NDArray[np.bool_]]:
    """Yield the pairs that one definition of each side has committed itself to, for each choice."""
    masks = np.stack(sides)
    for choice in _choices(results, len(sides)):
        yield ((masks & np.array(choice, np.int64)[:, None]) != 0).all(axis=0)


@computed_once
def _choices(results: Results, sides: int) -> tuple[tuple[int, ...], ...]:
    """Return the choices of a definition for each side, as bits."""
    names = [study.name for study in results.studies]
    bits = [bit_of(number) for number in range(len(names))]
    choices = [
        tuple(bits[number] for number in chosen)
        for chosen in product(range(len(names)), repeat=sides)
        if len({names[number] for number in chosen}) == len(set(chosen))
    ]
    return tuple(choices) or ((1,) * sides,)


def definitions_in(results: Results, bits: int) -> "list[Study]":
    """Return the definitions in a set, such as a value of the columns `defined` and `committed`."""
    return [one for number, one in enumerate(results.studies) if bits & bit_of(number)]


def is_recorded(results: Results) -> bool:
    """Return whether every definition says what was known when it was recorded."""
    return all(recorded.known is not None for recorded in results.definitions)
