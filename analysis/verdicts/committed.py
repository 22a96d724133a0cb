"""What was fixed before anything was known: the definitions that committed themselves to trials.

A definition has committed itself to a trial if it was recorded before any trial with its seed was
finished, in this study or in one beside it. Studies that are analysed together may each commit
their own trials, but a study must do so with one definition: whoever extends it has looked.
"""

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.tables import Results, computed_once

if TYPE_CHECKING:
    from studies.study import Study

#: Stands for a trial of which no definition need be recorded, such as a round of a benchmark.
ALWAYS = -1
#: More combinations of definitions are not tried.
_MOST = 1000


def seeds_committed(results: Results, sides: Sequence[NDArray[np.int64]]) -> int:
    """Return how many pairs one definition of each study has committed itself to.

    Args:
        results: the studies.
        sides: the column `committed` of the arms, and of their partners.

    Returns:
        The largest number over the choices of one definition per study.
    """
    columns = [np.asarray(side, float) for side in sides]
    if not columns or not columns[0].size:
        return 0
    masks = np.stack([np.nan_to_num(column).astype(np.int64) for column in columns])
    return max(int(((masks & choice) != 0).all(axis=0).sum()) for choice in _choices(results))


@computed_once
def _choices(results: Results) -> tuple[int, ...]:
    """Return the sets of definitions that have at most one of each study."""
    bits: dict[str, list[int]] = {}
    for number, study in enumerate(results.studies):
        bits.setdefault(study.name, []).append(1 << min(number, 52))
    choices = [sum(one) for one, _ in zip(product(*bits.values()), range(_MOST), strict=False)]
    return tuple(choices) or (1,)


def definitions_in(results: Results, bits: int) -> "list[Study]":
    """Return the definitions in a set, such as a value of the columns `defined` and `committed`."""
    return [one for number, one in enumerate(results.studies) if bits >> min(number, 52) & 1]


def is_recorded(results: Results) -> bool:
    """Return whether every definition says what was known when it was recorded."""
    return all(recorded.known is not None for recorded in results.definitions)
