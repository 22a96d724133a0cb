"""Tuned fields: a study's trials on fresh seeds, once its tuning seeds have chosen them.

A grid with `tuned` trains every combination on the tuning seeds. The fields that are not tuned make
an arm. For each arm and each fresh seed, the combination of tuned values with the best validation
accuracy on that seed's tuning seeds is trained on the fresh seed. So no result on a fresh seed has
any part in the choice.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from studies.grids import FRESH, SEEDS, TUNED, TUNING, fields_of
from studies.study import Study
from studies.trial import Trial, Value, check_value

#: Returns which of some candidates (fields without the seed) is to be trained on a fresh seed.
Choose = Callable[[list[dict[str, Value]], int], int]


#: The validation accuracy of a finished training that has none, so that no failure is chosen.
OF_A_FAILURE = 0.0


class NotTunedError(Exception):
    """A tuning trial that decides is not finished."""


def best(study: Study, accuracies: Mapping[Trial, float]) -> Choose:
    """Return the choice by the best mean validation accuracy on a seed's tuning seeds.

    Args:
        study: the study.
        accuracies: the validation accuracy of each finished tuning trial.

    Returns:
        The choice; of equals it is the first in the file's order. It raises `NotTunedError` if a
        candidate is not finished on a tuning seed.
    """

    def choose(candidates: list[dict[str, Value]], seed: int) -> int:
        means = []
        for candidate in candidates:
            seeds = study.tuning_seeds_of(seed)
            trials = [Trial.of_checked({**candidate, "seed": tuning}) for tuning in seeds]
            if not accuracies.keys() >= set(trials):
                raise NotTunedError
            means.append(sum(accuracies[trial] for trial in trials) / len(trials))
        return means.index(max(means))

    return choose


def chosen(study: Study, choose: Choose) -> Study:
    """Return the study with the trials on fresh seeds that a choice asks for.

    Args:
        study: the study.
        choose: the choice.

    Returns:
        A study without tuned fields: each grid that had some is trained on the tuning seeds and
        followed by a grid for each choice.
    """
    grids: list[dict[str, Any]] = []
    for grid in study.grids:
        if TUNED not in grid:
            grids.append(grid)
            continue
        grids.append({**fields_of(grid), SEEDS: TUNING})
        grids += _fresh(study, grid, choose)
    return study.model_copy(update={"grids": grids})


def expected(study: Study) -> Study:
    """Return the study with as many trials on fresh seeds as there will be.

    Their tuned fields have their first values, which stand for those that will be chosen.
    """
    return chosen(study, lambda candidates, seed: 0) if study.is_tuned else study


def _fresh(study: Study, grid: Mapping[str, Any], choose: Choose) -> list[dict[str, Any]]:
    """Return the grids on fresh seeds that take the place of a grid with tuned fields."""
    axes = {
        name: [check_value(name, value) for value in values]
        for name, values in {**study.axes, **fields_of(grid)}.items()
    }
    of_arm = [name for name in axes if name not in grid[TUNED]]
    tuned = [dict(zip(grid[TUNED], v, strict=True)) for v in _product(axes, grid[TUNED])]
    grids = []
    for values in _product(axes, of_arm):
        arm = dict(zip(of_arm, values, strict=True))
        candidates = [{**arm, **combination} for combination in tuned]
        seeds_of: dict[int, list[int]] = {}
        for seed in study.confirmatory_seeds:
            seeds_of.setdefault(choose(candidates, seed), []).append(seed)
        for index, seeds in sorted(seeds_of.items()):
            fields = {name: [value] for name, value in candidates[index].items()}
            single = {name: fields[name] for name in fields if fields[name] != study.axes.get(name)}
            grids.append({**single, SEEDS: FRESH if len(seeds_of) == 1 else seeds})
    return grids


def _product(axes: Mapping[str, list[Value]], names: list[str]) -> "itertools.product[Any]":
    return itertools.product(*(axes[name] for name in names))
