"""Arms at the configuration that their tuning seeds choose.

An arm's configurations are its combinations of some fields, such as its learning rates. They are
trained on tuning seeds; the best by validation accuracy is judged on fresh seeds. The choice is
nested: each fresh seed has tuning seeds of its own, and a choice of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import CELL, RECIPE, TUNED_VALUES, label
from analysis.estimates.edges import edges
from analysis.estimates.extended import extended_grid
from analysis.estimates.judged import all_judged, chance_of, joined, judged
from analysis.estimates.pairing import keys
from analysis.estimates.tuning import expected_at_best
from analysis.tables import Results, computed_once
from studies.store.definitions import Recorded
from studies.study import Study
from studies.traits import TRAITS
from studies.trial import FIELDS, SETTABLE
from studies.tuned import OF_A_FAILURE


@computed_once
def tuned(results: Results, fields: tuple[str, ...]) -> pd.DataFrame:
    """Return every arm at the values of some fields that its tuning seeds choose.

    Of an arm with several configurations on tuning seeds there is a row per fresh seed: the trial
    at the configuration with the best mean validation accuracy on that seed's tuning seeds. Other
    trials are as in `judged`: what has one configuration needs no tuning, and what has several but
    no tuning seeds cannot choose.

    Args:
        results: the studies.
        fields: the fields that are tuned; `TUNED` or some of these.

    Returns:
        Rows of `judged` with further columns. In rows of tuned arms, the fields with several values
        have those of `TUNED_VALUES`, and if one of them belongs to the recipe, so has all of it.
        `configurations`: their number; 1 for an arm that is not tuned.
        `budget`: trainings for the choice; 0 for an arm that is not tuned.
        `spent`, `spent_seconds`: the same with the fresh trial; nan for an arm that is not tuned.
        `chosen`: the configuration in words; empty for an arm that is not tuned.
        `score`: its mean validation accuracy on the tuning seeds.
        `nested`: whether each fresh seed has tuning seeds of its own.
        `edge`: in words, an end of a grid to which the last step gains on the tuning seeds.
        `caution`: in words, what the tuning cannot show; None if there is nothing to say.
        `option_cost`, `by_options`: the expected accuracy on the fresh seed of the best of k random
        options, for each k. An option is a configuration, or several of them of which only the best
        runs on the fresh seed; it costs `option_cost` configurations.
        While an arm's tuning is not finished, its rows have no attempt and no accuracy.
    """
    if results.tuning_plan.empty:
        return _without_tuning(results)
    trials = all_judged(results)
    used, rows = _rows_of_arms(results, trials, fields)
    plain = _not_tuned(trials[~used])
    if not rows:
        return plain
    arms = _largest_search(pd.DataFrame(rows))
    always = (*SETTABLE, *TRAITS, "defined", "committed")  # the rest may be missing
    arms = arms.astype({name: trials[name].dtype for name in always})
    return pd.concat([plain, arms[plain.columns]], ignore_index=True)


def _largest_search(arms: pd.DataFrame) -> pd.DataFrame:
    """Return one row per arm and seed where several studies tune it: that of the largest search.

    A choice that is nested comes before one that is not; of searches of equal size, the better
    score counts. So the order of the studies decides nothing.
    """
    order = ["nested", "configurations", "score"]
    ranked = arms.sort_values(order, ascending=False, kind="stable")
    several = ranked.duplicated(list(SETTABLE), keep=False)
    caution = ranked["caution"].mask(
        several & ranked["caution"].isna(),
        "tuned by several studies, of which the largest search counts",
    )
    return ranked.assign(caution=caution).drop_duplicates(list(SETTABLE)).sort_index()


@computed_once  # the same whatever is tuned
def _without_tuning(results: Results) -> pd.DataFrame:
    return _not_tuned(all_judged(results))


def _not_tuned(trials: pd.DataFrame) -> pd.DataFrame:
    """Return trials of arms that are not tuned with the columns of `tuned`."""
    rows = trials.assign(
        configurations=1,
        budget=0,
        spent=np.nan,
        spent_seconds=np.nan,
        chosen="",
        score=np.nan,
        nested=True,
        edge="",
        caution=None,
        option_cost=1.0,
        by_options=None,
    )
    return rows.copy()  # in one piece per kind


def _rows_of_arms(
    results: Results, trials: pd.DataFrame, fields: Sequence[str]
) -> tuple[NDArray[np.bool_], list[dict[str, Any]]]:
    """Return the rows of the arms that are tuned, and which trials belong to these arms."""
    rows: list[dict[str, Any]] = []
    used = np.zeros(len(trials), bool)
    planned = joined(results.tuning_plan, results.tuning)
    arm = [name for name in CELL if name not in fields]
    names = [name for name in fields if planned[name].nunique() > 1]
    of_trials, of_planned = keys(trials, planned, on=arm)
    in_trials, in_planned = (frame["defined"].to_numpy() for frame in (trials, planned))
    for study in _tuned_studies(results, planned):
        mine, fresh = (in_planned & study.bits) != 0, (in_trials & study.bits) != 0
        for key in dict.fromkeys(of_planned[mine].tolist()):
            is_fresh = fresh & (of_trials == key)
            tuning = planned[mine & (of_planned == key)]
            if names and len(tuning[names].drop_duplicates()) > 1:
                used |= of_trials == key
                rows += _Arm(tuning, trials[is_fresh], names, study).rows()
    return used, rows


@computed_once
def with_tuning_trials(results: Results) -> pd.DataFrame:
    """Return `judged` and the trials on tuning seeds, whose `accuracy` is that of validation.

    Every value of a tuned field is trained there, on the fresh seeds only the chosen one. Nothing
    is chosen among the values here: each is compared with the default.
    """
    rows, tuning = judged(results), joined(results.tuning_plan, results.tuning)
    accuracy = tuning["validation_accuracy"].where(
        tuning["validation_accuracy"].notna() | tuning["attempt"].isna(), chance_of(tuning)
    )
    failed = tuning["outcome"].where(tuning["outcome"].isin(["diverged", "dead"]), "")
    tuning = tuning.assign(accuracy=accuracy, failure=failed, test_correct=None)
    return pd.concat([rows, tuning], ignore_index=True) if len(tuning) else rows


@dataclass(frozen=True)
class _TunedStudy:
    """A study with tuning seeds.

    Attributes:
        bits: its definitions.
        tuning_seeds: those of each fresh seed.
        nested: whether no two fresh seeds share one.
        grids: the numbers of each definition that tunes, by its bit, as its rule extends them.
        unseen: the fresh seeds of which nothing was known when a definition was recorded.
    """

    bits: int
    tuning_seeds: Mapping[int, tuple[int, ...]]
    nested: bool
    grids: Mapping[int, Mapping[str, frozenset[float]]]
    unseen: Mapping[int, frozenset[int]]


def _tuned_studies(results: Results, planned: pd.DataFrame) -> list[_TunedStudy]:
    """Return the studies that have tuning seeds.

    Args:
        results: the studies.
        planned: their trials on tuning seeds, with their results.
    """
    found = []
    for name in results.names:
        numbers = [n for n, study in enumerate(results.studies) if study.name == name]
        bits = sum(1 << min(n, 52) for n in numbers)
        seeds: dict[int, tuple[int, ...]] = {}
        for number in numbers:
            seeds |= _tuning_seeds(results.studies[number])
        if seeds:
            used = [tuning for own in seeds.values() for tuning in own]
            mine = planned[(planned["defined"].to_numpy() & bits) != 0]
            recorded = [(1 << min(n, 52), results.definitions[n]) for n in numbers]
            of_bits = {bit: one for bit, one in recorded if one.study.is_tuned}
            grids = {bit: extended_grid(mine, bit) for bit in of_bits}
            unseen = {bit: _unseen(one) for bit, one in of_bits.items()}
            nested = len(used) == len(set(used))
            found.append(_TunedStudy(bits, seeds, nested, grids, unseen))
    return found


def _unseen(recorded: Recorded) -> frozenset[int]:
    """Return the fresh seeds with which no trial was finished when a definition was recorded."""
    if recorded.known is None:
        return frozenset()
    return frozenset(s for s in recorded.study.confirmatory_seeds if not recorded.known.get(s))


def _tuning_seeds(study: Study) -> dict[int, tuple[int, ...]]:
    """Return the tuning seeds of each fresh seed of a definition.

    If there are at least as many tuning seeds as fresh seeds, and the trials do not depend on the
    choice, each fresh seed gets its part of them.
    """
    fresh, tuning = study.confirmatory_seeds, study.all_tuning_seeds
    each = len(tuning) // len(fresh)
    if not tuning:
        return {}
    if study.is_tuned or not each or isinstance(study.tuning_seeds, str):
        return {seed: tuple(study.tuning_seeds_of(seed)) for seed in fresh}
    return {seed: tuple(tuning[n * each : (n + 1) * each]) for n, seed in enumerate(fresh)}


class _Arm:
    """An arm with several configurations.

    Args:
        tuning: its planned trials on tuning seeds, with their results.
        fresh: its planned trials on fresh seeds, with their results.
        names: the fields that are tuned.
        study: the study.
    """

    def __init__(
        self, tuning: pd.DataFrame, fresh: pd.DataFrame, names: Sequence[str], study: _TunedStudy
    ) -> None:
        self._study, self._names = study, list(names)
        self._tuning = tuning
        own = [tuple(row) for row in tuning[self._names].itertuples(index=False)]
        self.configurations = list(dict.fromkeys(own))
        columns = (tuning[n] for n in ("seed", "attempt", "validation_accuracy", "seconds"))
        self._trained = {
            (configuration, int(seed)): (
                pd.notna(attempt),
                OF_A_FAILURE if pd.isna(accuracy) else float(accuracy),
                float(seconds),
                defined,
            )
            for configuration, defined, seed, attempt, accuracy, seconds in zip(
                own, tuning["defined"], *columns, strict=True
            )
        }
        places = [tuple(row) for row in fresh[self._names].itertuples(index=False)]
        self._fresh: dict[tuple[tuple[Any, ...], int], dict[Any, Any]] = {
            (configuration, int(seed)): row
            for configuration, seed, row in zip(
                places, fresh["seed"], fresh.to_dict("records"), strict=True
            )
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the row of each fresh seed."""
        edge, caution = self._edge(), self._caution()
        for seed, tuners in self._study.tuning_seeds.items():
            entered = [
                c for c in self.configurations if all((c, t) in self._trained for t in tuners)
            ]
            if entered:
                yield self._row(seed, tuners, entered) | {"edge": edge, "caution": caution}

    def _row(
        self, seed: int, tuners: Sequence[int], entered: Sequence[tuple[Any, ...]]
    ) -> dict[str, Any]:
        results = [[self._trained[c, tuning] for tuning in tuners] for c in entered]
        done = all(trained for of_one in results for trained, *_ in of_one)
        scores = [float(np.mean([accuracy for _, accuracy, *_ in of_one])) for of_one in results]
        best = entered[scores.index(max(scores))] if done else entered[0]
        row: dict[str, Any] = {**(self._fresh.get((best, seed)) or self._planned(best, seed))}
        if not done:
            row |= {"attempt": None, "accuracy": np.nan, "above_chance": np.nan}
        options = [c for c in entered if (c, seed) in self._fresh] or [best]
        values = [self._fresh.get((c, seed), {}).get("accuracy", np.nan) for c in options]
        chances = [scores[entered.index(c)] for c in options]
        budget = len(entered) * len(tuners)
        defined = int(np.bitwise_and.reduce([bits for of_one in results for *_, bits in of_one]))
        spent_seconds = sum(seconds for of_one in results for *_, seconds, _ in of_one)
        words = {n: v for n, v in zip(self._names, best, strict=True) if self._varies(n)}
        varied = list(words)
        if any(name in RECIPE for name in varied):  # the whole recipe is that arm's own
            varied = list(dict.fromkeys([*varied, *RECIPE]))
        return {
            **row,
            **{name: TUNED_VALUES[name] for name in varied},
            "committed": (int(row["committed"]) & defined) | self._extended(seed, entered),
            "configurations": len(entered),
            "budget": budget,
            "spent": budget + 1.0,
            "spent_seconds": spent_seconds + row["seconds"],
            "chosen": label(words),
            "score": max(scores) if done else np.nan,
            "nested": self._study.nested,
            "option_cost": len(entered) / len(options),
            "by_options": expected_at_best(chances, values),
        }

    def _extended(self, seed: int, entered: Sequence[tuple[Any, ...]]) -> int:
        """Return the definitions that committed themselves to a seed, and whose grid grew by rule.

        See `analysis.estimates.extended`.
        """
        committed = 0
        for bit, grid in self._study.grids.items():
            first = {c for (c, _), (*_, bits) in self._trained.items() if bits & bit}
            by_rule = all(
                {c[at] for c in entered} <= {*grid.get(name, ()), *(c[at] for c in first)}
                for at, name in enumerate(self._names)
            )
            grew = first and not first.issuperset(entered)
            if grew and by_rule and seed in self._study.unseen[bit]:
                committed |= bit
        return committed

    def _planned(self, configuration: tuple[Any, ...], seed: int) -> dict[str, Any]:
        """Return the row of a trial that is not planned yet, because the choice is not made."""
        row: dict[str, Any] = {str(n): v for n, v in self._tuning.iloc[0].items()}
        fields = {n: row[n] for n in SETTABLE} | dict(zip(self._names, configuration, strict=True))
        blank = {n: np.nan for n in row if n not in (*SETTABLE, "defined", "committed")}
        traits = {n: v for n, v in row.items() if isinstance(v, bool | np.bool_)}
        own = {
            "seed": seed,
            "attempt": None,
            "failure": "",
            "accuracy": np.nan,
            "above_chance": np.nan,
        }
        return row | blank | traits | fields | own

    def _varies(self, name: str) -> bool:
        at = self._names.index(name)
        return len({configuration[at] for configuration in self.configurations}) > 1

    def _caution(self) -> str | None:
        """Return in words that one seed shows no edge; None if there are several."""
        numbers = [n for n in self._names if FIELDS[n].type is float and self._varies(n)]
        if not numbers or self._tuning["seed"].nunique() > 1:
            return None
        return "a single tuning seed cannot show whether an end of its grid still gains"

    def _edge(self) -> str:
        """Return in words where the best configuration is at an end to which the step gains."""
        finished = self._tuning[self._tuning["attempt"].notna()]
        finished = finished.fillna({"validation_accuracy": OF_A_FAILURE})
        means = finished.groupby(self._names, sort=False)["validation_accuracy"].mean()
        if means.empty:
            return ""
        best = means.idxmax()
        best = best if isinstance(best, tuple) else (best,)
        found = []
        for at, name in enumerate(self._names):
            if FIELDS[name].type is float and self._varies(name):
                others = [n for n in self._names if n != name]
                same = [finished[n] == best[self._names.index(n)] for n in others]
                line = finished[np.logical_and.reduce(same)] if same else finished
                found += [
                    label({name: end})
                    for end in edges(line, name, "validation_accuracy")
                    if end == best[at]
                ]
        return ", ".join(found)
