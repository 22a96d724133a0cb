"""Grids that were extended by rule: a further value at an end to which the last step still gains.

The best value of a grid may lie beyond its end. So a grid whose end still gains on the tuning seeds
is extended by a step before fresh seeds run, for all arms alike. Who does so has not looked at a
fresh seed: the definition that first fixed the grid has committed itself to the longer one, too.
"""

from collections.abc import Iterator

import pandas as pd

from analysis.estimates.edges import edges
from analysis.estimates.pairing import keys
from analysis.estimates.tuning import TUNED
from studies.trial import FIELDS, SETTABLE
from studies.tuned import OF_A_FAILURE


def extended_grid(tuning: pd.DataFrame, bit: int) -> dict[str, frozenset[float]]:
    """Return the numbers that a definition fixed, and those by which its rule extends them.

    Args:
        tuning: the trials of a study on tuning seeds, with their results: `defined`, `attempt` and
            `validation_accuracy` beside the fields.
        bit: the definition, as in `defined`.

    Returns:
        For each tuned field with several numbers in the definition: these, and the next one beyond
        an end while some arm of the study has its best value there and the step to it gains.
    """
    first = tuning[(tuning["defined"].to_numpy() & bit) != 0]
    finished = tuning[tuning["attempt"].notna()].fillna({"validation_accuracy": OF_A_FAILURE})
    grids = {}
    for name in TUNED:
        if FIELDS[name].type is float and first[name].nunique() > 1:
            grid, every = {*map(float, first[name])}, {*map(float, tuning[name])}
            while further := {*_further(finished[finished[name].isin(grid)], name, grid, every)}:
                grid |= further
            grids[name] = frozenset(grid)
    return grids


def _further(
    finished: pd.DataFrame, name: str, grid: set[float], every: set[float]
) -> Iterator[float]:
    """Yield the next values beyond the ends of a grid to which the last step gains."""
    gaining = _gaining_ends(finished, name)
    below = [value for value in every if value < min(grid)]
    above = [value for value in every if value > max(grid)]
    if below and min(grid) in gaining:
        yield max(below)
    if above and max(grid) in gaining:
        yield min(above)


def _gaining_ends(finished: pd.DataFrame, name: str) -> set[float]:
    """Return the values at which some arm is at its best and to which the last step gains."""
    (arms,) = keys(finished, on=[n for n in SETTABLE if n not in ("seed", name)])
    ends = set()
    for _, arm in finished.groupby(arms, sort=False):
        best = arm.groupby(name)["validation_accuracy"].mean().idxmax()
        ends |= {float(end) for end in edges(arm, name, "validation_accuracy") if end == best}
    return ends
