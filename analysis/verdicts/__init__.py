"""Verdicts: what the results say of each claim, and how sure that is.

Every comparison is a mean over seeds of paired differences, with its two-sided interval at `LEVEL`,
so that each of its bounds is one-sided at 1 - `ALPHA`. A verdict is *supported* where the bound
lies on the claimed side of the criterion's, *refuted* where the whole interval lies beyond it on
the other side, *undecided* otherwise. On MNIST the bootstrap over seeds and test images has to
agree (`IMAGES_DECIDE`); elsewhere it is shown beside, as is the exact sign-flip test everywhere.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis.cells import CELL
from analysis.estimates.pairing import correctness, paired
from analysis.statistics import multiple, permutation, power, resampling
from analysis.statistics.paired import Interval, greater, t_interval, tost
from analysis.tables import Results
from analysis.verdicts.claim import MARGIN, Claim, Criterion
from analysis.verdicts.claims import CLAIMS
from studies.trial import Value

#: Of a wrong verdict on one side.
ALPHA = 0.05
LEVEL = 1 - 2 * ALPHA
#: Of the bootstrap; any other gives the same verdict but for chance.
SEED = 20_200_616
#: Data sets with so many test images that their noise is known well enough to decide beside t.
IMAGES_DECIDE = ("mnist",)
#: Data sets that show how it is done and settle nothing.
DEMONSTRATIONS = ("digits",)
#: Methods whose recorded answers per image are those of one of several random masks.
_RANDOM_MASKS = ("supermask",)
_CONDITIONS = {"engine": "engines", "device": "devices", "versions": "library versions"}

Conclusion = Literal["supported", "refuted", "undecided"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """One criterion, at one place of a sweep.

    Attributes:
        criterion: what has to be met.
        at: the swept fields with their values.
        pairs: a row per seed that both sides have finished: the arm's columns, those of its partner
            named ``*_of_partner``, and `difference`.
        alone: seeds that only one of the two has finished.
        interval: of the mean difference at `LEVEL`; logarithms where the unit is a ratio.
        bound: that the mean must lie above or below; nan where the study fixes no margin.
        p: of the t test that it does.
        p_against: of the t test that it lies on the other side.
        sign_flip: the p-value of the exact sign-flip test that it does.
        equivalence: that of two one-sided t tests within the margin, nan where there is none.
        images: the bootstrap's interval over seeds and test images, None where it is not one of
            accuracies, or the answers per image are not there.
        mcnemar: of how many pairs the arm, and of how many the partner gets significantly more
            images right (exact McNemar test of each pair); None as `images`.
    """

    criterion: Criterion
    at: Mapping[str, Value]
    pairs: pd.DataFrame
    alone: tuple[int, ...]
    interval: Interval
    bound: float
    p: float
    p_against: float
    sign_flip: float
    equivalence: float
    images: Interval | None
    mcnemar: tuple[int, int] | None

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
            cell is by Holm's correction over the cells, undecided otherwise.
        supported: the cells that are supported.
        by_holm: how many of these are so by Holm's correction, and may be named one by one.
    """

    claim: Claim
    method: str
    cells: tuple[Verdict, ...]
    conclusion: Conclusion
    supported: tuple[Verdict, ...]
    by_holm: int


def overall(found: Sequence[Verdict]) -> list[Overall]:
    """The verdicts together, a claim and method each, in their order."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in found:
        groups.setdefault((verdict.claim.id, str(verdict.cell["method"])), []).append(verdict)
    return [_together(method, cells) for (_, method), cells in groups.items()]


def _together(method: str, cells: Sequence[Verdict]) -> Overall:
    supported = [one for one in cells if one.conclusion == "supported"]
    in_favour = multiple.holm([one.p if one in supported else 1.0 for one in cells])
    refuted = [one for one in cells if one.conclusion == "refuted"]
    opposed = multiple.holm([one.p_against if one in refuted else 1.0 for one in cells])
    conclusion: Conclusion = "undecided"
    if len(supported) == len(cells):
        conclusion = "supported"
    elif (opposed < ALPHA).any():
        conclusion = "refuted"
    by_holm = int((in_favour < ALPHA).sum())
    return Overall(cells[0].claim, method, tuple(cells), conclusion, tuple(supported), by_holm)


@lru_cache(maxsize=4)  # the page and its forest plot ask for the same
def verdicts(results: Results, claims: tuple[Claim, ...] = CLAIMS) -> tuple[Verdict, ...]:
    """The verdicts on all claims whose cells the results have, in the claims' order."""
    found = [verdict for claim in claims for verdict in _of_claim(results, claim)]
    return _with_q(found)


def untested(found: Sequence[Verdict], claims: Iterable[Claim] = CLAIMS) -> list[Claim]:
    """The claims that no verdict is about: their cells are not there."""
    tested = {verdict.claim.id for verdict in found}
    return [claim for claim in claims if claim.id not in tested]


def _of_claim(results: Results, claim: Claim) -> list[Verdict]:
    trials = claim.trials(results)
    arms = trials[claim.arms(trials)] if len(trials) else trials
    if arms.empty:
        return []
    by = [name for name in CELL if name not in claim.sweep]
    found = []
    for key, rows in arms.groupby(by, sort=False):
        comparisons = [
            comparison
            for criterion in claim.criteria
            for comparison in _compare(results, claim.sweep, criterion, rows, trials)
        ]
        decided = {comparison.criterion for comparison in comparisons}
        if decided.issuperset(one for one in claim.criteria if one.decides):
            cell: dict[str, Any] = dict(zip(by, key, strict=True))
            found.append(_judge(results, claim, cell, rows, comparisons))
    return found


def _compare(
    results: Results,
    sweep: Sequence[str],
    criterion: Criterion,
    arms: pd.DataFrame,
    trials: pd.DataFrame,
) -> list[Comparison]:
    """The comparisons of one criterion, one per place of the sweep that has partners."""
    value = criterion.value
    if criterion.against is None:
        pairs = arms.assign(difference=arms[value])
    else:
        pairs = paired(arms, trials, criterion.against, criterion.ignoring, value, criterion.share)
    if pairs.empty:
        return []
    bound = _bound(results, criterion, arms)
    if not sweep:
        return [_estimate(criterion, {}, pairs, bound)]
    places = pairs.sort_values(list(sweep)).groupby(list(sweep), sort=False)
    found = []
    for key, rows in places:
        at: dict[str, Any] = dict(zip(sweep, key, strict=True))
        found.append(_estimate(criterion, at, rows, bound))
    return found


def _bound(results: Results, criterion: Criterion, arms: pd.DataFrame) -> float:
    """The criterion's bound as a fraction, or as a logarithm of a ratio."""
    stated = criterion.above if criterion.below is None else criterion.below
    if stated == MARGIN:
        studies = arms["study"].dropna().unique()
        known = [results.margins[name] for name in studies if name in results.margins]
        margin = min(known) if known else results.margin
        side = 1 if criterion.above is None else -1
        return math.nan if margin is None else side * margin / 100
    assert isinstance(stated, float)  # noqa: S101  (a criterion has one of the two)
    return math.log(stated) if criterion.unit == "ratio" else stated


def _estimate(
    criterion: Criterion, at: Mapping[str, Value], pairs: pd.DataFrame, bound: float
) -> Comparison:
    complete = pairs[pairs["difference"].notna()].sort_values("seed")
    # Finished here, not there: a pair that could be one.
    halves = pairs[pairs["difference"].isna()]
    one_sided = halves[
        halves["attempt"].notna() | halves.get("trial_id_of_partner", halves["attempt"]).notna()
    ]
    differences = complete["difference"].to_numpy(float)
    sign = 1 if criterion.above is not None else -1
    images, mcnemar = _of_images(criterion, complete)
    margin = MARGIN in (criterion.above, criterion.below) and not math.isnan(bound)
    return Comparison(
        criterion=criterion,
        at=at,
        pairs=complete,
        alone=tuple(one_sided["seed"].astype(int)),
        interval=t_interval(differences, LEVEL),
        bound=bound,
        p=greater(sign * differences, sign * bound),
        p_against=greater(-sign * differences, -sign * bound),
        sign_flip=permutation.sign_flip(sign * differences, sign * bound),
        equivalence=tost(differences, abs(bound)) if margin else math.nan,
        images=images,
        mcnemar=mcnemar,
    )


def _of_images(
    criterion: Criterion, pairs: pd.DataFrame
) -> tuple[Interval | None, tuple[int, int] | None]:
    """The bootstrap over seeds and images, and McNemar's test of each pair."""
    if criterion.value != "accuracy" or criterion.against is None or len(pairs) < 2:
        return None, None
    ours, theirs = correctness(pairs), correctness(pairs, "_of_partner")
    alike = (pairs["dataset_fingerprint"] == pairs["dataset_fingerprint_of_partner"]).all()
    if ours is None or theirs is None or ours.shape != theirs.shape or not alike:
        return None, None
    interval = resampling.seeds_by_images(
        ours, theirs, share=criterion.share, level=LEVEL, seed=SEED
    )
    p = np.array([resampling.mcnemar(a, b) for a, b in zip(ours, theirs, strict=True)])
    better = ours.sum(axis=1) > theirs.sum(axis=1)
    return interval, (int(((p < ALPHA) & better).sum()), int(((p < ALPHA) & ~better).sum()))


def _judge(
    results: Results,
    claim: Claim,
    cell: Mapping[str, Value],
    arms: pd.DataFrame,
    comparisons: Sequence[Comparison],
) -> Verdict:
    deciding = [one for one in comparisons if one.criterion.decides]
    n = min(one.interval.n for one in deciding)
    first = arms["first"].fillna(value=False).astype(bool)
    asked = arms.loc[arms["first"].notna(), "seed"].nunique()
    planned = asked or n
    if n < planned:
        reason = f"n = {n}, {planned} planned"
        conclusion: Conclusion = "undecided"
    else:
        conclusion, reason = _decide(cell, deciding)
    sound = [_without_lost(one) for one in comparisons]
    without = (
        conclusion if n < planned else _decide(cell, [o for o in sound if o.criterion.decides])[0]
    )
    return Verdict(
        claim=claim,
        cell=cell,
        comparisons=tuple(comparisons),
        conclusion=conclusion,
        reason=reason,
        n=n,
        planned=planned,
        without_lost=without,
        lost=_lost(deciding),
        exploratory=_exploratory(results, claim, cell, arms[first]["seed"].nunique(), planned),
        flags=_flags(results, cell, deciding),
    )


def _decide(cell: Mapping[str, Value], comparisons: Sequence[Comparison]) -> tuple[Conclusion, str]:
    """The conclusion and why, whatever was planned."""
    for one in comparisons:
        if one.interval.n < 2:
            return "undecided", "one seed only" if one.interval.n else "no pair is finished"
        if math.isnan(one.bound):
            return "undecided", "the study fixes no margin"
        if math.isnan(one.p):
            return "undecided", "all pairs differ alike, which gives no interval"
    images = cell["dataset"] in IMAGES_DECIDE
    passed = [one.met(one.p, one.images if images else None) for one in comparisons]
    if all(passed):
        return "supported", ""
    against = [one.p_against for one in comparisons]
    adjusted = multiple.holm(against) if min(against) < ALPHA else against
    failed = [
        one
        for one, p in zip(comparisons, adjusted, strict=True)
        if one.met(p, one.images if images else None, against=True)
    ]
    return ("refuted", "") if failed else ("undecided", _why(comparisons, passed, images=images))


def _why(comparisons: Sequence[Comparison], passed: Sequence[bool], *, images: bool) -> str:
    """Why nothing is decided, and what would decide it."""
    open_ones = [one for one, ok in zip(comparisons, passed, strict=True) if not ok]
    if images and all(one.p < ALPHA for one in open_ones):
        return "the t interval passes, that over seeds and test images does not"
    worst = max(open_ones, key=lambda one: one.p)
    said = (
        "the interval holds the bound" if worst.p_against >= ALPHA else "not by Holm's correction"
    )
    if len(comparisons) > 1:
        said += f" in {len(open_ones)} of {len(comparisons)} comparisons"
    margin = abs(worst.bound) if MARGIN in (worst.criterion.above, worst.criterion.below) else 0.0
    needed = power.seeds_needed(worst.deviation, margin) if margin else None
    if needed and needed > worst.interval.n:
        said += f"; {needed} seeds would decide with power 0.8 if there is no difference"
    return said


def _without_lost(comparison: Comparison) -> Comparison:
    """The comparison without the pairs in which a trial diverged or died."""
    pairs = comparison.pairs
    lost = np.logical_or.reduce([column != "completed" for column in _outcomes(pairs)])
    if not lost.any():
        return comparison
    return _estimate(comparison.criterion, comparison.at, pairs[~lost], comparison.bound)


def _outcomes(pairs: pd.DataFrame) -> list["pd.Series[str]"]:
    names = [n for n in ("outcome", "outcome_of_partner") if n in pairs]
    return [pairs[name] for name in names]


def _lost(comparisons: Sequence[Comparison]) -> dict[str, int]:
    """How many different trials in the pairs diverged, and how many are dead."""
    found: dict[str, set[str]] = {"diverged": set(), "dead": set()}
    for one in comparisons:
        for suffix in ("", "_of_partner"):
            if f"outcome{suffix}" in one.pairs:
                for outcome, trials in found.items():
                    same = one.pairs[f"outcome{suffix}"] == outcome
                    trials.update(one.pairs.loc[same, f"trial_id{suffix}"])
    return {outcome: len(trials) for outcome, trials in found.items()}


def _exploratory(
    results: Results, claim: Claim, cell: Mapping[str, Value], first: int, planned: int
) -> tuple[str, ...]:
    """Why a verdict is not confirmatory."""
    said = []
    if not claim.primary:
        said.append("a secondary form of the claim")
    if cell["dataset"] in DEMONSTRATIONS:
        said.append(f"{cell['dataset']} is a demonstration")
    if results.plan.empty:
        said.append("no definition is recorded")
    elif not first:
        said.append("its cell was added after the first run")
    elif first < planned:
        said.append(f"extended from {first} to {planned} seeds after the first run")
    if planned < claim.seeds:
        said.append(f"{planned} seeds planned, {claim.seeds} make it confirmatory")
    return tuple(said)


def _flags(
    results: Results, cell: Mapping[str, Value], comparisons: Sequence[Comparison]
) -> tuple[str, ...]:
    """What a reader has to know of the pairs."""
    said = []
    pairs = pd.concat([one.pairs for one in comparisons])
    for name, words in _CONDITIONS.items():
        other = f"{name}_of_partner"
        if other in pairs and (apart := (pairs[name] != pairs[other]) & pairs[other].notna()).any():
            said.append(f"{apart.sum()} of {len(pairs)} pairs are of two {words}")
        mixed = {str(value) for n in (name, other) if n in pairs for value in pairs[n].dropna()}
        if len(mixed) > 1:
            said.append(f"mixture of {words}: {', '.join(sorted(mixed))}")
    alone = sorted({seed for one in comparisons for seed in one.alone})
    if alone:
        said.append(f"without a finished partner: seed {', '.join(map(str, alone))}")
    if results.margin_changed and any(
        MARGIN in (one.criterion.above, one.criterion.below) for one in comparisons
    ):
        said.append("a later definition states another margin; the earliest counts")
    doubted = set(results.conflicts).intersection(pairs["trial_id"])
    if doubted:
        said.append(f"run twice with different results: {', '.join(sorted(doubted))}")
    if "caution" in pairs:
        said += sorted(set(pairs["caution"].dropna()))
    if str(cell["method"]).startswith(_RANDOM_MASKS):
        said.append("answers per image are those of the first of ten random masks")
    return tuple(said)


def _with_q(found: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts with the adjusted p-values of the exploratory ones."""
    adjusted = multiple.benjamini_hochberg([v.p if v.exploratory else math.nan for v in found])
    return tuple(replace(v, q=float(q)) for v, q in zip(found, adjusted, strict=True))
