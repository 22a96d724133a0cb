"""What a verdict consists of: comparisons, a conclusion per cell, and all cells combined."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from analysis.estimates.judged import correctness
from analysis.statistics import multiple, permutation, resampling
from analysis.statistics.overview import probability_of_improvement
from analysis.statistics.paired import Estimate, Interval, t_interval, tost
from analysis.verdicts.claim import Claim, Criterion
from studies.trial import Value

#: The probability of a wrong verdict on one side.
ALPHA = 0.05
#: The level of the two-sided intervals, each bound of which has that probability.
LEVEL = 1 - 2 * ALPHA
#: The seed of the bootstraps. Another seed changes their intervals only by chance.
SEED = 20_200_616

#: Confirmatory verdicts are supported, refuted or undecided. Exploratory verdicts have other words,
#: so that nobody can quote them as confirmed.
Conclusion = Literal["supported", "refuted", "undecided", "suggests", "speaks against", "open"]
EXPLORATORY: dict[str, Conclusion] = {
    "supported": "suggests",
    "refuted": "speaks against",
    "undecided": "open",
}


@dataclass(frozen=True, eq=False)
class Comparison:
    """One criterion, at one place of a sweep.

    Attributes:
        criterion: what must be met.
        at: the swept fields with their values.
        pairs: a row per seed that both sides have finished: the arm's columns, those of its partner
            named ``*_of_partner``, and `difference`.
        planned: number of seeds that the definitions plan for both sides.
        committed: of these, the seeds to which one definition for each side has committed itself
            before any of their trials was finished.
        definitions: the definitions that committed themselves to some trial of either side, as a
            number like those of the column `committed`.
        alone: seeds that only one of the two sides has finished.
        unvalued: seeds that both sides have finished, one of them without the compared value.
        bound: what the mean must lie above or below; nan if the study states no margin.
        estimate: the mean difference with the standard error that supports: over seeds and test
            images, or over seeds alone if no answers to images are compared.
        against: the same for a refutation; another one if the rival's tuning budget is cut.
        over_images: whether the estimate counts the noise of test images.
        softmax: the accuracy of softmax regression, which every trial of the rival must exceed; nan
            if none need do so.
        floor: in words, why the rival is below its floor, so that the comparison cannot support the
            claim; empty otherwise.
        not_judged: in words, why the trials allow no conclusion; empty otherwise.
        nested: whether no choice on tuning seeds serves several seeds.
        behind: how far the rival's mean lies below the best recorded one of its method, a fraction;
            0 where the claim does not ask.
        above: how far the rival's mean lies above softmax regression, a fraction: a margin at least
            this large supports nothing; infinite where no margin counts.
        complete: whether all planned seeds are finished.
        added: whether its place in the sweep was added later and does not count.
        q: p-value for the claim, adjusted by Benjamini and Hochberg over all exploratory
            comparisons; nan in a confirmatory verdict.
        q_against: the same against the claim.
    """

    criterion: Criterion
    at: Mapping[str, Value]
    pairs: pd.DataFrame
    planned: int
    committed: int
    definitions: int
    alone: tuple[int, ...]
    unvalued: tuple[int, ...]
    bound: float
    estimate: Estimate
    against: Estimate
    over_images: bool
    softmax: float = math.nan
    floor: str = ""
    not_judged: str = ""
    nested: bool = True
    behind: float = 0.0
    above: float = math.inf
    complete: bool = True
    added: bool = False
    q: float = math.nan
    q_against: float = math.nan

    @cached_property
    def interval(self) -> Interval:
        """Of the mean difference at `LEVEL`; logarithms if the unit is a ratio."""
        return self.estimate.interval(LEVEL)

    @cached_property
    def p(self) -> float:
        """The p-value of the claim that the mean lies on the claimed side of the bound."""
        return self._side(self.estimate, self.is_above)

    @cached_property
    def p_against(self) -> float:
        """The p-value of the claim that the mean lies on the other side.

        1 while planned seeds are missing, so that nobody may stop where it looks best.
        """
        p = self._side(self.against, not self.is_above)
        return p if self.complete or math.isnan(p) else 1.0

    def _side(self, estimate: Estimate, above: bool) -> float:
        return estimate.greater(self.bound) if above else estimate.less(self.bound)

    @property
    def is_above(self) -> bool:
        """Whether the mean must lie above the bound, not below it."""
        return self.criterion.above is not None

    @property
    def differences(self) -> np.ndarray:
        """The difference of each pair, [n]."""
        return self.pairs["difference"].to_numpy(float)

    @property
    def deviation(self) -> float:
        """The standard deviation of the differences; nan for fewer than two pairs."""
        return float(self.differences.std(ddof=1)) if len(self.pairs) > 1 else math.nan

    @property
    def smallest_margin(self) -> float:
        """The smallest margin with which the criterion would be met; nan if no margin decides."""
        if not self.criterion.has_margin:
            return math.nan
        return max(self.reach, 0.0) if not math.isnan(self.reach) else math.nan

    @property
    def reach(self) -> float:
        """How far the interval reaches beyond zero against the claim; may be negative."""
        return -self.interval.low if self.is_above else self.interval.high

    # What follows does not decide, and is computed only where it is shown.

    @cached_property
    def over_seeds(self) -> Interval:
        """The t interval over seeds alone, at `LEVEL`."""
        return t_interval(self.differences, LEVEL)

    @cached_property
    def sign_flip(self) -> float:
        """The p-value of the exact sign-flip test of the claim that `p` is about."""
        sign = 1 if self.is_above else -1
        return permutation.sign_flip(sign * self.differences, sign * self.bound)

    @cached_property
    def equivalence(self) -> float:
        """The p-value of two one-sided t tests within the margin; nan without a margin."""
        if not self.criterion.has_margin or math.isnan(self.bound):
            return math.nan
        return tost(self.differences, abs(self.bound))

    @cached_property
    def bca(self) -> Interval:
        """The interval of the mean by the bias-corrected and accelerated bootstrap over seeds."""
        return resampling.bca(self.differences, level=LEVEL, seed=SEED)

    @cached_property
    def mcnemar(self) -> tuple[int, int] | None:
        """In how many pairs the arm, and in how many the partner, has more images right.

        By the exact McNemar test of each pair; None where no answers to images are compared.
        """
        if not self.over_images:
            return None
        ours, theirs = correctness(self.pairs), correctness(self.pairs, "_of_partner")
        assert ours is not None  # noqa: S101  (`over_images` says so)
        assert theirs is not None  # noqa: S101
        p = np.array([resampling.mcnemar(a, b) for a, b in zip(ours, theirs, strict=True)])
        better = ours.sum(axis=1) > theirs.sum(axis=1)
        return int(((p < ALPHA) & better).sum()), int(((p < ALPHA) & ~better).sum())

    @cached_property
    def improvement(self) -> Interval | None:
        """The probability that a run of the arm is better than one of the partner (secondary)."""
        if not self.criterion.of_accuracies or self.criterion.share != 1:
            return None
        value = self.criterion.value
        sides = (self.pairs[name].to_numpy(float) for name in (value, f"{value}_of_partner"))
        return probability_of_improvement(*sides, level=LEVEL, seed=SEED)


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the results say about a claim for one cell.

    Attributes:
        claim: the claim.
        cell: the fields of the arm without those that are swept over.
        comparisons: all criteria at all places of the sweep.
        conclusion: supported, refuted or undecided; suggests, speaks against or open if the verdict
            is exploratory.
        uncorrected: the conclusion that a confirmatory verdict with these comparisons would have.
        reason: why it is undecided or open, in a sentence or two; empty otherwise.
        n: number of seeds, of the comparison with the fewest; if the claim is refuted, among the
            finished ones.
        smallest_margin: the smallest margin that would be supported; nan if none would, or no
            margin decides.
        planned: number of seeds that the study plans for this cell.
        without_diverged_or_dead: the conclusion without the pairs in which a trial has failed.
        failures: numbers of diverged and dead trials, and of others at chance, in the pairs.
        exploratory: why the verdict is exploratory; empty for a confirmatory verdict.
        added: whether its trials were added later, on a data set that settles something.
        flags: what a reader should know, such as pairs across engines.
    """

    claim: Claim
    cell: Mapping[str, Value]
    comparisons: tuple[Comparison, ...]
    conclusion: Conclusion
    uncorrected: Conclusion
    reason: str
    n: int
    planned: int
    without_diverged_or_dead: Conclusion
    failures: Mapping[str, int]
    exploratory: tuple[str, ...]
    smallest_margin: float
    added: bool
    flags: tuple[str, ...]

    @property
    def method(self) -> str:
        """The method that is judged, or what stands for several of them."""
        return str(self.cell.get("method", self.claim.subject))

    @property
    def supports(self) -> bool:
        """Whether the results speak for the claim."""
        return self.conclusion in ("supported", "suggests")

    @property
    def opposes(self) -> bool:
        """Whether the results speak against the claim."""
        return self.conclusion in ("refuted", "speaks against")

    @property
    def deciding(self) -> list[Comparison]:
        """The comparisons that the verdict depends on."""
        return [one for one in self.comparisons if one.criterion.decides and not one.added]

    @property
    def decisive(self) -> Comparison:
        """The deciding comparison that comes closest to failing.

        It is the one that needs the largest margin, or whose interval comes closest to needing one;
        where margins do not decide, the one with the largest p-value. If the claim is refuted,
        unfinished comparisons do not count.
        """
        tested = [comparison for comparison in self.deciding if not math.isnan(comparison.p)]
        if self.opposes:
            tested = [comparison for comparison in tested if comparison.complete]
        if not tested:
            return self.deciding[0]
        if all(comparison.criterion.has_margin for comparison in tested):
            return max(tested, key=lambda comparison: (comparison.reach, comparison.p))
        return max(tested, key=lambda comparison: comparison.p)

    @property
    def p(self) -> float:
        """The p-value that all criteria are met (intersection-union); nan if one is untestable."""
        return multiple.intersection_union([comparison.p for comparison in self.deciding])

    @property
    def p_against(self) -> float:
        """The p-value that at least one criterion is not met (Holm); nan if none is testable."""
        adjusted = multiple.holm([comparison.p_against for comparison in self.deciding])
        known = adjusted[~np.isnan(adjusted)]
        return float(known.min()) if known.size else math.nan

    @property
    def q(self) -> float:
        """The largest adjusted p-value for the claim; nan in a confirmatory verdict."""
        return multiple.intersection_union([comparison.q for comparison in self.deciding])


@dataclass(frozen=True)
class Overall:
    """A claim for one method over all of its cells.

    Attributes:
        claim: the claim.
        method: the method.
        cells: the verdicts on the cells.
        conclusion: supported if every cell is (no correction, since each must pass), refuted if a
            cell is after Holm's correction over the cells, undecided otherwise. If some cells are
            confirmatory, only those count, and cells that were added later and refute the claim
            after Holm's correction among the added cells. If none is, the words of exploratory
            verdicts.
        counted: the cells that count.
        supported: the counted cells that support the claim.
        by_holm: how many of these also do after Holm's correction, so that they may be named one by
            one.
        refuting: the counted cells that refute the claim after Holm's correction, or that speak
            against it.
        added: cells that were added later and refute the claim after Holm's correction.
    """

    claim: Claim
    method: str
    cells: tuple[Verdict, ...]
    conclusion: Conclusion
    counted: tuple[Verdict, ...]
    supported: tuple[Verdict, ...]
    by_holm: int
    refuting: tuple[Verdict, ...] = ()
    added: tuple[Verdict, ...] = ()
