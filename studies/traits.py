"""The traits of methods: what the analysis needs to know of a method, whatever its name.

A trial's row of the table `trials` records the traits of its method. Rows from before these columns
existed have none; for the methods of that time they are listed here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from studies import names


@dataclass(frozen=True, kw_only=True)
class MethodTraits:
    """What the analysis needs to know of a method; the defaults are those of dense training.

    Attributes:
        needs_density: whether somebody has to choose the fraction of connections that it keeps.
        random_mask: whether its mask is drawn anew at each pass, so that an evaluation averages
            over several masks.
        trains_weights: whether the weights are trained, with or without a mask.
        by_mask: whether the trained network follows from its mask and the weights as drawn.
        flips: whether it flips the signs of weights instead of pruning connections.
    """

    needs_density: bool = False
    random_mask: bool = False
    trains_weights: bool = True
    by_mask: bool = False
    flips: bool = False


#: The names of the traits, which are columns of the table `trials`.
TRAITS = tuple(field.name for field in fields(MethodTraits))

_DENSE = MethodTraits()
_PRUNING = MethodTraits(trains_weights=False, by_mask=True)
_FLIPPING = MethodTraits(trains_weights=False, by_mask=True, flips=True)
_WITH_DENSITY = MethodTraits(needs_density=True)
#: By the names of the methods that were recorded before there were columns for traits.
_RECORDED_WITHOUT: Mapping[str, MethodTraits] = {
    "dense": _DENSE,
    "frozen": MethodTraits(trains_weights=False),
    "free-pruning": _PRUNING,
    "minimal-pruning": _PRUNING,
    "maximal-pruning": _PRUNING,
    "free-flipping": _FLIPPING,
    "minimal-flipping": _FLIPPING,
    "edge-popup": MethodTraits(needs_density=True, trains_weights=False, by_mask=True),
    "edge-popup-official": MethodTraits(needs_density=True, trains_weights=False, by_mask=True),
    "edge-popup-flipping": MethodTraits(
        needs_density=True, trains_weights=False, by_mask=True, flips=True
    ),
    "supermask": MethodTraits(random_mask=True, trains_weights=False),
    "random-pruning": _WITH_DENSITY,
    "magnitude-pruning": _WITH_DENSITY,
    "lottery-ticket": _WITH_DENSITY,
    "snip": _WITH_DENSITY,
    "grasp": _WITH_DENSITY,
    "synflow": _WITH_DENSITY,
    "free-pruning-weights": _DENSE,
    "free-flipping-weights": MethodTraits(flips=True),
}


def traits_of(row_or_method: Mapping[str, Any] | str) -> MethodTraits:
    """Return the traits of a method.

    Args:
        row_or_method: a row of `trials`, whose recorded traits count, or any mapping with
            `method`; or a method's name.

    Returns:
        The recorded traits. Where none are recorded, those of the method's name. A method that is
        not known by name is taken to train weights, and to need a density if the row has one.
    """
    row: Mapping[str, Any]
    row = {"method": row_or_method} if isinstance(row_or_method, str) else row_or_method
    recorded = {name: row.get(name) for name in TRAITS}
    if not any(_is_missing(value) for value in recorded.values()):
        return MethodTraits(**{name: bool(value) for name, value in recorded.items()})
    stem, _ = names.split(row["method"])
    if stem in _RECORDED_WITHOUT:
        return _RECORDED_WITHOUT[stem]
    return MethodTraits(needs_density=(row.get("density") or 0) > 0)


def _is_missing(value: Any) -> bool:
    """Whether it is null, as Arrow or pandas has it."""
    return value is None or (isinstance(value, float) and math.isnan(value))
