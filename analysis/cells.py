"""Cells: trials that differ only in their seed; how cells are named and ordered."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.tables import Results, computed_once
from studies.grids import TUNED
from studies.roles import Role
from studies.trial import FIELDS, SETTABLE, Value, fields_with

#: A cell is a combination of these; `revisions` follows from them and is no part of it.
CELL = tuple(name for name in SETTABLE if name != "seed")
#: Fields that training the weights themselves (`dense`) does not read.
METHOD_ONLY = fields_with(Role.METHOD)
#: Fields that make a trial a control of another one.
CONTROL = fields_with(Role.CONTROL)
#: How a network is optimised; a method may have a recipe of its own.
RECIPE = fields_with(Role.RECIPE)
#: What a trial and the dense trial that it is paired with have in common, seed included.
TASK = tuple(name for name in SETTABLE if name not in ("method", *METHOD_ONLY))
#: The same without the seed: what the trials of a cell and their dense partners have in common.
TASK_CELL = tuple(name for name in TASK if name != "seed")
BASELINE = "dense"
#: The network without a hidden layer, on which dense training is softmax regression.
LINEAR = "linear"
#: What a tuned field has as its value in a row of a tuned arm; no trial can have these.
_TUNED: dict[object, Value] = {str: "tuned", float: -math.inf, int: -1, bool: False}
TUNED_VALUES = {name: _TUNED[FIELDS[name].type] for name in (*METHOD_ONLY, *RECIPE)}

_METHODS = (
    BASELINE,
    "free-pruning",
    "free-flipping",
    "minimal-pruning",
    "minimal-flipping",
    "maximal-pruning",
    "supermask",
)
#: What is trained on what: no part of a method's recipe.
_TASKS = ("network", "dataset")
_SEEDS = ("score_seed", "order_seed")
_WORDS = {"positive_fraction": "positive fraction", "adam_epsilon": "Adam's epsilon"}


@computed_once  # figures, pages and verdicts ask for it many times
def varying(results: Results) -> list[str]:
    """Return the fields in which cells differ, finished or planned; `method` is always the last."""
    both, tuned = _both(results), tuned_fields(results)
    names = (n for n in CELL if n != "method" and n not in tuned)
    return [*(n for n in names if both[n].nunique() > 1), "method"]


@computed_once
def tuned_fields(results: Results) -> tuple[str, ...]:
    """Return the fields whose values tuning seeds choose, if they make no cells of their own.

    A seed of an arm has only the chosen value, which may differ from seed to seed and from arm to
    arm. Where a study has trials with other values as well, those are compared like any field.
    """
    grids = (grid for study in results.studies for grid in study.grids)
    tuned = {name for grid in grids for name in grid.get(TUNED, ())}
    if not tuned:
        return ()
    rows = pd.concat([frame[list(SETTABLE)] for frame in (results.plan, results.trials)])
    rows = rows.drop_duplicates()
    several = rows.duplicated([name for name in SETTABLE if name not in tuned])
    return () if several.any() else tuple(name for name in SETTABLE if name in tuned)


def at_chosen(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the values that tuning seeds chose replaced by those of `TUNED_VALUES`.

    Two trials at chosen values are partners, whichever these are. If their values had to be the
    same, only the seeds would be compared for which both sides happened to choose the same.
    """
    return rows.assign(**{name: TUNED_VALUES[name] for name in tuned_fields(results)})


@computed_once
def _both(results: Results) -> pd.DataFrame:
    """Return a row per trial, planned or finished, with the fields that make a cell."""
    return pd.concat([results.plan[list(CELL)], results.trials[list(CELL)]])


def panel_fields(results: Results, *, without: Sequence[str] = ()) -> list[str]:
    """Return the fields that make the panels: those that vary within a method.

    A field that only differs from method to method belongs to the methods' recipes. But different
    networks and data sets are never in one panel: softmax regression is not the dense training of
    another network.

    Args:
        results: the study.
        without: fields that make no panels, such as that of an axis.
    """
    made = [name for name, methods in varied_within(results).items() if methods or name in _TASKS]
    return [name for name in made if name not in without]


def vary_within(rows: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return those of these columns that have several values within a method."""
    counts = rows.groupby("method")[list(names)].nunique()
    return [name for name in names if (counts[name] > 1).any()]


@computed_once
def varied_within(results: Results) -> Mapping[str, frozenset[str]]:
    """Return for each field in which cells differ the methods within which it varies."""
    counts = _both(results).groupby("method")[varying(results)[:-1]].nunique()
    return {name: frozenset(counts.index[counts[name] > 1]) for name in counts.columns}


def varying_within(results: Results, method: str) -> list[str]:
    """Return the fields that make the panels and that vary within a method."""
    within = varied_within(results)
    return [name for name in panel_fields(results) if method in within[name]]


def common(results: Results) -> dict[str, object]:
    """Return the fields that are the same in every cell, with their values."""
    both = _both(results)
    return {name: both[name].iloc[0] for name in CELL if len(both) and both[name].nunique() == 1}


@computed_once
def ordered(results: Results, name: str) -> list[Hashable]:
    """Return a field's values in the order in which they are shown.

    Methods: dense, those that need no density, then the others in the plan's order. Numbers ascend.
    Other names are in the order of the study's definition.
    """
    frames = [results.plan, results.trials]
    if name in ("method", *tuned_fields(results)):  # tuning seeds may have more than are chosen
        frames.insert(1, results.tuning_plan)
    values = pd.concat([frame[name] for frame in frames]).drop_duplicates().tolist()
    if name == "method":
        known = [method for method in _METHODS if method in values]
        return known + [method for method in values if method not in known]
    return values if any(isinstance(value, str) for value in values) else sorted(values)


def methods_in(results: Results, rows: pd.DataFrame) -> list[str]:
    """Return the methods of some rows in the order in which they are shown."""
    present = set(rows["method"])
    return [str(method) for method in ordered(results, "method") if method in present]


def sort(results: Results, frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the frame's rows sorted by these fields, each in the order of `ordered`."""
    frame = frame.reset_index(drop=True)  # a label that occurs twice would repeat its rows
    ranks = {
        name: frame[name].map({value: i for i, value in enumerate(ordered(results, name))})
        for name in by
    }
    order = pd.DataFrame(ranks, index=frame.index).sort_values(list(by), kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def spread(results: Results, frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Repeat the rows of methods that do not use a field for each of the field's values.

    If a study varies a field of some methods, such as `density`, the other methods have a single
    value that means nothing. Their rows are repeated, so that they are in every panel.

    Args:
        results: the study.
        frame: rows with `method` and `by`.
        by: the fields that make the panels.
    """
    every = _both(results)
    for name in set(by).intersection(METHOD_ONLY):
        varied = varied_within(results)[name]
        known = set(every.loc[every["method"].isin(varied), name])
        values: list[Any] = [value for value in ordered(results, name) if value in known]
        uses = frame["method"].isin(varied)
        copies = (frame[~uses].assign(**{name: value}) for value in values)
        frame = pd.concat([frame[uses], *copies], ignore_index=True)
    return frame


def label(values: dict[str, object]) -> str:
    """Return a cell's fields in words: ``he-constant, positive fraction 0.9``."""
    return ", ".join(_phrase(name, value) for name, value in values.items())


def heading(name: str) -> str:
    """Return a field's name as a table's heading: ``positive fraction``."""
    return _WORDS.get(name, name.replace("_", " "))


def shown(name: str, value: object) -> str:
    """Return a field's value for a table; a dash for the density of a method without one."""
    if isinstance(value, (str, bool)):
        return str(value) or "\N{EN DASH}"  # no source
    if name in _SEEDS and value == FIELDS[name].default:
        return "its own"
    return "\N{EN DASH}" if name == "density" and value == 0 else f"{value:g}"


def _phrase(name: str, value: object) -> str:
    if name == "source":
        return f"after {value}" if value else "without a source"
    if name in _SEEDS and value == FIELDS[name].default:
        return f"its own {heading(name)}"
    if isinstance(value, str):  # a choice such as `none` means little without its field
        field = FIELDS.get(name)
        return f"{heading(name)} {value}" if field and field.metadata["choices"] else value
    if isinstance(value, bool):
        return heading(name) if value else f"not {heading(name)}"
    if value == -math.inf:
        return f"{heading(name)} tuned"
    if name == "epochs":
        return f"{value} epoch" if value == 1 else f"{value} epochs"
    return f"{heading(name)} {value:g}"
