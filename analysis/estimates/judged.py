"""The trials that claims judge, and the partners that claims compare them with."""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.cells import BASELINE, CELL, METHOD_ONLY, RECIPE, TASK_CELL
from analysis.estimates.pairing import at_default, pair
from analysis.tables import Results, computed_once
from studies.traits import TRAITS
from studies.trial import FIELDS, REQUIRED, SETTABLE, Value

#: The time to this fraction of dense training's final accuracy is measured.
REACHED = 0.95
#: The value of `density` that stands for an honestly tuned one; no trial can have it.
HONEST = -1.0
#: Number of classes of the project's data sets, for older results that do not record it.
_CLASSES = {"cifar100": 100}
_TEN = ("digits", "mnist", "fashion-mnist", "kmnist", "cifar10", "svhn")
#: The name of a benchmark of training steps.
_STEPS = re.compile(r"step, (\S+), batch (\d+)")
#: Trained weights as in the paper: he-normal, half of them positive.
TRAINED: dict[str, Value] = {"method": BASELINE, "weights": "he-normal", "positive_fraction": 0.5}
#: The columns that both sides of a pair need, besides the compared value.
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


@computed_once  # every claim needs them
def judged(results: Results) -> pd.DataFrame:
    """Return the trials on confirmatory seeds, finished or planned, with the values of claims.

    Returns:
        A row per trial: the columns of `trials`, nan if it is not finished, and
        `accuracy` (test accuracy after the last epoch; chance if a trial has none),
        `above_chance` (that minus chance; nan if the number of classes is not known).
    """
    by = list(SETTABLE)
    # Both have the traits of the methods.
    planned = results.plan.merge(results.trials.drop(columns=[*TRAITS]), on=by, how="left")
    finished_trials = results.trials.merge(results.plan.drop(columns=[*TRAITS]), on=by, how="left")
    # In the plan's order; then trials whose definition is missing.
    unplanned = finished_trials[finished_trials["first"].isna()]
    rows = pd.concat([planned, unplanned], ignore_index=True)
    classes_by_name = rows["dataset"].map(_CLASSES | dict.fromkeys(_TEN, 10)).astype(float)
    classes = rows["classes"].astype(float)
    chance = 1 / classes.where(classes.notna(), classes_by_name)
    finished = rows["attempt"].notna()
    accuracy = rows["test_accuracy"].where(rows["test_accuracy"].notna() | ~finished, chance)
    return rows.assign(accuracy=accuracy, above_chance=accuracy - chance)


def paired(
    arms: pd.DataFrame,
    trials: pd.DataFrame,
    against: Mapping[str, Value],
    ignoring: Sequence[str],
    value: str,
    share: float,
) -> pd.DataFrame:
    """Return each arm with its partner.

    Args:
        arms: rows of `judged` or derived from them.
        trials: the rows among which partners are found.
        against: the fields whose values the partner has instead.
        ignoring: fields in which a partner may differ from its arm. Those of them that only a
            method with scores or a density reads must be at the partner's default.
        value: the compared column.
        share: the fraction of the partner's value that is subtracted.

    Returns:
        The arms that have a partner, planned or finished, with the columns of the partner named
        ``*_of_partner`` and a column `difference`, nan if one of the two is not finished. An arm
        with several partners that differ in ignored fields has none, because the choice between
        them would be arbitrary.
    """
    ignored = set(ignoring)
    partners = trials[at_default(trials, ignored.intersection(METHOD_ONLY).difference(against))]
    for name, required in against.items():
        partners = partners[partners[name] == required]
    on = [name for name in SETTABLE if name not in ignored and name not in against]
    return pair(arms, partners, on, value, share=share, keep=_OF_BOTH)


def correctness(rows: pd.DataFrame, suffix: str = "") -> np.ndarray | None:
    """Return which test images each trial gets right, bool [S, N]; None if trials differ in N."""
    images = set(rows[f"test_images{suffix}"])
    if len(images) != 1:
        return None
    count = int(images.pop())
    packed = [np.frombuffer(bits, np.uint8) for bits in rows[f"test_correct{suffix}"]]
    return np.unpackbits(np.stack(packed), axis=1, count=count).astype(bool)


#: The values that `judged` adds.
_JUDGED = ("accuracy", "above_chance")


def gain_of_flipping(results: Results) -> pd.DataFrame:
    """Return the free-flipping trials of `judged` with `gain`, their accuracy over free-pruning.

    A trial whose pruning partner is diverged or dead has the outcome of that partner.
    """
    trials = judged(results)
    arms = trials[trials["method"] == "free-flipping"]
    pairs = paired(arms, trials, {"method": "free-pruning"}, (), "accuracy", 1.0)
    diverged_or_dead = pairs["outcome_of_partner"].isin(["diverged", "dead"])
    outcome = pairs["outcome"].where(~diverged_or_dead, pairs["outcome_of_partner"])
    first = pairs["first"].eq(True) & pairs["first_of_partner"].eq(True)
    gains = pairs.assign(gain=pairs["difference"], outcome=outcome, first=first)
    return gains[[*trials.columns, "gain"]]


def benchmarked(results: Results) -> pd.DataFrame:
    """Return the step times of the results' last benchmark, in ratio to dense in the same engine.

    Returns:
        A row per round, method, network and batch size, with the fields of a trial (the round as
        its seed) and `log_ratio`. Rounds are interleaved: each has some steps of every method.
    """
    default = {name: field.default for name, field in FIELDS.items() if name not in REQUIRED}
    rounds = []
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
        run = {
            "caution": f"{kind} on {row['machine']}",
            "outcome": "completed",
            "device": "cpu",
            "versions": row["versions"],
            "first": True,
        }
        rounds += [
            cell | run | {"seed": n, "trial_id": f"round {n}", "log_ratio": math.log(ratio)}
            for n, ratio in enumerate(row["values"], start=1)
        ]
    columns = [*SETTABLE, *_OF_BOTH, "study", "caution", "log_ratio"]
    return pd.DataFrame(rounds, columns=columns)


def timed(results: Results) -> pd.DataFrame:
    """Return the trials of `judged` with `log_seconds`, the log of training seconds to an accuracy.

    The accuracy is `REACHED` times the mean final accuracy of dense training on the same task. The
    seconds are those of the epochs until the test accuracy first reaches it, nan if it never does.
    """
    trials = judged(results)
    task = list(TASK_CELL)
    dense = trials[trials["method"] == BASELINE].groupby(task, sort=False)["accuracy"].mean()
    level = trials[["attempt", *task]].merge(
        (REACHED * dense).rename("level").reset_index(), on=task
    )
    # Relations without names leave nothing behind in the user's connection.
    levels = results.connection.from_df(level[["attempt", "level"]].dropna()).set_alias("l")
    epochs = results.epochs.filter("epoch > 0").set_alias("e")
    reached = epochs.join(levels, "e.attempt = l.attempt").filter(
        "nullif(test_accuracy, 'nan'::DOUBLE) >= level"
    )
    first = reached.aggregate("e.attempt, min(epoch) AS first", "e.attempt").set_alias("f")
    until = epochs.join(first, "e.attempt = f.attempt").filter("epoch <= first")
    summed = until.aggregate("e.attempt, sum(train_seconds) AS seconds", "e.attempt").df()
    seconds = summed.set_index("attempt")["seconds"]
    return trials.assign(log_seconds=np.log(trials["attempt"].map(seconds[seconds > 0])))


def at_own_best_recipe(results: Results) -> pd.DataFrame:
    """Return the trials of `judged` at the recipe that each arm's tuning seeds choose.

    The chosen recipe has the best mean validation accuracy over the tuning seeds that all of the
    arm's recipes have. Arms with a smaller budget than others of the same network, data set and
    epochs are left out.

    Returns:
        Rows of `judged`; an arm whose tuning is not finished has rows without accuracy.
    """
    trials, planned = judged(results), results.tuning_plan
    recipe = [name for name in RECIPE if planned[name].nunique() > 1]
    if not recipe:
        return trials.iloc[:0]
    arm = [name for name in CELL if name not in recipe]
    recipes = planned[[*arm, *recipe]].drop_duplicates().groupby(arm, sort=False)[recipe[0]].size()
    per_seed = planned.groupby([*arm, "seed"], sort=False)[recipe[0]].size().rename("on_seed")
    common = per_seed.reset_index().merge(recipes.rename("recipes").reset_index(), on=arm)
    common = common[common["on_seed"] == common["recipes"]]
    budgets = common.groupby(arm, sort=False)["recipes"].sum().rename("budget").reset_index()
    task = ["network", "dataset", "epochs"]
    full = budgets[budgets["budget"] == budgets.groupby(task)["budget"].transform("max")]
    deciding = planned.merge(common[[*arm, "seed"]], on=[*arm, "seed"]).merge(full[arm], on=arm)
    return _at_choice(results, trials, deciding, arm, recipe)


def honestly_tuned(results: Results) -> pd.DataFrame:
    """Return per replicate the fresh trial at the density that its own tuning seeds choose.

    Replicate r has the r-th seed and the r-th part of the planned tuning seeds. The density with
    the best mean validation accuracy on these tuning seeds runs once on the replicate's seed. The
    design is nested: no two replicates share a tuning seed.

    Returns:
        `judged`, and such a row per replicate with `HONEST` as `density`, `chosen` (the density),
        `spent` (trainings, the fresh one included) and `spent_seconds`, which are nan in all other
        rows. A replicate whose tuning is not finished has a row without accuracy.
    """
    trials, planned = judged(results), results.tuning_plan[results.tuning_plan["density"] > 0]
    seeds, tuners = (sorted(rows["seed"].unique()) for rows in (results.plan, planned))
    per = max(1, len(tuners) // max(1, len(seeds)))
    arm = [name for name in CELL if name != "density"]
    replicates = []
    for replicate, seed in enumerate(seeds[: len(tuners) // per]):
        deciding = planned[planned["seed"].isin(tuners[replicate * per : (replicate + 1) * per])]
        fresh = trials[(trials["seed"] == seed) & (trials["density"] > 0)]
        replicates.append(_at_choice(results, fresh, deciding, arm, ["density"]))
    tuned = pd.concat([trials.iloc[:0], *replicates], ignore_index=True)
    tuned = tuned.assign(chosen=tuned["density"], density=HONEST)
    return pd.concat([trials, tuned], ignore_index=True)


def _at_choice(
    results: Results,
    trials: pd.DataFrame,
    deciding: pd.DataFrame,
    arm: Sequence[str],
    choices: Sequence[str],
) -> pd.DataFrame:
    """Return each arm's trials at the choice with the best mean validation accuracy.

    Args:
        results: the study, with the finished tuning trials.
        trials: the trials from which those at the choice are returned.
        deciding: the planned tuning trials that decide; an arm needs at least two choices.
        arm: the fields that make an arm.
        choices: the fields that are chosen.

    Returns:
        The trials with `spent` (trainings, the chosen one included) and `spent_seconds`. For an arm
        whose tuning is not finished, the trials at its first choice without accuracy.
    """
    keys, by = [*arm, *choices], list(arm)
    tuned = deciding.merge(results.tuning, on=list(SETTABLE), how="left")
    # A training without validation accuracy diverged; 0 keeps it from being chosen.
    done = tuned["attempt"].notna()
    score = tuned["validation_accuracy"].where(tuned["validation_accuracy"].notna() | ~done, 0.0)
    means = tuned.assign(score=score, done=done).groupby(keys, sort=False)
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
    kept = [*keys, "done", "beforehand", "spent", "spent_seconds"]
    chosen = trials.merge(best[kept], on=keys)
    chosen = chosen.assign(
        first=chosen["first"].eq(True) & chosen["beforehand"],
        spent_seconds=chosen["spent_seconds"] + chosen["seconds"],
        **{name: chosen[name].where(chosen["done"]) for name in ("attempt", *_JUDGED)},
    )
    return chosen.drop(columns=["done", "beforehand"])
