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
from analysis.estimates.extended import NUMBERS, Gaining, follows, gaining, gains_at, trained
from analysis.estimates.judged import all_judged, chance_of, contradictions, joined, judged
from analysis.estimates.pairing import keys
from analysis.estimates.tuning import TUNED, expected_at_best
from analysis.tables import Results, bit_of, computed_once
from studies import grids
from studies.store.definitions import Recorded
from studies.study import Study
from studies.traits import TRAITS
from studies.trial import SETTABLE
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
        `seen`: whether its grid was extended when its fresh trial was known.
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

    What is finished comes before what is planned, and a choice that is nested before one that is
    not; of searches of equal size, the better score counts. So the order of the studies decides
    nothing. Searches of equal size with other scores are parts of one search: whoever takes the
    best of them has the budgets of all.
    """
    order = ["done", "nested", "configurations", "score"]
    ranked = arms.assign(done=arms["attempt"].notna()).sort_values(
        order, ascending=False, kind="stable"
    )
    (parts,) = keys(ranked, on=[*SETTABLE, *order[:-1]])
    of_parts = ranked.groupby(parts)
    is_part = of_parts["score"].transform("nunique") > 1
    for name in ("configurations", "budget"):
        ranked[name] = ranked[name].mask(is_part, of_parts[name].transform("sum"))
    # Whoever takes the best of the parts trains one fresh trial, not one for each part.
    ranked["spent"] = ranked["spent"].mask(is_part, ranked["budget"] + 1.0)
    tuning = (ranked["spent_seconds"] - ranked["seconds"]).groupby(parts).transform("sum")
    ranked["spent_seconds"] = ranked["spent_seconds"].mask(is_part, tuning + ranked["seconds"])
    # Which of a few random ones would be chosen among those of several studies is not known.
    ranked["option_cost"] = ranked["option_cost"].mask(is_part, ranked["configurations"] + 1.0)
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
        seen=False,
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
    for study in _tuned_studies(results):
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
    tuning = tuning.assign(accuracy=accuracy, failure=failed)
    tuning = tuning.assign(not_judged=contradictions(tuning), test_correct=None)
    return pd.concat([rows, tuning], ignore_index=True) if len(tuning) else rows


@dataclass(frozen=True)
class _TunedStudy:
    """A study with tuning seeds.

    Attributes:
        bits: its definitions.
        tuning_seeds: those of each fresh seed.
        nested: whether no two fresh seeds share one.
        tuning: its definitions that tune, by their bits, the earliest first.
        gaining: where a grid that ended there would have to be extended; empty if the study has
            only one definition that tunes.
    """

    bits: int
    tuning_seeds: Mapping[int, tuple[int, ...]]
    nested: bool
    tuning: Mapping[int, Recorded]
    gaining: Gaining


@computed_once
def _tuned_studies(results: Results) -> list[_TunedStudy]:
    """Return the studies that have tuning seeds."""
    planned = joined(results.tuning_plan, results.tuning)
    found = []
    for name in results.names:
        numbers = [n for n, study in enumerate(results.studies) if study.name == name]
        bits = sum(bit_of(n) for n in numbers)
        seeds: dict[int, tuple[int, ...]] = {}
        for number in numbers:
            seeds |= _tuning_seeds(results.studies[number])
        if seeds:
            used = [tuning for own in seeds.values() for tuning in own]
            recorded = [(bit_of(n), results.definitions[n]) for n in numbers]
            tuning = {bit: one for bit, one in recorded if one.study.is_tuned}
            of_grids = (grid for one in tuning.values() for grid in one.study.grids)
            names = {name for grid in of_grids for name in grid.get(grids.TUNED, ())}
            mine = planned[(planned["defined"].to_numpy() & bits) != 0]
            where = gaining(mine, [n for n in TUNED if n in names]) if len(tuning) > 1 else {}
            found.append(_TunedStudy(bits, seeds, len(used) == len(set(used)), tuning, where))
    return found


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
            if entered := self._entered(tuners):
                yield self._row(seed, tuners, entered) | {"edge": edge, "caution": caution}

    def _entered(self, tuners: Sequence[int]) -> list[tuple[Any, ...]]:
        """Return the configurations that a seed chooses among.

        They are all that are planned on its tuning seeds; while some of these are not trained,
        those of the latest definition that is, so that nobody erases a choice by planning a larger
        one.
        """
        planned = [c for c in self.configurations if all((c, t) in self._trained for t in tuners)]
        for bit in (-1, *reversed(self._study.tuning)):
            own = [c for c in planned if all(self._trained[c, t][-1] & bit for t in tuners)]
            if own and all(self._trained[c, t][0] for c in own for t in tuners):
                return own
        return planned

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
        if any(not 0 <= one <= 1 for of_one in results for _, one, *_ in of_one):
            row["not_judged"] = "a validation accuracy is not between 0 and 1"
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
            **self._commitment(seed, tuners, entered, int(row["committed"]) & defined),
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

    def _commitment(
        self, seed: int, tuners: Sequence[int], entered: Sequence[tuple[Any, ...]], committed: int
    ) -> dict[str, Any]:
        """Return the definitions that committed themselves to a choice, as `committed`.

        They include those whose grid grew by rule, see `analysis.estimates.extended`. `seen` says
        that it grew when this arm's fresh trial was known already.
        """
        seen = False
        bits = [int(self._trained[c, t][-1]) for c in entered for t in tuners]
        longer = next((b for b in self._study.tuning if all(one & b for one in bits)), 0)
        definitions = list(self._study.tuning)
        earlier = definitions[: definitions.index(longer)] if longer else []
        for bit in earlier:
            recorded = self._study.tuning[bit]
            first = [c for c in entered if all(self._trained[c, t][-1] & bit for t in tuners)]
            unseen = recorded.known is not None and not recorded.known.get(seed)
            planned = seed in recorded.study.confirmatory_seeds and first
            if unseen and planned and follows(entered, first, self._names, self._study.gaining):
                committed |= bit
                seen |= self._was_seen(seed, self._study.tuning[longer])
        return {"committed": committed, "seen": seen}

    def _was_seen(self, seed: int, recorded: Recorded) -> bool:
        """Return whether a fresh trial of the arm was known when a definition was recorded."""
        ids = {row.get("trial_id") for (_, s), row in self._fresh.items() if s == seed}
        return bool(ids.intersection((recorded.known or {}).get(seed, ())))

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
            "not_judged": "",
        }
        return row | blank | traits | fields | own

    def _varies(self, name: str) -> bool:
        at = self._names.index(name)
        return len({configuration[at] for configuration in self.configurations}) > 1

    def _caution(self) -> str | None:
        """Return in words that one seed shows no edge; None if there are several."""
        numbers = [n for n in self._names if n in NUMBERS and self._varies(n)]
        if not numbers or self._tuning["seed"].nunique() > 1:
            return None
        return "a single tuning seed cannot show whether an end of a tuned grid still gains"

    def _edge(self) -> str:
        """Return in words where the best configuration is at an end to which the step gains."""
        finished = trained(self._tuning)
        if finished.empty:
            return ""
        found = [
            label({name: end})
            for name in self._names
            if name in NUMBERS and self._varies(name)
            for end in (finished[name].min(), finished[name].max())
            if gains_at(finished, self._names, name, end)
        ]
        return ", ".join(found)
