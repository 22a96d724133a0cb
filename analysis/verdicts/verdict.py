"""What a verdict consists of: comparisons, a conclusion per cell, all cells together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.statistics import multiple
from analysis.statistics.paired import Interval
from analysis.verdicts.claim import Claim, Criterion
from studies.trial import Value

#: Of a wrong verdict on one side.
ALPHA = 0.05
LEVEL = 1 - 2 * ALPHA

Conclusion = Literal["supported", "refuted", "undecided"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """One criterion, at one place of a sweep.

    Attributes:
        criterion: what has to be met.
        at: the swept fields with their values.
        pairs: a row per seed that both sides have finished: the arm's columns, those of its partner
            named ``*_of_partner``, and `difference`.
        planned: seeds that the definitions ask both sides for.
        first: how many of these the earliest definition asked for.
        alone: seeds that only one of the two has finished.
        unvalued: seeds that both have finished without the compared value.
        interval: of the mean difference at `LEVEL`; logarithms where the unit is a ratio.
        bound: that the mean must lie above or below; nan where the study fixes no margin.
        p: of the t test that it does.
        p_against: of the t test that it lies on the other side.
        sign_flip: the p-value of the exact sign-flip test that it does.
        equivalence: that of two one-sided t tests within the margin, nan where there is none.
        bca: the interval of the mean by the bias-corrected and accelerated bootstrap.
        images: the bootstrap's interval over seeds and test images, None where it is not one of
            accuracies, or the answers per image are not there.
        mcnemar: of how many pairs the arm, and of how many the partner gets significantly more
            images right (exact McNemar test of each pair); None as `images`.
    """

    criterion: Criterion
    at: Mapping[str, Value]
    pairs: pd.DataFrame
    planned: int
    first: int
    alone: tuple[int, ...]
    unvalued: tuple[int, ...]
    interval: Interval
    bound: float
    p: float
    p_against: float
    sign_flip: float
    equivalence: float
    bca: Interval
    images: Interval | None
    mcnemar: tuple[int, int] | None

    @property
    def of_accuracies(self) -> bool:
        """Whether accuracies are compared, so that there are answers to each image."""
        return self.criterion.value == "accuracy" and self.criterion.against is not None

    @property
    def deviation(self) -> float:
        """The standard deviation of the differences; nan for fewer than two."""
        return float(self.pairs["difference"].std())

    def met(self, p: float, interval: Interval | None, *, against: bool = False) -> bool:
        """Whether a p-value, and the bound of an interval if one is given, say so."""
        if not p < ALPHA:  # nan is not
            return False
        above = (self.criterion.above is not None) != against
        if interval is None:
            return True
        return interval.low > self.bound if above else interval.high < self.bound


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the results say of a claim for one method and cell.

    Attributes:
        claim: the claim.
        cell: the fields of the arm, but for those that are swept over.
        comparisons: all criteria at all places of the sweep.
        conclusion: supported, refuted or undecided.
        reason: why, in a sentence.
        n: seeds behind it, of the comparison with the fewest.
        planned: seeds that the study plans for this cell.
        without_lost: the conclusion without pairs in which a trial diverged or died.
        lost: number of diverged and of dead trials in the pairs.
        exploratory: why the verdict is exploratory; confirmatory where there is no reason.
        flags: what a reader has to know, such as pairs across engines.
        q: p-value by Benjamini and Hochberg among the exploratory verdicts; nan for others.
    """

    claim: Claim
    cell: Mapping[str, Value]
    comparisons: tuple[Comparison, ...]
    conclusion: Conclusion
    reason: str
    n: int
    planned: int
    without_lost: Conclusion
    lost: Mapping[str, int]
    exploratory: tuple[str, ...]
    flags: tuple[str, ...]
    q: float = math.nan

    @property
    def deciding(self) -> list[Comparison]:
        """The comparisons that it depends on."""
        return [one for one in self.comparisons if one.criterion.decides]

    @property
    def decisive(self) -> Comparison:
        """The deciding comparison that comes closest to failing: the one to look at first."""
        known = [one for one in self.deciding if not math.isnan(one.p)]
        return max(known, key=lambda one: one.p) if known else self.deciding[0]

    @property
    def p(self) -> float:
        """That all criteria are met (intersection-union); nan where one cannot be tested."""
        return multiple.intersection_union([one.p for one in self.deciding])

    @property
    def p_against(self) -> float:
        """That one of the criteria is not met (Holm)."""
        return float(min(multiple.holm([one.p_against for one in self.deciding])))


@dataclass(frozen=True)
class Overall:
    """A claim for one method over all of its cells.

    Attributes:
        claim: the claim.
        method: the method.
        cells: the verdicts.
        conclusion: supported where every cell is (no correction: each had to pass), refuted where a
            cell is by Holm's correction over the cells, undecided otherwise. Where some cells are
            confirmatory, only those count.
        counted: the cells that count.
        supported: those of them that are supported.
        by_holm: how many of these are so by Holm's correction, and may be named one by one.
    """

    claim: Claim
    method: str
    cells: tuple[Verdict, ...]
    conclusion: Conclusion
    counted: tuple[Verdict, ...]
    supported: tuple[Verdict, ...]
    by_holm: int
