"""Parts and variants of a study: the trials with some values, and other values for some fields.

Both give axes and grids, so a part or a variant is a definition like any other.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from studies import strict_yaml
from studies.errors import UserError, shown, unknown
from studies.grids import TUNED, fields_of
from studies.pairwise import pairwise
from studies.trial import FIELDS, SETTABLE, Value, check_value

#: Values by field, one or several of each.
Given = Mapping[str, Value | Sequence[Value]]


def parsed(texts: Iterable[str]) -> dict[str, list[Value]]:
    """Return the values that texts such as ``density=0.5`` give; a field may come several times.

    Raises:
        UserError: a text has another form, or a field or a value that a trial does not have.
    """
    given: dict[str, list[Value]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not value.strip():
            raise UserError(f"{shown(text)}: give a field and a value, as in density=0.5")
        _check_name(name)
        typed = _typed(name, value.strip())
        given.setdefault(name, []).append(check_value(name, typed, value.strip()))
    return given


def checked(given: Given) -> dict[str, list[Value]]:
    """Return lists of checked values.

    Raises:
        UserError: a trial does not have such a field or value.
    """
    if not isinstance(given, Mapping):
        raise UserError(f"{shown(given)}: give values by field, as in {{'density': 0.5}}")
    lists: dict[str, list[Value]] = {}
    for name, values in given.items():
        _check_name(name)
        values = plain(values)
        is_one = isinstance(values, str | bytes) or not isinstance(values, Sequence)
        several = [values] if is_one else values
        if not several:
            raise UserError(f"{name}: give at least one value")
        lists[name] = [check_value(name, plain(value)) for value in several]
    return lists


def plain(value: Any) -> Any:
    """Return numbers and arrays of numpy and its relatives as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else value


def part(definition: Mapping[str, Any], only: Mapping[str, Sequence[Value]]) -> dict[str, Any]:
    """Return the keys of a definition that change if only trials with some values are left.

    Args:
        definition: a study's, see `Study.definition`.
        only: for each field the values that a trial may have.

    Raises:
        UserError: no trial of the study has these values.
    """
    combine = definition.get("combine", "product")
    axes: dict[str, list[Any]] = dict(definition["axes"])
    grids: list[dict[str, Any]] = definition["grids"]
    if only and combine == "pairwise":  # which rows there are depends on all values
        rows = [(row, grid) for grid in grids for row in pairwise({**axes, **fields_of(grid)})]
        grids = [
            {**{key: grid[key] for key in grid.keys() - fields_of(grid)}, **_single(row)}
            for row, grid in rows
        ]
        axes, combine = {}, "product"
    for name, wanted in only.items():
        _check_known(definition["name"], name, wanted, axes, grids)
    for name, wanted in only.items():
        kept = [grid for grid in grids if not set(wanted).isdisjoint(_values(name, axes, grid))]
        grids = [
            {**grid, name: [value for value in grid[name] if value in wanted]}
            if name in grid
            else grid
            for grid in kept
        ]
        if name in axes:
            axes[name] = [value for value in axes[name] if value in wanted]
            axes = {key: values for key, values in axes.items() if values}
    if not grids:
        asked = " and ".join(f"{name}={'|'.join(map(str, v))}" for name, v in only.items())
        raise UserError(f"no trial of the study {definition['name']} has {asked}; leave out a part")
    return {"axes": axes, "grids": grids, "combine": combine}


def variant(definition: Mapping[str, Any], change: Mapping[str, Sequence[Value]]) -> dict[str, Any]:
    """Return the keys of a definition that change if all trials get other values of some fields.

    Several values of a field make an axis.

    Args:
        definition: a study's, see `Study.definition`.
        change: the new values of each field.

    Raises:
        UserError: the study tunes a field.
    """
    for name in change:
        if any(name in grid.get(TUNED, ()) for grid in definition["grids"]):
            raise UserError(f"{name}: the study {definition['name']} tunes it; leave it out")
    grids = [
        {key: values for key, values in grid.items() if key not in change}
        for grid in definition["grids"]
    ]
    return {
        "axes": {**definition["axes"], **{n: list(v) for n, v in change.items()}},
        "grids": grids,
    }


def _check_name(name: str) -> None:
    if name == "seed":
        raise UserError("seed is not one of these fields; --seeds 7-7 runs seed 7 alone")
    if name not in SETTABLE:
        raise unknown("field", str(name), [field for field in SETTABLE if field != "seed"])


def _typed(name: str, text: str) -> Any:
    """Return a text as a value of a field's type, as far as it is one.

    Raises:
        UserError: it is a number that a study file refuses, such as 010.
    """
    if FIELDS[name].type is str:
        return text
    try:
        return strict_yaml.load(text, by_hand=True)
    except strict_yaml.MisreadError as error:
        raise UserError(f"{name}: {error.reason}") from None
    except Exception:  # whatever is wrong with it, it is no value of the field
        return text


def _values(name: str, axes: Mapping[str, list[Any]], grid: Mapping[str, Any]) -> list[Any]:
    """Return the values that a field has in a grid."""
    values: list[Any] = {**axes, **grid}.get(name, [FIELDS[name].default])
    return values


def _check_known(
    study: str,
    name: str,
    wanted: Sequence[Value],
    axes: Mapping[str, list[Any]],
    grids: Sequence[Mapping[str, Any]],
) -> None:
    """Refuse values that a field has in no grid."""
    known = {value for grid in grids for value in _values(name, axes, grid)}
    for value in wanted:
        if value not in known:
            raise unknown(f"{name} of the study {study}", str(value), map(str, known))


def _single(row: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {name: [value] for name, value in row.items()}
