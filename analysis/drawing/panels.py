"""Panels: the rows of a study by the fields that vary within a method."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.cells import label, methods_in, ordered, sort
from analysis.drawing.style import Style, styles
from analysis.tables import Results

#: More panels are hard to read on a page; the figure says how many are left out.
MOST_PANELS = 12


@dataclass(frozen=True)
class Panel:
    """A panel: its title and its rows."""

    title: str
    rows: pd.DataFrame


def panels(results: Results, frame: pd.DataFrame, by: Sequence[str]) -> list[Panel]:
    """Return a panel for each combination of these fields; without fields one untitled panel."""
    if not by:
        return [Panel("", frame)]
    groups = sort(results, frame, by).groupby(list(by), sort=False)
    return [
        Panel(label(dict(zip(by, key, strict=True))), rows.reset_index(drop=True))
        for key, rows in groups
    ]


def styles_of(results: Results, rows: pd.DataFrame) -> dict[str, Style]:
    """Return the methods among the rows with their styles, in the order of display."""
    every = styles([str(name) for name in ordered(results, "method")])
    return {name: every[name] for name in methods_in(results, rows)}
