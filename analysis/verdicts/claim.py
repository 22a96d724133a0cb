"""What a claim is: the cells that are judged, their partners, and the bound that decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd

from analysis.estimates.judged import judged
from analysis.estimates.pairing import at_default
from analysis.tables import Results
from studies.trial import Value

#: Stands for the study's margin as a bound, on the side that the claim allows.
MARGIN: Final = "margin"
#: Seeds of a confirmatory verdict, unless a pilot shows that more are needed.
PLANNED = 15

Rows = Callable[[pd.DataFrame], "pd.Series[bool]"]


@dataclass(frozen=True, eq=False)  # compared by identity, since `against` cannot be hashed
class Criterion:
    """What one comparison of a claim must show.

    Attributes:
        says: what is compared, in words.
        value: the column of the judged trials.
        above: the mean must lie above this fraction; `MARGIN` stands for minus the margin.
        below: the mean must lie below this fraction; `MARGIN` stands for the margin. Exactly one
            of the two is given.
        against: the fields whose values the partner has instead; None for a value without partner.
        ignoring: fields in which the partner may differ.
        share: the fraction of the partner's value that is subtracted.
        unit: ``points`` of accuracy, ``percent`` of connections, ``share`` for a difference of
            such percentages in points, ``ratio`` for the exponential of a logarithm.
        decides: whether the verdict depends on it. If not, it is only shown, where its value is
            recorded.
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
    """A claim and how it is tested.

    Attributes:
        id: such as ``C1``; a further form of a claim has a word appended, as in ``C1-own-recipes``.
        name: one hyphenated word.
        sentence: what is claimed.
        arms: selects the trials that are judged.
        criteria: all criteria that decide must be met.
        study: the shipped study whose cells test it.
        sweep: fields whose values all belong to one verdict.
        least: the fewest places that a sweep must have.
        trials: returns the trials among which arms and partners are found.
        primary: whether a verdict may be confirmatory; a secondary form accompanies another claim.
        seeds: how many planned seeds a confirmatory verdict needs.
        figure: the figure of the report that shows it.
        note: what else a reader should know.
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


def where(**values: Any) -> Rows:
    """Select rows whose fields have these values; a tuple allows any of its values."""

    def chosen(rows: pd.DataFrame) -> "pd.Series[bool]":
        fits = pd.Series(data=True, index=rows.index)
        for name, value in values.items():
            fits &= rows[name].isin(value if isinstance(value, tuple) else (value,))
        return fits

    return chosen


def both(*conditions: Rows) -> Rows:
    """Select rows that meet all of the conditions."""

    def chosen(rows: pd.DataFrame) -> "pd.Series[bool]":
        fits = pd.Series(data=True, index=rows.index)
        for condition in conditions:
            fits &= condition(rows)
        return fits

    return chosen


def differs(*names: str) -> Rows:
    """Select rows whose first field is off its default and whose others are at their defaults."""
    first, *others = names
    return lambda rows: ~at_default(rows, [first]) & at_default(rows, others)
