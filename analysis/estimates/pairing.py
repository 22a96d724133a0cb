"""Pairs of trials that a claim holds against each other: same seed, signs and order of images.

An arm's partner is the trial that has the arm's fields, but for those that the comparison replaces
(`against`) and those that it passes over because only one of the two reads them (`ignoring`).
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.cells import BASELINE, CELL, METHOD_ONLY, RECIPE, SETTING
from analysis.tables import Results, computed_once
from studies.trial import FIELDS, REQUIRED, SETTABLE, Value

#: Share of dense training's final accuracy whose first reaching is timed.
REACHED = 0.95
#: Stands in `density` for one that was tuned honestly; none that can be asked for.
HONEST = -1.0
#: Of the data sets that come with the project; those of older results and of failed downloads.
_CLASSES = {"cifar100": 100}
_TEN = ("digits", "mnist", "fashion-mnist", "kmnist", "cifar10", "svhn")
#: The benchmark's name for the steps of a network.
_STEPS = re.compile(r"step, (\S+), batch (\d+)")
#: Trained weights as the paper has them: he-normal, half of them positive.
TRAINED: dict[str, Value] = {"method": BASELINE, "weights": "he-normal", "positive_fraction": 0.5}
#: What of a trial is wanted of both sides of a pair, beside the compared value.
_OF_BOTH = (
    "trial_id",
    "attempt",
    "first",
    "outcome",
    "engine",
    "device",
    "versions",
    "dataset_fingerprint",
    "test_images",
    "test_correct",
    "seconds",
)


@computed_once  # every claim asks for them; nobody changes them in place
def judged(results: Results) -> pd.DataFrame:
    """The confirmatory trials, finished or planned, with the values that claims are about.

    Returns:
        A row per trial: the columns of `trials`, nan where it is not finished, and
        `accuracy` (test accuracy after the last epoch; chance where a trial has none),
        `above_chance` (that minus chance; nan where the number of classes is not known).
    """
    by = list(SETTABLE)
    planned = results.plan.merge(results.trials, on=by, how="left")
    found = results.trials.merge(results.plan, on=by, how="left")
    # In the plan's order, then what older definitions left that are not there any more.
    rows = pd.concat([planned, found[found["first"].isna()]], ignore_index=True)
    known = rows["dataset"].map(_CLASSES | dict.fromkeys(_TEN, 10)).astype(float)
    classes = rows["classes"].astype(float)
    chance = 1 / classes.where(classes.notna(), known)
    finished = rows["attempt"].notna()
    accuracy = rows["test_accuracy"].where(rows["test_accuracy"].notna() | ~finished, chance)
    return rows.assign(accuracy=accuracy, above_chance=accuracy - chance)


def at_default(rows: pd.DataFrame, names: Iterable[str]) -> pd.Series:
    """Which rows have these fields at their default."""
    same = [rows[name] == FIELDS[name].default for name in names]
    return pd.Series(np.logical_and.reduce(same), rows.index)


def paired(
    arms: pd.DataFrame,
    trials: pd.DataFrame,
    against: Mapping[str, Value],
    ignoring: Sequence[str],
    value: str,
    share: float,
) -> pd.DataFrame:
    """Each arm beside its partner.

    Args:
        arms: of `judged`, or made of it.
        trials: where the partners are looked for.
        against: the fields that a partner has instead.
        ignoring: fields in which a partner may differ; of those that only a method reads, its are
            at their default.
        value: the compared column.
        share: of the partner's value that is taken away.

    Returns:
        The arms that have a partner, planned or finished, with the columns of the partner named
        ``*_of_partner`` and a column `difference`, nan where one of the two is not finished. An arm
        with several partners that differ in what is ignored has none: it is not clear which.
    """
    free = set(ignoring)
    partners = trials[at_default(trials, free.intersection(METHOD_ONLY).difference(against))]
    for name, wanted in against.items():
        partners = partners[partners[name] == wanted]
    on = [name for name in SETTABLE if name not in free and name not in against]
    partners = partners[~partners.duplicated(on, keep=False)]
    columns = list(dict.fromkeys([*on, *_OF_BOTH, value]))
    pairs = arms.merge(partners[columns], on=on, suffixes=("", "_of_partner"))
    other = f"{value}_of_partner"
    return pairs.assign(difference=pairs[value] - share * pairs[other])


def correctness(rows: pd.DataFrame, suffix: str = "") -> np.ndarray | None:
    """Which test images each trial gets right, bool [S, N]; None where trials differ in N."""
    images = set(rows[f"test_images{suffix}"])
    if len(images) != 1:
        return None
    count = int(images.pop())
    packed = [np.frombuffer(bits, np.uint8) for bits in rows[f"test_correct{suffix}"]]
    return np.unpackbits(np.stack(packed), axis=1, count=count).astype(bool)


#: The values that `judged` adds.
_JUDGED = ("accuracy", "above_chance")


def gain_of_flipping(results: Results) -> pd.DataFrame:
    """The free-flipping trials of `judged` with `gain`, their accuracy minus free-pruning's.

    One whose pruning partner diverged or died has that partner's outcome.
    """
    trials = judged(results)
    arms = trials[trials["method"] == "free-flipping"]
    pairs = paired(arms, trials, {"method": "free-pruning"}, (), "accuracy", 1.0)
    lost = pairs["outcome_of_partner"].isin(["diverged", "dead"])
    outcome = pairs["outcome"].where(~lost, pairs["outcome_of_partner"])
    first = pairs["first"].eq(True) & pairs["first_of_partner"].eq(True)
    found = pairs.assign(gain=pairs["difference"], outcome=outcome, first=first)
    return found[[*trials.columns, "gain"]]


def benchmarked(results: Results) -> pd.DataFrame:
    """Step times of the last benchmark beside the results, in ratio to dense in the same engine.

    Returns:
        A row per round, method, network and batch size, with the fields of a trial (the round for
        its seed) and `log_ratio`. The rounds are interleaved: each has some steps of every method.
    """
    default = {name: about.default for name, about in FIELDS.items() if name not in REQUIRED}
    found = []
    for row in results.benchmarks.to_dict("records"):
        group = _STEPS.fullmatch(str(row["group"]))
        method, _, base = str(row["measure"]).partition(" / ")
        if group is None or base != "our dense":
            continue
        cell = default | {
            "network": group[1],
            "batch_size": int(group[2]),
            "method": method,
            "dataset": "noise",
            "weights": "he-constant",
            "epochs": 1,
        }
        kind = "a quick run of the benchmark" if row["quick"] else "a whole run of the benchmark"
        about = {
            "caution": f"{kind} on {row['machine']}",
            "outcome": "completed",
            "device": "cpu",
            "versions": row["versions"],
            "first": True,
        }
        found += [
            cell | about | {"seed": n, "trial_id": f"round {n}", "log_ratio": math.log(ratio)}
            for n, ratio in enumerate(row["values"], start=1)
        ]
    columns = [*SETTABLE, *_OF_BOTH, "study", "caution", "log_ratio"]
    return pd.DataFrame(found, columns=columns)


def timed(results: Results) -> pd.DataFrame:
    """The trials of `judged` with `log_seconds`, the log of the training seconds to an accuracy.

    The accuracy is `REACHED` of the mean that dense training of the same setting ends with; the
    seconds are those of the epochs until the test accuracy is first there, nan where it never is.
    """
    trials = judged(results)
    setting = list(SETTING)
    dense = trials[trials["method"] == BASELINE].groupby(setting, sort=False)["accuracy"].mean()
    level = trials[["attempt", *setting]].merge(
        (REACHED * dense).rename("level").reset_index(), on=setting
    )
    results.connection.register("levels", level[["attempt", "level"]].dropna())
    seconds = results.query(
        "WITH reached AS (SELECT attempt, min(epoch) AS first FROM epochs JOIN levels "
        "USING (attempt) WHERE epoch > 0 AND nullif(test_accuracy, 'nan'::DOUBLE) >= level "
        "GROUP BY attempt) "
        "SELECT attempt, sum(train_seconds) AS log_seconds FROM epochs JOIN reached "
        "USING (attempt) WHERE epoch BETWEEN 1 AND first GROUP BY attempt"
    ).df()
    seconds["log_seconds"] = np.log(seconds["log_seconds"].where(seconds["log_seconds"] > 0))
    return trials.merge(seconds, on="attempt", how="left")


def at_own_best_recipe(results: Results) -> pd.DataFrame:
    """The trials of `judged`, of each arm those of the recipe that its tuning seeds choose.

    The recipe with the best mean validation accuracy over the tuning seeds that all of the arm's
    recipes have. Arms with a smaller budget than others of the same network, data set and epochs
    are left out.

    Returns:
        Rows of `judged`; an arm whose tuning is not finished has rows without accuracy.
    """
    trials, planned = judged(results), results.tuning_plan
    recipe = [name for name in RECIPE if planned[name].nunique() > 1]
    if not recipe:
        return trials.iloc[:0]
    arm = [name for name in CELL if name not in recipe]
    every = [*arm, *recipe]
    recipes = planned[every].drop_duplicates().groupby(arm, sort=False)[recipe[0]].size()
    on_all = planned.groupby([*arm, "seed"], sort=False)[recipe[0]].size().rename("on")
    common = on_all.reset_index().merge(recipes.rename("recipes").reset_index(), on=arm)
    common = common[common["on"] == common["recipes"]]
    budgets = common.groupby(arm, sort=False)["recipes"].sum().rename("budget").reset_index()
    task = ["network", "dataset", "epochs"]
    full = budgets[budgets["budget"] == budgets.groupby(task)["budget"].transform("max")]
    asked = planned.merge(common[[*arm, "seed"]], on=[*arm, "seed"]).merge(full[arm], on=arm)
    return _at_choice(results, trials, asked, arm, recipe)


def honestly_tuned(results: Results) -> pd.DataFrame:
    """Per replicate the fresh trial of the density that its own tuning seeds choose.

    Replicate r has the r-th seed and the r-th share of the planned tuning seeds; the density with
    their best mean validation accuracy is run once on its seed (a nested design: no replicate
    shares what another was tuned on).

    Returns:
        `judged`, and such a row per replicate with `density` `HONEST`, `chosen` (the density),
        `spent` (trainings, the fresh one included) and `spent_seconds`, nan for the others. A
        replicate whose tuning is not finished has a row without accuracy.
    """
    trials, planned = judged(results), results.tuning_plan[results.tuning_plan["density"] > 0]
    seeds, tuners = (sorted(rows["seed"].unique()) for rows in (results.plan, planned))
    per = max(1, len(tuners) // max(1, len(seeds)))
    arm = [name for name in CELL if name != "density"]
    found = []
    for replicate, seed in enumerate(seeds[: len(tuners) // per]):
        own = planned[planned["seed"].isin(tuners[replicate * per : (replicate + 1) * per])]
        here = trials[(trials["seed"] == seed) & (trials["density"] > 0)]
        found.append(_at_choice(results, here, own, arm, ["density"]))
    made = pd.concat([trials.iloc[:0], *found], ignore_index=True)
    made = made.assign(chosen=made["density"], density=HONEST)
    return pd.concat([trials, made], ignore_index=True)


def _at_choice(
    results: Results,
    trials: pd.DataFrame,
    asked: pd.DataFrame,
    arm: Sequence[str],
    choices: Sequence[str],
) -> pd.DataFrame:
    """Of each arm the trials at the choice with the best mean validation accuracy.

    Args:
        results: with the finished tuning trials.
        trials: of which some are returned.
        asked: the planned tuning trials that decide; an arm has to have two choices at least.
        arm: the fields that make an arm.
        choices: those that are chosen.

    Returns:
        The trials with `spent` (trainings, the chosen one included) and `spent_seconds`. Of an arm
        whose tuning is not finished, the trials of its first choice without accuracy.
    """
    every, by = [*arm, *choices], list(arm)
    tuned = asked.merge(results.tuning, on=list(SETTABLE), how="left")
    # Without a validation accuracy a training diverged: nothing that one would choose.
    done = tuned["attempt"].notna()
    score = tuned["validation_accuracy"].where(tuned["validation_accuracy"].notna() | ~done, 0.0)
    means = tuned.assign(score=score, done=done).groupby(every, sort=False)
    table = means.agg(
        score=("score", "mean"),
        done=("done", "all"),
        first=("first", "all"),
        size=("seconds", "size"),
        seconds=("seconds", "sum"),
    ).reset_index()
    arms = table.groupby(by, sort=False)
    table = table.assign(
        choices=arms["score"].transform("size"),
        done=arms["done"].transform("all"),
        beforehand=arms["first"].transform("all"),
        spent=arms["size"].transform("sum") + 1,
        spent_seconds=arms["seconds"].transform("sum"),
    )
    table = table[table["choices"] > 1]
    ranked = table.assign(score=table["score"].where(table["done"], 0.0))
    best = ranked.loc[ranked.groupby(by, sort=False)["score"].idxmax()]
    kept = [*every, "done", "beforehand", "spent", "spent_seconds"]
    found = trials.merge(best[kept], on=every)
    chosen = found.assign(
        first=found["first"].eq(True) & found["beforehand"],
        spent_seconds=found["spent_seconds"] + found["seconds"],
        **{name: found[name].where(found["done"]) for name in ("attempt", *_JUDGED)},
    )
    return chosen.drop(columns=["done", "beforehand"])
