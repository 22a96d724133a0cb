"""Axes and grids of a study file: which values of which fields, and on which seeds."""

import re
from collections.abc import Mapping
from typing import Any

from studies import seeds
from studies.errors import UserError, shown, unknown
from studies.trial import SETTABLE, Value, check_value

#: The keys of a grid that are not fields of a trial.
SEEDS, TUNED = "seeds", "tuned"
#: Names that a grid's `seeds` may have instead of a range or a list.
TUNING, FRESH = "tuning", "fresh"


def check_axes(given: Any) -> dict[str, list[Value]]:
    """Return a mapping of fields to lists of values; a single value becomes a list.

    Raises:
        ValueError: it is no such mapping, or a value is not allowed.
    """
    return _axes(given, ())


def check_grid(given: Any) -> dict[str, Any]:
    """Return axes that may have `seeds` and `tuned` beside the fields.

    Raises:
        ValueError: as for axes, or `seeds` or `tuned` is not allowed.
    """
    axes: dict[str, Any] = dict(_axes(given, (SEEDS, TUNED)))
    try:
        if SEEDS in given:
            axes[SEEDS] = _seeds(given[SEEDS])
        if TUNED in given:
            axes[TUNED] = _tuned(given[TUNED])
    except UserError as error:
        raise ValueError(str(error)) from None
    if SEEDS in axes and TUNED in axes:
        raise ValueError("seeds and tuned are both given; a grid with tuned fields has its seeds")
    return axes


def fields_of(grid: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return a grid's fields with their values, without its `seeds` and `tuned`."""
    return {name: values for name, values in grid.items() if name not in (SEEDS, TUNED)}


def seeds_of(
    grid: Mapping[str, Any], fresh: list[int], tuning: list[int], default: str | None
) -> list[int]:
    """Return the seeds on which a grid is trained.

    Args:
        grid: the grid.
        fresh: the study's seeds that are not for tuning.
        tuning: those that are.
        default: what counts as the grid's `seeds` if it has none; None for all seeds.
    """
    given = grid.get(SEEDS, default)
    if given is None:
        return [*fresh, *tuning]
    if given in (TUNING, FRESH):
        return tuning if given == TUNING else fresh
    return seeds.listed(given)


def check_tuning(
    grid: Mapping[str, Any], axes: Mapping[str, list[Any]], fresh: list[int], tuning: list[int]
) -> None:
    """Refuse `seeds` and `tuned` of a grid that the rest of the study contradicts.

    Args:
        grid: the grid.
        axes: the study's common axes.
        fresh: the study's seeds that are not for tuning.
        tuning: those that are.

    Raises:
        UserError: there are no tuning seeds, a tuned field has nothing to choose from, or a seed is
            not one of the study's.
    """
    tuned, given = grid.get(TUNED), grid.get(SEEDS)
    if (tuned or given == TUNING) and not tuning:
        key = TUNED if tuned else f"{SEEDS}: {TUNING}"
        raise UserError(f"{key} needs tuning seeds; add tuning_seeds: seed + 1000 to the study")
    for name in tuned or ():
        count = len({**axes, **fields_of(grid)}.get(name, ()))
        if count < 2:
            raise UserError(f"tuned: {name} has {count} values to choose from; give at least two")
    if given is not None and given not in (TUNING, FRESH):
        every = {*fresh, *tuning}
        odd = next((seed for seed in seeds.listed(given) if seed not in every), None)
        if odd is not None:
            raise UserError(f"seeds: {odd} is not among the study's seeds; add it there")


def _axes(given: Any, beside: tuple[str, ...]) -> dict[str, list[Value]]:
    if not isinstance(given, dict):
        raise ValueError(f"{shown(given)} is not a mapping of fields to values")
    axes: dict[str, list[Value]] = {}
    for name, values in given.items():
        if name in beside:
            continue
        if name in ("seed", SEEDS):
            raise ValueError(f"{name} is not an axis; write seeds: N at the top of the file")
        try:
            if name not in SETTABLE:
                raise unknown("field", name, (*SETTABLE, *beside))
            listed = values if isinstance(values, list) else [values]
            axes[name] = [check_value(name, value) for value in listed]
        except UserError as error:
            raise ValueError(str(error)) from None
        if not listed:
            raise ValueError(f"{name}: [] is an empty grid; give at least one value")
    return axes


def _seeds(given: Any) -> str | list[int]:
    if given in (TUNING, FRESH):
        return str(given)
    is_range = isinstance(given, str) and re.fullmatch(seeds.RANGE, given)
    if not is_range and not isinstance(given, list):
        raise UserError(
            f"seeds: {shown(given)} is neither {TUNING}, nor {FRESH}, nor a range or a list of the "
            "study's seeds"
        )
    try:
        return seeds.check(given)  # type: ignore[return-value]  # a text stays one, a list too
    except UserError as error:
        raise UserError(f"seeds: {error}") from None


def _tuned(given: Any) -> list[str]:
    names = given if isinstance(given, list) else [given]
    for name in names:
        if name not in SETTABLE or name == "seed":
            raise unknown("field", name, [name for name in SETTABLE if name != "seed"])
    if not names:
        raise UserError(f"{TUNED}: [] names no field; leave it out, or name a field")
    return list(dict.fromkeys(names))
