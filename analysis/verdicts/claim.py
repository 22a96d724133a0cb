"""What a claim is: the cells that are judged, their partners, and the bound that decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from analysis.estimates.judged import judged
from analysis.estimates.pairing import at_default
from analysis.tables import Results
from studies.trial import Value

#: Stands for the study's margin as a bound, on the side that the claim allows.
MARGIN: Final = "margin"
#: Seeds of a confirmatory verdict, unless a pilot shows that more are needed.
PLANNED = 15
#: The values that are accuracies, of which the answers to each test image are recorded.
ACCURACIES = ("accuracy", "above_chance")

Rows = Callable[[pd.DataFrame], "pd.Series[bool]"]
#: One of the two sides of a comparison.
Side = Literal["arm", "partner"]


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
        preferring: fields among them in which an equal partner is preferred, if there is one.
        share: the fraction of the partner's value that is subtracted.
        unit: ``points`` of accuracy, ``percent`` of connections, ``share`` for a difference of
            such percentages in points, ``ratio`` for the exponential of a logarithm.
        decides: whether the verdict depends on it. If not, it is only shown, where its value is
            recorded.
        only_on: data sets without which it is not required: elsewhere it decides where it has
            partners, and is left out where it has none. None: it is required everywhere.
        helped_by: the side whose failure helps the claim, where the value is made of accuracies
            without being one, such as a regret.
        failures: the columns of pairs that name failures of trials behind such a value that help
            the claim; empty: the failures of the rival.
    """

    says: str
    value: str = "accuracy"
    above: float | Literal["margin"] | None = None
    below: float | Literal["margin"] | None = None
    against: Mapping[str, Value] | None = None
    ignoring: tuple[str, ...] = ()
    preferring: tuple[str, ...] = ()
    share: float = 1.0
    unit: Literal["points", "percent", "share", "ratio"] = "points"
    decides: bool = True
    only_on: tuple[str, ...] | None = None
    helped_by: Side | None = None
    failures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be decided.

        Raises:
            ValueError: it has no bound, or two.
        """
        if (self.above is None) == (self.below is None):
            raise ValueError(f"criterion {self.says!r} needs a bound: either above or below")

    @property
    def has_margin(self) -> bool:
        """Whether the study's margin is the bound."""
        return MARGIN in (self.above, self.below)

    @property
    def of_accuracies(self) -> bool:
        """Whether accuracies of two trials are compared, which have answers to each image."""
        return self.value in ACCURACIES and self.against is not None

    @property
    def rival(self) -> Side | None:
        """The side whose failure helps the claim; None if no accuracies are compared."""
        if not self.of_accuracies:
            return self.helped_by
        return "arm" if self.above is None else "partner"


@dataclass(frozen=True, eq=False)
class Claim:
    """A claim and how it is tested.

    Attributes:
        id: such as ``C1``; a further form of a claim has a word appended, as in ``C1-authors``.
        name: one hyphenated word.
        sentence: what is claimed.
        arms: selects the trials that are judged.
        criteria: all criteria that decide must be met.
        study: the shipped study whose cells test it.
        sweep: fields whose values all belong to one verdict.
        least: the fewest places that a sweep must have.
        enough: the fewest places that must pass the floor before the claim can be supported; of a
            density that was tuned, the fewest densities that must have been tried.
        trials: returns the trials among which arms and partners are found.
        primary: whether a verdict may be confirmatory where a definition names no claims. A
            secondary form accompanies another claim, and may be where a definition names it.
        seeds: how many planned seeds a confirmatory verdict needs.
        floor: which floor the rival must reach: ``method``, within the margin of the best recorded
            mean of its method, and above softmax regression; or ``linear``, the latter alone.
        subject: what is judged, where the arms are several methods of one sweep.
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
    enough: int = 1
    trials: Callable[[Results], pd.DataFrame] = judged
    primary: bool = True
    seeds: int = PLANNED
    floor: Literal["method", "linear"] = "linear"
    subject: str = ""
    figure: str = "forest"
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse a sweep over what a verdict is about.

        Raises:
            ValueError: the claim sweeps over networks or data sets.
        """
        if of_task := {"network", "dataset"}.intersection(self.sweep):
            raise ValueError(
                f"claim {self.id} sweeps over {', '.join(sorted(of_task))}: each network and data "
                "set has a verdict of its own"
            )


def where(**values: Any) -> Rows:
    """Select rows whose fields have these values; a tuple allows any of its values."""

    def chosen(rows: pd.DataFrame) -> "pd.Series[bool]":
        fits = np.ones(len(rows), bool)
        for name, value in values.items():
            fits &= rows[name].isin(value if isinstance(value, tuple) else (value,)).to_numpy()
        return pd.Series(fits, rows.index, dtype=bool)

    return chosen


def both(*conditions: Rows) -> Rows:
    """Select rows that meet all of the conditions."""

    def chosen(rows: pd.DataFrame) -> "pd.Series[bool]":
        fits = np.ones(len(rows), bool)
        for condition in conditions:
            if fits.any():  # most claims have no trials in most results
                fits &= condition(rows).to_numpy(bool)
        return pd.Series(fits, rows.index, dtype=bool)

    return chosen


def differs(*names: str) -> Rows:
    """Select rows whose first field is off its default and whose others are at their defaults."""
    first, *others = names
    return lambda rows: ~at_default(rows, [first]) & at_default(rows, others)
