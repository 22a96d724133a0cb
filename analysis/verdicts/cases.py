"""The cells that a claim judges, with their comparisons and what stands in the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from analysis.cells import CELL, heading, label
from analysis.estimates.edges import edges
from analysis.estimates.pairing import OF_PARTNER, keys
from analysis.tables import Results
from analysis.verdicts.claim import Claim
from analysis.verdicts.comparisons import comparisons, same_images
from analysis.verdicts.exploratory import exploratory_reasons
from analysis.verdicts.verdict import Comparison
from studies.trial import Value


@dataclass(frozen=True, eq=False)
class Case:
    """A cell that a claim judges, before anything is concluded.

    Attributes:
        claim: the claim.
        cell: the fields of the arm without those that are swept over.
        comparisons: all criteria at all places of the sweep.
        exploratory: why the verdict is exploratory.
        added: whether its trials were not committed to.
        unequal: why the two sides cannot be compared with budgets that allow support.
        neither: reasons in the trials themselves that allow no conclusion.
        no_support: reasons that keep the claim from being supported.
        no_refutation: reasons that keep the claim from being refuted.
    """

    claim: Claim
    cell: Mapping[str, Value]
    comparisons: tuple[Comparison, ...]
    exploratory: tuple[str, ...]
    added: bool
    unequal: tuple[str, ...]
    neither: tuple[str, ...]
    no_support: tuple[str, ...]
    no_refutation: tuple[str, ...]

    @property
    def deciding(self) -> list[Comparison]:
        """The comparisons that the verdict depends on."""
        return [comparison for comparison in self.comparisons if comparison.criterion.decides]


def cases(results: Results, claim: Claim) -> list[Case]:
    """Return the cells that a claim judges, in the order of their trials."""
    trials = claim.trials(results)
    arms = trials[claim.arms(trials)] if len(trials) else trials
    if arms.empty:
        return []
    by = [name for name in CELL if name not in claim.sweep]
    (numbers,) = keys(arms, on=by)
    arms = arms.assign(cell=numbers)
    compared = comparisons(results, claim, arms, trials)
    found = []
    for number, first in zip(*np.unique(numbers, return_index=True), strict=True):
        cell: dict[str, Any] = arms.iloc[first][by].to_dict()
        case = _case(results, claim, cell, compared.get(int(number), []))
        if case:
            found.append((first, case))
    return [case for _, case in sorted(found, key=lambda item: item[0])]


def _case(
    results: Results, claim: Claim, cell: Mapping[str, Value], compared: Sequence[Comparison]
) -> Case | None:
    """Return a cell with its comparisons; None if it lacks those that the claim needs."""
    no_support = []
    for criterion in claim.criteria:
        places = sum(comparison.criterion is criterion for comparison in compared)
        if not criterion.decides or places >= claim.least:
            continue
        if criterion.only_on is None:
            return None
        if cell["dataset"] in criterion.only_on:
            no_support.append(f"{criterion.says}: nothing to compare with")
    deciding = [comparison for comparison in compared if comparison.criterion.decides]
    why, added = exploratory_reasons(results, claim, cell, deciding)
    of_rival, of_other = _edges(claim, deciding)
    return Case(
        claim=claim,
        cell=cell,
        comparisons=tuple(compared),
        exploratory=why,
        added=added,
        unequal=tuple(_budgets(deciding, against=False)),
        neither=tuple(_not_judged(deciding)),
        no_support=(
            *no_support,
            *_floors(claim, deciding),
            *of_rival,
        ),
        no_refutation=(*of_other, *_budgets(deciding, against=True)),
    )


def _not_judged(deciding: Sequence[Comparison]) -> list[str]:
    """Return why the trials themselves allow no conclusion."""
    reasons = {comparison.not_judged for comparison in deciding} - {""}
    compared = [c for c in deciding if c.criterion.of_accuracies and len(c.pairs)]
    if not all(same_images(comparison.pairs) for comparison in compared):
        reasons.add("the two sides were evaluated on different test images")
    return sorted(reasons)


def _floors(claim: Claim, deciding: Sequence[Comparison]) -> list[str]:
    """Return why rivals below their floor keep the claim from being supported."""
    below = [comparison for comparison in deciding if comparison.floor]
    if not claim.sweep:
        return list(dict.fromkeys(comparison.floor for comparison in below))
    passed = len(deciding) - len(below)
    if passed >= claim.enough:
        return []
    swept = heading(claim.sweep[0])
    values = "rivals" if swept == "method" else f"values of {swept}"
    reason = f"{passed} of {len(deciding)} {values} pass the floor, "
    reason += f"{claim.enough} must"
    return [f"{reason} ({below[0].floor})" if below else reason]


def _budgets(deciding: Sequence[Comparison], *, against: bool) -> list[str]:
    """Return whether the recorded configurations allow no comparison with equal budgets."""
    name = "difference_against" if against else "difference"
    blocked = [c for c in deciding if len(c.pairs) and c.pairs[name].isna().all()]
    if not blocked:
        return []
    first = blocked[0].pairs.iloc[0]
    ours, theirs = first["configurations"], first[f"configurations{OF_PARTNER}"]
    return [f"{int(ours)} and {int(theirs)} configurations were tuned, which cannot be made equal"]


def _edges(claim: Claim, deciding: Sequence[Comparison]) -> tuple[list[str], list[str]]:
    """Return the ends of grids to which the last step still gains: the rival's, the other side's.

    A better value may lie beyond such an end. If it is the rival's, the claim is not supported; if
    it is the other side's, it is not refuted.
    """
    of_rival: list[str] = []
    of_other: list[str] = []
    for comparison in deciding:
        for name in ("edge", f"edge{OF_PARTNER}"):
            if name in comparison.pairs:
                side = "partner" if name.endswith(OF_PARTNER) else "arm"
                rows = comparison.pairs
                methods = rows["method" if side == "arm" else f"method{OF_PARTNER}"]
                texts = {
                    f"{method} still gains at {edge}, the end of its grid"
                    for method, edge in zip(methods, rows[name], strict=True)
                    if isinstance(edge, str) and edge
                }
                (of_rival if side == comparison.criterion.rival else of_other).extend(sorted(texts))
    for _, places in groupby(deciding, key=lambda comparison: comparison.criterion):
        of_rival += _ends_of_sweep(claim, list(places))
    return list(dict.fromkeys(of_rival)), list(dict.fromkeys(of_other))


def _ends_of_sweep(claim: Claim, places: Sequence[Comparison]) -> list[str]:
    """Return the ends of a sweep over numbers to which the last step gains for the rival."""
    criterion = places[0].criterion
    fields = [n for n in claim.sweep if isinstance(next(iter(places[0].at.values()), ""), float)]
    if criterion.rival != "arm" or len(fields) != 1 or criterion.value != "accuracy":
        return []
    (field,) = fields
    rows = [one.pairs.assign(place=one.at[field], of_rival=_for_edges(one.pairs)) for one in places]
    against = criterion.against or {}
    default = None if "method" in against else against.get(field)
    if default is not None:  # the partner's value is one of the grid
        at_default = places[0].pairs
        values = at_default[f"accuracy{OF_PARTNER}"]
        rows.append(at_default.assign(place=default, of_rival=values))
    together = pd.concat([frame[["place", "seed", "of_rival"]] for frame in rows])
    return [
        f"the rival still gains at {label({field: end})}, the end of its grid"
        for end in edges(together, "place", "of_rival")
    ]


def _for_edges(pairs: pd.DataFrame) -> "pd.Series[float]":
    """Return what decides about edges: validation accuracy on tuning seeds, if there is one."""
    if "score" in pairs and pairs["score"].notna().all():
        return pairs["score"]
    return pairs["accuracy"]
