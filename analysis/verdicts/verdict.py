"""What a verdict consists of: comparisons, a conclusion per cell, and all cells combined."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.statistics import multiple
from analysis.statistics.paired import Interval
from analysis.verdicts.claim import Claim, Criterion
from studies.trial import Value

#: The probability of a wrong verdict on one side.
ALPHA = 0.05
#: The level of the two-sided intervals, each bound of which has that probability.
LEVEL = 1 - 2 * ALPHA

Conclusion = Literal["supported", "refuted", "undecided"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """One criterion, at one place of a sweep.

    Attributes:
        criterion: what must be met.
        at: the swept fields with their values.
        pairs: a row per seed that both sides have finished: the arm's columns, those of its partner
            named ``*_of_partner``, and `difference`.
        planned: number of seeds that the definitions plan for both sides.
        first: how many of these the earliest definition planned.
        alone: seeds that only one of the two sides has finished.
        unvalued: seeds that both sides have finished, one of them without the compared value.
        interval: of the mean difference at `LEVEL`; logarithms if the unit is a ratio.
        bound: what the mean must lie above or below; nan if the study states no margin.
        p: p-value of the t test of the claim that the mean lies on the claimed side of the bound.
        p_against: p-value of the t test of the claim that it lies on the other side.
        sign_flip: p-value of the exact sign-flip test of the claim that `p` is about.
        equivalence: p-value of two one-sided t tests within the margin; nan without a margin.
        bca: interval of the mean by the bias-corrected and accelerated bootstrap.
        images: bootstrap interval over seeds and test images; None if no accuracies are compared
            or the answers to each image are missing.
        mcnemar: in how many pairs the arm, and in how many the partner, gets significantly more
            images right (exact McNemar test of each pair); None where `images` is None.
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
        """Whether accuracies of two trials are compared, which have answers to each image."""
        return self.criterion.value == "accuracy" and self.criterion.against is not None

    @property
    def deviation(self) -> float:
        """The standard deviation of the differences; nan for fewer than two pairs."""
        return float(self.pairs["difference"].std())

    def met(self, p: float, interval: Interval | None, *, against: bool = False) -> bool:
        """Return whether a p-value, and an interval if given, show that the criterion is met.

        Args:
            p: the p-value.
            interval: must lie wholly on the same side of the bound.
            against: ask instead whether they show that the criterion is not met.
        """
        if not p < ALPHA:  # also for nan
            return False
        above = (self.criterion.above is not None) != against
        if interval is None:
            return True
        return interval.low > self.bound if above else interval.high < self.bound


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the results say about a claim for one cell.

    Attributes:
        claim: the claim.
        cell: the fields of the arm without those that are swept over.
        comparisons: all criteria at all places of the sweep.
        conclusion: supported, refuted or undecided.
        reason: why it is undecided, in a sentence or two; empty otherwise.
        n: number of seeds, of the comparison with the fewest.
        planned: number of seeds that the study plans for this cell.
        without_diverged_or_dead: the conclusion without pairs in which a trial is diverged or dead.
        diverged_or_dead: numbers of diverged and of dead trials in the pairs.
        exploratory: why the verdict is exploratory; empty for a confirmatory verdict.
        flags: what a reader should know, such as pairs across engines.
        q: p-value by Benjamini and Hochberg among the exploratory verdicts; nan for others.
    """

    claim: Claim
    cell: Mapping[str, Value]
    comparisons: tuple[Comparison, ...]
    conclusion: Conclusion
    reason: str
    n: int
    planned: int
    without_diverged_or_dead: Conclusion
    diverged_or_dead: Mapping[str, int]
    exploratory: tuple[str, ...]
    flags: tuple[str, ...]
    q: float = math.nan

    @property
    def deciding(self) -> list[Comparison]:
        """The comparisons that the verdict depends on."""
        return [comparison for comparison in self.comparisons if comparison.criterion.decides]

    @property
    def decisive(self) -> Comparison:
        """The deciding comparison that comes closest to failing."""
        tested = [comparison for comparison in self.deciding if not math.isnan(comparison.p)]
        return max(tested, key=lambda comparison: comparison.p) if tested else self.deciding[0]

    @property
    def p(self) -> float:
        """The p-value that all criteria are met (intersection-union); nan if one is untestable."""
        return multiple.intersection_union([comparison.p for comparison in self.deciding])

    @property
    def p_against(self) -> float:
        """The p-value that at least one criterion is not met (Holm)."""
        return float(min(multiple.holm([comparison.p_against for comparison in self.deciding])))


@dataclass(frozen=True)
class Overall:
    """A claim for one method over all of its cells.

    Attributes:
        claim: the claim.
        method: the method.
        cells: the verdicts on the cells.
        conclusion: supported if every cell is (no correction, since each must pass), refuted if a
            cell is after Holm's correction over the cells, undecided otherwise. If some cells are
            confirmatory, only those count.
        counted: the cells that count.
        supported: the counted cells that are supported.
        by_holm: how many of these are also supported after Holm's correction, so that they may be
            named one by one.
    """

    claim: Claim
    method: str
    cells: tuple[Verdict, ...]
    conclusion: Conclusion
    counted: tuple[Verdict, ...]
    supported: tuple[Verdict, ...]
    by_holm: int
