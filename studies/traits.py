"""The traits of methods: what the analysis needs to know of a method, whatever its name.

A trial's row of the table `trials` records the traits of its method. Rows from before these columns
existed have none; for the methods of that time they are listed here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from studies import names


def _trait(meaning: str, *, default: bool = False) -> Any:
    """Declare a trait with its meaning for users: a phrase without a capital and a full stop."""
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class MethodTraits:
    """What the analysis needs to know of a method; the defaults are those of dense training."""

    needs_density: bool = _trait(
        "whether somebody has to choose the fraction of connections that it keeps"
    )
    random_mask: bool = _trait(
        "whether its mask is drawn anew at each pass, so that an evaluation averages over several "
        "masks"
    )
    trains_weights: bool = _trait(
        "whether the weights are trained, with or without a mask", default=True
    )
    by_mask: bool = _trait(
        "whether its mask and the weights as drawn determine the trained network"
    )
    flips: bool = _trait(
        "whether it flips the signs of weights instead of pruning connections; false for a method "
        "that does both, which is compared with those that prune"
    )
    sets_kept_share: bool = _trait(
        "whether one of its parameters fixes or penalises the fraction of connections that it "
        "keeps, such as a density, a threshold or a penalty"
    )


#: The names of the traits, which are columns of the table `trials`.
TRAITS = tuple(trait.name for trait in fields(MethodTraits))

_DENSE = MethodTraits()
_PRUNING = MethodTraits(trains_weights=False, by_mask=True)
_FLIPPING = replace(_PRUNING, flips=True)
_WITH_DENSITY = MethodTraits(needs_density=True, sets_kept_share=True)
_TOP_SCORES = replace(_PRUNING, needs_density=True, sets_kept_share=True)
#: By the names of methods: for rows from before a trait was recorded, and for trials that are
#: planned.
_BY_NAME: Mapping[str, MethodTraits] = {
    "dense": _DENSE,
    "frozen": MethodTraits(trains_weights=False),
    "free-pruning": _PRUNING,
    "minimal-pruning": replace(_PRUNING, sets_kept_share=True),
    "maximal-pruning": replace(_PRUNING, sets_kept_share=True),
    "free-flipping": _FLIPPING,
    "minimal-flipping": replace(_FLIPPING, sets_kept_share=True),
    "edge-popup": _TOP_SCORES,
    "edge-popup-official": _TOP_SCORES,
    "biprop": _TOP_SCORES,
    "gem-miner": _TOP_SCORES,
    "edge-popup-flipping": replace(_TOP_SCORES, flips=True),
    "continuous-sparsification": replace(_PRUNING, sets_kept_share=True),
    "bop": replace(_FLIPPING, sets_kept_share=True),
    "hard-concrete": MethodTraits(trains_weights=False, sets_kept_share=True),
    "signed-supermask": MethodTraits(trains_weights=False, sets_kept_share=True),
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

#: By method, the defaults of its parameters with a value, which are in no name and no results.
_DEFAULTS: Mapping[str, Mapping[str, float]] = {
    "bop": {"tau": 1e-6},
    "continuous-sparsification": {"start": 0.0, "l1": 1e-8, "final": 200.0, "rounds": 1.0},
    "gem-miner": {"l2": 1e-5, "period": 5.0},
    "hard-concrete": {"l0": 1e-6},
    "lottery-ticket": {"rewind": 0.0},
    "signed-supermask": {"tau": 0.4},
}


def default_of(method: str, parameter: str) -> float:
    """Return the default of a parameter of a method; nan if it is not known."""
    return _DEFAULTS.get(names.split(method)[0], {}).get(parameter, math.nan)


def traits_of(row_or_method: Mapping[str, Any] | str) -> MethodTraits:
    """Return the traits of a method.

    Args:
        row_or_method: a row of `trials`, whose recorded traits count, or any mapping with
            `method`; or a method's name.

    Returns:
        The recorded traits. One that is not recorded is that of the method's name. A method that is
        not known by name is taken to train weights, and to need a density if the row has one.
    """
    row: Mapping[str, Any]
    row = {"method": row_or_method} if isinstance(row_or_method, str) else row_or_method
    recorded = {name: bool(row[name]) for name in TRAITS if not _is_missing(row.get(name))}
    traits = replace(_of_name(row), **recorded)
    if "sets_kept_share" not in recorded:  # a density sets it in any method
        traits = replace(traits, sets_kept_share=traits.sets_kept_share or traits.needs_density)
    return traits


def _of_name(row: Mapping[str, Any]) -> MethodTraits:
    stem, _ = names.split(row["method"])
    return _BY_NAME.get(stem) or MethodTraits(needs_density=(row.get("density") or 0) > 0)


def _is_missing(value: Any) -> bool:
    """Whether it is null, as Arrow or pandas has it."""
    return value is None or (isinstance(value, float) and math.isnan(value))
