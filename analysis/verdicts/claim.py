"""What a claim is: which cells are judged, what each is held against, the bound that decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd

from analysis.estimates.pairing import at_default, judged
from analysis.tables import Results
from studies.trial import Value

#: A bound that is the study's own margin, on the side that the claim allows.
MARGIN: Final = "margin"
#: Seeds of a confirmatory verdict, unless a pilot asks for more.
PLANNED = 15

Rows = Callable[[pd.DataFrame], "pd.Series[bool]"]


@dataclass(frozen=True, eq=False)  # each is itself and no other
class Criterion:
    """What one comparison of a claim must show.

    Attributes:
        says: what is compared, for people.
        value: the column of the judged trials.
        above: the mean must lie above this, as a fraction; `MARGIN` stands for minus the margin.
        below: or below this; `MARGIN` stands for the margin. One of the two is given.
        against: the fields that the partner has instead; None where a value stands for itself.
        ignoring: fields in which the partner may differ.
        share: of the partner's value that is taken away.
        unit: ``points`` of accuracy, ``percent`` of connections, ``share`` for points of that, or
            ``ratio`` of a logarithm.
        decides: whether the verdict depends on it, or it is only shown beside, as far as the
            value is recorded.
    """

    says: str
    value: str = "accuracy"
    above: float | Literal["margin"] | None = None
    below: float | Literal["margin"] | None = None
    against: Mapping[str, Value] | None = None
    ignoring: tuple[str, ...] = ()
    share: float = 1.0
    unit: Literal["points", "percent", "share", "ratio"] = "points"
    decides: bool = True


@dataclass(frozen=True, eq=False)
class Claim:
    """A claim and how it is settled.

    Attributes:
        id: such as ``C1``; a further form of one has a word behind it.
        name: in a word.
        sentence: what is claimed.
        arms: which of the trials are judged.
        criteria: all that decide must be met.
        study: a shipped study whose cells test it.
        sweep: fields whose values all belong to one verdict.
        least: places that a sweep has to have.
        trials: where arms and partners are taken from.
        primary: whether a verdict may be confirmatory; a secondary form stands beside another one.
        seeds: planned ones of a confirmatory verdict.
        figure: the figure of the report that shows it.
        note: what else has to be said.
    """

    id: str
    name: str
    sentence: str
    arms: Rows
    criteria: tuple[Criterion, ...]
    study: str
    sweep: tuple[str, ...] = ()
    least: int = 1
    trials: Callable[[Results], pd.DataFrame] = judged
    primary: bool = True
    seeds: int = PLANNED
    figure: str = "forest"
    note: str = ""


def where(**wanted: Any) -> Rows:
    """Rows whose fields have these values, or one of these where a tuple is given."""

    def chosen(rows: pd.DataFrame) -> "pd.Series[bool]":
        fits = pd.Series(data=True, index=rows.index)
        for name, value in wanted.items():
            fits &= rows[name].isin(value if isinstance(value, tuple) else (value,))
        return fits

    return chosen


def both(*conditions: Rows) -> Rows:
    """Rows that meet all of the conditions."""

    def chosen(rows: pd.DataFrame) -> "pd.Series[bool]":
        fits = pd.Series(data=True, index=rows.index)
        for condition in conditions:
            fits &= condition(rows)
        return fits

    return chosen


def differs(*names: str) -> Rows:
    """Rows with exactly one of these fields, and that the first, off its default."""
    first, *others = names
    return lambda rows: ~at_default(rows, [first]) & at_default(rows, others)
