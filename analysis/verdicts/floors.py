"""The floor under a rival: a broken arm on the side whose failure helps a claim supports nothing.

The rival must lie above softmax regression (the network `linear`) on the same data set. Where the
claim asks for it, the rival must also lie within the margin of the best mean that its method has
reached anywhere in the results, for the same network, data set and length.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.cells import BASELINE, CELL, CONTROL, LINEAR, METHOD_ONLY, RECIPE, label
from analysis.estimates.judged import (
    SAME,
    all_judged,
    chance_of,
    joined,
    noise_of_chance,
    unlike,
)
from analysis.estimates.pairing import OF_PARTNER, at_default, keys
from analysis.estimates.rates import without_values
from analysis.numbers import number
from analysis.tables import Results, computed_once
from analysis.verdicts.committed import still_planned

#: Mean test accuracy of softmax regression, for results without it: trainings of this project from
#: he-normal weights at Adam's default rate (digits: 40 epochs, 5 seeds; MNIST: 10 epochs, 3 seeds).
MEASURED = {"digits": 0.9517, "mnist": 0.9181}
#: What a method's best mean is looked up by.
_SAME = ("network", "dataset", "epochs", "width", "augmentation")
_WEIGHTS = ("weights", "positive_fraction", "activation")
#: The fields of a rival that its floor depends on, besides its method.
LOOKED_UP = (*_SAME, *_WEIGHTS)
#: How far a rival may lie below the best mean of its method where a study states no margin.
LEAST_MARGIN = 0.005
#: A mean counts as the best of a method if it is one of as many seeds as are compared, or of this
#: many.
_SEEDS = 5


@computed_once
def cell_means(results: Results) -> pd.DataFrame:
    """Return the mean test accuracy of each cell, on fresh and on tuning seeds.

    Returns:
        A row per cell and kind of seeds: the fields of the cell, `mean` and `n`. Controls are left
        out. A trial without accuracy counts with chance.
    """
    tuning = joined(results.tuning_plan, results.tuning)
    tuning = tuning.assign(accuracy=tuning["test_accuracy"].fillna(chance_of(tuning)))
    means = []
    for rows in (all_judged(results), tuning):
        finished = rows[rows["attempt"].notna() & at_default(rows, CONTROL)]
        (numbers,) = keys(finished, on=CELL)
        _, first, cell = np.unique(numbers, return_index=True, return_inverse=True)
        n = np.bincount(cell, minlength=len(first))
        total = np.bincount(cell, finished["accuracy"].to_numpy(float), len(first))
        means.append(finished.iloc[first][list(CELL)].assign(mean=total / n, n=n))
    return pd.concat(means, ignore_index=True)


@computed_once
def softmax_regression(results: Results, dataset: str, seeds: int) -> tuple[float, bool]:
    """Return the accuracy of softmax regression on a data set, and whether it is recorded.

    Args:
        results: the studies.
        dataset: the data set.
        seeds: how many seeds are compared.

    Returns:
        The mean of its recipe that is the floor, or the one that was measured for this project if
        that is better; without either chance, or nan if that is not known.
    """
    recipe = _recipe_of_floor(results, dataset, seeds)
    best, measured = recipe.mean if recipe else math.nan, MEASURED.get(dataset, math.nan)
    if not math.isnan(floor := float(np.fmax(best, measured))):
        return floor, not math.isnan(best)
    trials = all_judged(results)
    return float(chance_of(trials[trials["dataset"] == dataset]).max()), False


def below_softmax_regression(
    results: Results, rival: Mapping[str, Hashable], mean: float, seeds: int
) -> str:
    """Return in words why a rival does not exceed softmax regression; empty if it does.

    Args:
        results: the studies.
        rival: the fields of a trial of the rival.
        mean: the mean test accuracy of its completed trials, a fraction.
        seeds: how many seeds are compared.
    """
    floor, recorded = softmax_regression(results, str(rival["dataset"]), seeds)
    if rival["network"] == LINEAR or mean > floor:
        return ""
    source = "softmax regression" if recorded or rival["dataset"] in MEASURED else "chance"
    return (
        f"{rival['method']} reaches {number(mean * 100, 2)}%, not more than {source} "
        f"({number(floor * 100, 2)}%)"
    )


def above_floor(
    results: Results, rival: Mapping[str, Hashable], mean: float, seeds: int, margin: float
) -> tuple[float, str]:
    """Return by how much a rival exceeds softmax regression, and whether the margin is as large.

    Within such a margin of the rival, nothing need be learnt. Softmax regression itself must exceed
    chance.

    Args:
        results: the studies.
        rival: the fields of a trial of the rival.
        mean: the mean test accuracy of its completed trials, a fraction.
        seeds: how many seeds are compared.
        margin: how much worse than the rival the other side may be, a fraction.

    Returns:
        The distance, a fraction, infinite if chance is not known; and in words that it is not
        larger than the margin, empty if it is.
    """
    dataset = str(rival["dataset"])
    floor, recorded = softmax_regression(results, dataset, seeds)
    source = "softmax regression" if recorded or dataset in MEASURED else "chance"
    if rival["network"] == LINEAR:
        floor, source = _chance(results, dataset), "chance"
    above = math.inf if math.isnan(floor) else mean - floor
    if above > margin + 1e-12 or math.isnan(margin):
        return above, ""
    return above, (
        f"{rival['method']} reaches {number(mean * 100, 2)}%, which minus the margin of "
        f"{margin * 100:g} points is not more than {source} ({number(floor * 100, 2)}%)"
    )


def behind_best(
    results: Results, rival: Mapping[str, Hashable], mean: float, seeds: int, margin: float
) -> tuple[float, str]:
    """Return by how much a rival lies below the best mean of its method, and whether that is much.

    Args:
        results: the studies.
        rival: the fields of a trial of the rival.
        mean: the mean test accuracy of its completed trials, a fraction.
        seeds: how many seeds are compared.
        margin: how far below that best mean it may lie, a fraction.

    Returns:
        The distance, a fraction, 0 without a better mean; and in words that it is larger than the
        margin, empty if it is not.
    """
    same = _SAME if rival["method"] == BASELINE else LOOKED_UP
    fields = tuple((name, rival[name]) for name in ("method", *same))
    best, where = _best_mean(results, fields, min(seeds, _SEEDS))
    what = f"its best recorded mean{f' ({where})' if where else ''}"
    if rival["network"] == LINEAR and rival["method"] == BASELINE:
        measured = MEASURED.get(str(rival["dataset"]), math.nan)
        if not math.isnan(measured) and not measured <= best:
            best, what = (
                measured,
                "the mean of softmax regression that was measured for this project",
            )
    behind = max(best - mean, 0.0) if not math.isnan(best) else 0.0
    if not behind > margin + 1e-12:
        return behind, ""
    return behind, (
        f"{rival['method']} reaches {number(mean * 100, 2)}%, {number(behind * 100, 2)} points "
        f"below {what}"
    )


@computed_once
def _best_mean(
    results: Results, fields: tuple[tuple[str, Hashable], ...], seeds: int
) -> tuple[float, str]:
    """Return the best mean of the cells with these fields and seeds, and where it was reached."""
    means = cell_means(results)
    fits = means["n"].to_numpy() >= seeds
    for name, value in fields:
        same = means[name].to_numpy() == value
        if name == "method":  # also one whose setting is left out of its name
            same = same | (means[name].map(without_values).to_numpy() == value)
        fits &= same
    if not fits.any():
        return math.nan, ""
    cells = means[fits]
    best = cells.sort_values("mean", kind="stable").iloc[-1]
    names = [n for n in (*_WEIGHTS, *METHOD_ONLY, *RECIPE) if cells[n].nunique() > 1]
    return float(best["mean"]), label({name: best[name] for name in names})


@computed_once
def plans_softmax_regression(results: Results, dataset: str) -> bool:
    """Return whether softmax regression on a data set is planned or finished; no control is."""
    rows = all_judged(results)
    return bool((_is_softmax_regression(rows) & (rows["dataset"] == dataset)).any())


@computed_once
def lacks_softmax_regression(results: Results, dataset: str, seeds: int) -> str:
    """Return why softmax regression that is planned is no floor; empty if it is one.

    It is one if all planned seeds of the recipe that is the floor are finished, and if these are as
    many as are compared, or five. If it was measured before, it always is.

    Args:
        results: the studies.
        dataset: the data set.
        seeds: how many seeds are compared.
    """
    recipe = _recipe_of_floor(results, dataset, seeds)
    if dataset in MEASURED or not plans_softmax_regression(results, dataset):
        return ""
    if not recipe:
        return f"softmax regression on {dataset} is planned, but not finished"
    if recipe.lacking(seeds):
        needed = recipe.seeds + recipe.lacking(seeds)
        return f"softmax regression on {dataset} needs {needed} seeds, of which {recipe.seeds} " + (
            "is finished" if recipe.seeds == 1 else "are finished"
        )
    at_chance = recipe.mean <= _chance(results, dataset)
    return f"softmax regression on {dataset} is at chance" if at_chance else ""


def unlike_softmax_regression(results: Results, dataset: str, pairs: pd.DataFrame) -> str:
    """Return why softmax regression is no floor under the trials of pairs; empty if it is.

    It is none if its values contradict each other, or if it was evaluated on other test images.
    """
    recipe = _recipe_of_floor(results, dataset, len(pairs))
    if not recipe:
        return ""
    reason = next((text for text in recipe.rows["not_judged"] if text), "")
    if not reason and not unlike(pairs):  # otherwise that is the reason
        sides = [{name: f"{name}{suffix}" for name in SAME} for suffix in ("", OF_PARTNER)]
        compared = [
            pairs[list(names.values())].set_axis(list(SAME), axis=1)
            for names in sides
            if pairs.columns.isin(names.values()).sum() == len(SAME)
        ]
        reason = unlike(pd.concat([recipe.rows[[*SAME]], *compared]))
    return f"softmax regression on {dataset} is no floor: {reason}" if reason else ""


@dataclass(frozen=True, eq=False)
class _Recipe:
    """A recipe of softmax regression of which a seed is finished.

    Attributes:
        rows: its finished trials.
        planned: how many seeds are planned.
    """

    rows: pd.DataFrame
    planned: int

    @property
    def seeds(self) -> int:
        """How many seeds are finished."""
        return int(self.rows["seed"].nunique())

    @property
    def mean(self) -> float:
        """The mean test accuracy."""
        return float(self.rows["accuracy"].mean())

    def lacking(self, compared: int) -> int:
        """Return how many seeds are missing to make it a floor under so many."""
        return max(0, max(self.planned, min(compared, _SEEDS)) - self.seeds)


@computed_once
def _recipe_of_floor(results: Results, dataset: str, seeds: int) -> _Recipe | None:
    """Return the recipe of softmax regression that is the floor; None if no seed is finished.

    It is the best of those that lack no seed, or else that which lacks the fewest.
    """
    recipes = _recipes_of_softmax_regression(results, dataset)
    return min(recipes, key=lambda one: (one.lacking(seeds), -one.mean), default=None)


@computed_once
def _recipes_of_softmax_regression(results: Results, dataset: str) -> list[_Recipe]:
    """Return the recipes of softmax regression of which a seed is finished.

    As in any comparison, seeds that were planned later and never began do not count. Of a tuned
    recipe a seed needs the chosen one alone.
    """
    rows = all_judged(results)
    rows = rows[(rows["dataset"] == dataset) & _is_softmax_regression(rows)]
    (recipes,) = keys(rows, on=CELL)
    recipes = np.where(rows["by_choice"].to_numpy(bool), -1, recipes)
    found = []
    for _, recipe in rows.groupby(recipes):
        planned = recipe[recipe["defined"] != 0] if (recipe["defined"] != 0).any() else recipe
        ran = planned["attempt"].notna().to_numpy()
        if ran.any():
            counted = still_planned(results, [planned["committed"].to_numpy(np.int64)], ran)
            found.append(_Recipe(planned[ran], planned["seed"][counted].nunique()))
    return found


def _is_softmax_regression(rows: pd.DataFrame) -> "pd.Series[bool]":
    is_linear = (rows["network"] == LINEAR) & (rows["method"] == BASELINE)
    return is_linear & at_default(rows, CONTROL)


def _chance(results: Results, dataset: str) -> float:
    """Return the accuracy up to which a trial on a data set is at chance."""
    trials = all_judged(results)
    return float(noise_of_chance(trials[trials["dataset"] == dataset]).max())


def densities_above_softmax_regression(
    results: Results, rival: Mapping[str, Hashable], seeds: int
) -> int:
    """Return how many densities of a rival's method exceed softmax regression where it is trained.

    Args:
        results: the studies.
        rival: the fields of a trial of the rival, apart from its density and its recipe.
        seeds: how many seeds are compared.
    """
    means = cell_means(results)
    floor, _ = softmax_regression(results, str(rival["dataset"]), seeds)
    fits = means["mean"].to_numpy() > floor
    for name in ("method", *LOOKED_UP):
        fits &= means[name].to_numpy() == rival[name]
    return int(means.loc[fits, "density"].nunique())
