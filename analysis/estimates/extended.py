"""Grids that were extended by rule: a further value at an end to which the last step still gains.

The best value of a grid may lie beyond its end. So a grid whose end still gains on the tuning seeds
is extended by a step before fresh seeds run, for all arms alike. The definition that first fixed
the grid and this rule has committed itself to the longer grid, too.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.cells import CONTROL
from analysis.estimates.edges import edges
from analysis.estimates.pairing import keys
from analysis.estimates.tuning import TUNED
from studies.trial import FIELDS, SETTABLE
from studies.tuned import OF_A_FAILURE

#: The values at which a grid that ended there would still gain: at its lower, at its upper end.
Gaining = Mapping[str, tuple[frozenset[float], frozenset[float]]]
#: The fields that are tuned and whose values have an order, and so ends.
NUMBERS = tuple(n for n in TUNED if FIELDS[n].type in (float, int) and n not in CONTROL)


def gaining(tuning: pd.DataFrame, tuned: Sequence[str]) -> Gaining:
    """Return where a grid that ended there would have to be extended.

    Args:
        tuning: the trials of a study on tuning seeds, with their results.
        tuned: the fields that the study tunes; what differs in another field is another arm.

    Returns:
        For each of these fields that is a number, the values at which some arm is at its best, and
        to which the last step gains, if no lower value counts; and if no higher one does.
    """
    finished = trained(tuning)
    (arms,) = keys(finished, on=[n for n in SETTABLE if n not in ("seed", *tuned)])
    found: dict[str, tuple[set[float], set[float]]] = {
        name: (set(), set()) for name in tuned if name in NUMBERS
    }
    for _, arm in finished.groupby(arms, sort=False):
        for name, (lower, upper) in found.items():
            for value in arm[name].unique():
                if gains_at(arm[arm[name] >= value], tuned, name, value):
                    lower.add(float(value))
                if gains_at(arm[arm[name] <= value], tuned, name, value):
                    upper.add(float(value))
    return {name: (frozenset(lower), frozenset(upper)) for name, (lower, upper) in found.items()}


def trained(tuning: pd.DataFrame) -> pd.DataFrame:
    """Return the finished trials, whose validation accuracy is that by which choices are made."""
    return tuning[tuning["attempt"].notna()].fillna({"validation_accuracy": OF_A_FAILURE})


def gains_at(arm: pd.DataFrame, tuned: Sequence[str], name: str, end: float) -> bool:
    """Return whether an arm has its best value at the end of its grid, and the step there gains.

    Args:
        arm: its trials as `trained` returns them, at least one.
        tuned: the fields that are tuned.
        name: the one of them that is a number.
        end: the smallest or the largest value of it.
    """
    means = arm.groupby(list(tuned), sort=False)["validation_accuracy"].mean()
    key = means.idxmax()
    best = dict(zip(tuned, key if isinstance(key, tuple) else (key,), strict=True))
    if best[name] != end:
        return False
    for other in tuned:
        if other != name:
            arm = arm[arm[other] == best[other]]
    return end in edges(arm, name, "validation_accuracy")


def follows(
    entered: Sequence[tuple[object, ...]],
    first: Sequence[tuple[object, ...]],
    names: Sequence[str],
    where: Gaining,
) -> bool:
    """Return whether a grid follows from an earlier one by the rule.

    Args:
        entered: the configurations of the longer grid, values of `names`.
        first: those of the earlier one.
        names: the fields.
        where: at which values a grid that ends there is extended.

    Returns:
        Whether each new configuration is an earlier one with one of its numbers replaced by the
        next value beyond an end that gains; or by the next one beyond that, and so on.
    """
    allowed = set(first)
    for at, name in enumerate(names):
        lower, upper = where.get(name, (frozenset(), frozenset()))
        if not lower and not upper:
            continue
        grid, every = ({float(str(c[at])) for c in of} for of in (first, entered))
        while further := _further(grid, every, lower, upper):
            grid |= further
            allowed |= {(*c[:at], value, *c[at + 1 :]) for c in first for value in further}
    return allowed.issuperset(entered)


def _further(
    grid: set[float], every: set[float], lower: frozenset[float], upper: frozenset[float]
) -> set[float]:
    """Return the next values beyond the ends of a grid that gain."""
    further = set()
    if (below := [v for v in every if v < min(grid)]) and min(grid) in lower:
        further.add(max(below))
    if (above := [v for v in every if v > max(grid)]) and max(grid) in upper:
        further.add(min(above))
    return further
