"""Cells: the trials that differ in nothing but their seed, and how they are named and ordered."""

from collections.abc import Hashable, Sequence

import pandas as pd

from analysis.tables import Results
from studies.trial import SETTABLE

#: A cell is a combination of these; `revisions` is derived and no part of it.
CELL = tuple(name for name in SETTABLE if name != "seed")
#: Fields that training the weights themselves (`dense`) does not read.
METHOD_ONLY = ("score_low", "score_high", "score_offset", "penalty", "rescaling", "density")
#: What a trial and the dense trial that it is paired with have in common, seed included.
TASK = tuple(name for name in SETTABLE if name not in ("method", *METHOD_ONLY))
BASELINE = "dense"

_METHODS = (BASELINE, "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping")
_WORDS = {"positive_fraction": "positive fraction", "adam_epsilon": "Adam's epsilon"}


def varying(results: Results) -> list[str]:
    """The fields in which the cells differ, finished or planned; `method` is always the last."""
    both = pd.concat([results.plan[list(CELL)], results.trials[list(CELL)]])
    return [n for n in CELL if n != "method" and both[n].nunique() > 1] + ["method"]


def common(results: Results) -> dict[str, object]:
    """The fields that are the same in every cell, with their values."""
    both = pd.concat([results.plan[list(CELL)], results.trials[list(CELL)]])
    return {name: both[name].iloc[0] for name in CELL if len(both) and both[name].nunique() == 1}


def ordered(results: Results, name: str) -> list[Hashable]:
    """A field's values in the order in which they are shown.

    Methods: dense, the four of the paper, others in the plan's order. Numbers ascend. Other
    names stand in the order of the study's definition.
    """
    values = pd.concat([results.plan[name], results.trials[name]]).drop_duplicates().tolist()
    if name == "method":
        known = [method for method in _METHODS if method in values]
        return known + [method for method in values if method not in known]
    return values if any(isinstance(value, str) for value in values) else sorted(values)


def sort(results: Results, frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The frame's rows sorted by these fields, each in the order of `ordered`."""
    ranks = {
        name: frame[name].map({value: i for i, value in enumerate(ordered(results, name))})
        for name in by
    }
    order = pd.DataFrame(ranks, index=frame.index).sort_values(list(by), kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def label(values: dict[str, object]) -> str:
    """A cell's fields in words: ``he-constant, positive fraction 0.9``."""
    return ", ".join(_phrase(name, value) for name, value in values.items())


def heading(name: str) -> str:
    """A field's name as a table's heading: ``positive fraction``."""
    return _WORDS.get(name, name.replace("_", " "))


def _phrase(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return heading(name) if value else f"not {heading(name)}"
    return f"{value} epochs" if name == "epochs" else f"{heading(name)} {value:g}"
