"""The cells that a claim judges, with their comparisons and what stands in the way."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.cells import CELL, TUNED_VALUES, heading, label
from analysis.estimates.edges import edges
from analysis.estimates.pairing import OF_PARTNER, keys
from analysis.statistics import multiple
from analysis.tables import Results
from analysis.verdicts.claim import Claim
from analysis.verdicts.comparisons import comparisons
from analysis.verdicts.exploratory import exploratory_reasons
from analysis.verdicts.floors import (
    densities_above_softmax_regression,
    lacks_softmax_regression,
    unlike_softmax_regression,
)
from analysis.verdicts.verdict import ALPHA, Comparison
from studies.traits import default_of
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
        return [one for one in self.comparisons if one.criterion.decides and not one.added]


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
    committed, late = _added_places(claim, compared)
    compared = [replace(one, added=True) if one in late else one for one in compared]
    deciding = [one for one in compared if one.criterion.decides and not one.added]
    why, added = exploratory_reasons(results, claim, cell, committed)
    of_rival, of_other = _edges(claim, deciding, [one for one in compared if one.added])
    return Case(
        claim=claim,
        cell=cell,
        comparisons=tuple(compared),
        exploratory=why,
        added=added,
        unequal=tuple(_budgets(deciding, against=False)),
        neither=tuple(sorted({one.not_judged for one in deciding} - {""})),
        no_support=(
            *no_support,
            *_softmax(results, cell, deciding),
            *_floors(results, claim, deciding),
            *_untuned_rivals(deciding),
            *_in_rounds(deciding, against=False),
            *of_rival,
        ),
        no_refutation=(
            *of_other,
            *_budgets(deciding, against=True),
            *_too_short(deciding),
            *_in_rounds(deciding, against=True),
        ),
    )


def _added_places(
    claim: Claim, compared: Sequence[Comparison]
) -> tuple[list[Comparison], list[Comparison]]:
    """Return the comparisons that a definition committed to, and those at places added later.

    A sweep that was committed to is judged as it was planned: who adds a value neither weakens nor
    erases its verdict. An added value counts if it refutes the claim, after Holm's correction among
    the added ones, on as many seeds as were planned. The results of its partner are known by then,
    so a few of the seeds could be chosen by them.
    """
    deciding = [comparison for comparison in compared if comparison.criterion.decides]
    committed = [one for one in deciding if one.planned and one.committed]
    places = dict.fromkeys((one.criterion for one in deciding), 0)
    for comparison in committed:
        places[comparison.criterion] += 1
    if not claim.sweep or min(places.values(), default=0) < max(claim.least, claim.enough):
        return deciding, []
    late = [one for one in deciding if one not in committed]
    least = min(one.planned for one in committed)
    against = multiple.holm([one.p_against if one.planned >= least else 1.0 for one in late])
    return committed, [one for one, p in zip(late, against, strict=True) if not p < ALPHA]


def _softmax(
    results: Results, cell: Mapping[str, Value], deciding: Sequence[Comparison]
) -> list[str]:
    """Return why there is no floor under a rival; nothing if there is one."""
    dataset, reasons = str(cell["dataset"]), []
    for pairs in (one.pairs for one in deciding if one.criterion.rival):
        reason = lacks_softmax_regression(results, dataset, len(pairs))
        reasons.append(reason or unlike_softmax_regression(results, dataset, pairs))
    return list(filter(None, reasons))[:1]


def _floors(results: Results, claim: Claim, deciding: Sequence[Comparison]) -> list[str]:
    """Return why rivals below their floor keep the claim from being supported."""
    below = [comparison for comparison in deciding if comparison.floor]
    if each_is_needed(claim, deciding):
        reasons = [comparison.floor for comparison in below]
        if claim.enough > 1:
            reasons += _few_densities(results, claim, deciding)
        return list(dict.fromkeys(reasons))
    if "method" in claim.sweep:  # each rival has to be a fair one
        passing = {one.at["method"] for one in deciding if not one.floor}
        poor = [one.floor for one in below if one.at["method"] not in passing]
        return [f"a rival misses its floor: {floor}" for floor in poor[:1]]
    passed = len(deciding) - len(below)
    if passed >= claim.enough:
        return []
    swept = heading(claim.sweep[0]) if len(claim.sweep) == 1 else "its parameter"
    reason = f"{passed} of {len(deciding)} values of {swept} reach the floor, "
    reason += f"{claim.enough} are needed"
    return [f"{reason} ({below[0].floor})" if below else reason]


def each_is_needed(claim: Claim, deciding: Sequence[Comparison]) -> bool:
    """Return whether each comparison must pass the floor, not only some places of a sweep.

    What is left of a broken network is no size, and each place of a sweep must have one.
    """
    of_sizes = any(c.criterion.rival and not c.criterion.of_accuracies for c in deciding)
    return of_sizes or not claim.sweep


def _few_densities(results: Results, claim: Claim, deciding: Sequence[Comparison]) -> list[str]:
    """Return that a tuned density was chosen among too few that learn at all."""
    for comparison in deciding:
        if len(comparison.pairs):
            arm = {str(name): value for name, value in comparison.pairs.iloc[0].items()}
            found = densities_above_softmax_regression(results, arm, len(comparison.pairs))
            if found < claim.enough:
                return [
                    f"{found} of the densities that were tried exceed softmax regression, "
                    f"{claim.enough} are needed"
                ]
    return []


def _untuned_rivals(deciding: Sequence[Comparison]) -> list[str]:
    """Return that the other side chose its recipe and the rival had only one.

    Any recipe that suits the rival badly would support the claim.
    """
    for comparison in deciding:
        rival, pairs = comparison.criterion.rival, comparison.pairs
        rates = ("learning_rate", f"learning_rate{OF_PARTNER}")
        if rival and pairs.columns.isin(rates).sum() == 2 and len(pairs):
            arm, partner = (pairs[name] == TUNED_VALUES["learning_rate"] for name in rates)
            rival_tuned, other_tuned = (arm, partner) if rival == "arm" else (partner, arm)
            if (other_tuned & ~rival_tuned).any():
                method = pairs["method" if rival == "arm" else f"method{OF_PARTNER}"].iloc[0]
                return [f"{method} has a single recipe, but the other side chose among several"]
    return []


def _too_short(deciding: Sequence[Comparison]) -> list[str]:
    """Return that longer training had less compute than the tuning it stands against."""
    for comparison in deciding:
        pairs, name = comparison.pairs, f"trained_epochs{OF_PARTNER}"
        if name in pairs and len(pairs):
            budget, trained = pairs["trained_epochs"], pairs[name]
            if (trained <= budget - pairs["epochs"]).any():
                method = pairs[f"method{OF_PARTNER}"].iloc[0]
                return [
                    f"{method} was trained for {trained.min():g} epochs in all, but the tuning "
                    f"that it is compared with took {budget.max():g}"
                ]
    return []


def _in_rounds(deciding: Sequence[Comparison], *, against: bool) -> list[str]:
    """Return that a side was trained for more epochs, in several rounds, than the other one.

    So the other side supports nothing, and the rival refutes nothing.
    """
    for comparison in deciding:
        rival, pairs = comparison.criterion.rival, comparison.pairs
        if rival is None or f"last_epoch{OF_PARTNER}" not in pairs:
            continue
        if "trained_epochs" in pairs:  # one side is longer on purpose: `_too_short` compares them
            continue
        of_rival, of_other = ("", OF_PARTNER) if rival == "arm" else (OF_PARTNER, "")
        side, beside = (of_rival, of_other) if against else (of_other, of_rival)
        epochs, others = (
            pairs[f"last_epoch{suffix}"].clip(lower=pairs["epochs"]) for suffix in (side, beside)
        )
        if (epochs > others).any():
            first = int((epochs > others).argmax())
            return [
                f"{pairs[f'method{side}'].iloc[first]} was trained for {epochs.iloc[first]:g} "
                f"epochs in all, the other side for {others.iloc[first]:g}"
            ]
    return []


def _budgets(deciding: Sequence[Comparison], *, against: bool) -> list[str]:
    """Return whether the recorded configurations allow no comparison with equal budgets."""
    name = "difference_against" if against else "difference"
    blocked = [c for c in deciding if len(c.pairs) and c.pairs[name].isna().any()]
    if not blocked:
        return []
    pairs = blocked[0].pairs
    first = pairs[pairs[name].isna()].iloc[0]
    ours, theirs = first["configurations"], first[f"configurations{OF_PARTNER}"]
    return [f"the budgets of {int(ours)} and {int(theirs)} configurations cannot be made equal"]


def _edges(
    claim: Claim, deciding: Sequence[Comparison], added: Sequence[Comparison]
) -> tuple[list[str], list[str]]:
    """Return the ends of grids to which the last step still gains: the rival's, the other side's.

    A better value may lie beyond such an end. If it is the rival's, the claim is not supported; if
    it is the other side's, it is not refuted. Places that were added to a sweep later show where it
    ends.
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
    for criterion in dict.fromkeys(comparison.criterion for comparison in deciding):
        places = [c for c in (*deciding, *added) if c.criterion is criterion and len(c.pairs)]
        of_rival += _ends_of_sweep(claim, places) if places else []
    return list(dict.fromkeys(of_rival)), list(dict.fromkeys(of_other))


def _ends_of_sweep(claim: Claim, places: Sequence[Comparison]) -> list[str]:
    """Return the ends of a sweep over numbers to which the last step gains for the rival."""
    criterion = places[0].criterion
    field, numbers = _numbers(claim, places)
    if criterion.rival != "arm" or not field or criterion.value != "accuracy":
        return []
    rows = [
        one.pairs.assign(place=number, of_rival=_for_edges(one.pairs))
        for one, number in zip(places, numbers, strict=True)
    ]
    against = criterion.against or {}
    default = None if "method" in against else against.get(field)
    if default is not None:  # the partner's value is one of the grid
        at_default = places[0].pairs
        values = at_default[f"accuracy{OF_PARTNER}"]
        rows.append(at_default.assign(place=default, of_rival=values))
    together = pd.concat([frame[["place", "seed", "of_rival"]] for frame in rows])
    return [
        f"the rival is best at its default of {field}, which is not known and may be the end of "
        f"its grid: put the default's number into the grid"
        if math.isnan(end)
        else f"the rival still gains at {label({field: end})}, the end of its grid"
        for end in edges(together, "place", "of_rival")
    ]


def _numbers(claim: Claim, places: Sequence[Comparison]) -> tuple[str, list[float]]:
    """Return the field whose numbers a sweep is over, and these; no field if there is none.

    The number may be that of a setting in a method's name, such as ``tau=0.2``. That of a setting's
    default is not in the results, and nan if it is not known for the method.
    """
    first = places[0].at
    varying = [n for n in claim.sweep if len({one.at[n] for one in places}) > 1]
    varying = varying or [n for n in claim.sweep if isinstance(first[n], float)]
    if len(varying) != 1:
        return "", []
    (field,) = varying
    values = [one.at[field] for one in places]
    if all(isinstance(value, float) for value in values):
        return field, [float(value) for value in values]
    settings = [str(value).partition("=") for value in values]
    given = {name for name, mark, _ in settings if mark}
    if len(given) != 1:
        return "", []
    (setting,) = given
    default = default_of(str(places[0].pairs["method"].iloc[0]), setting)
    try:
        return setting, [float(number) if mark else default for _, mark, number in settings]
    except ValueError:
        return "", []


def _for_edges(pairs: pd.DataFrame) -> "pd.Series[float]":
    """Return what decides about edges: validation accuracy, if each seed has its own.

    Common tuning seeds give all seeds the same, whose differences have no spread.
    """
    if "score" in pairs and pairs["score"].notna().all() and pairs["nested"].all():
        return pairs["score"]
    return pairs["accuracy"]
