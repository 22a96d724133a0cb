"""Pairs of trials that a claim holds against each other: same seed, same weights, same data order.

An arm's partner is the trial that has the arm's fields, but for those that the comparison replaces
(`against`) and those that it passes over because only one of the two reads them (`ignoring`).
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from analysis.cells import BASELINE, CELL, METHOD_ONLY, RECIPE
from analysis.tables import Results
from studies.trial import FIELDS, REQUIRED, SETTABLE, Value

#: Share of dense training's final accuracy whose first reaching is timed.
REACHED = 0.95
#: Stands in `density` for one that was tuned; none that can be asked for.
TUNED = -1.0
#: Of the data sets that come with the project; those of older results and of failed downloads.
_CLASSES = {"cifar100": 100}
_STEPS = re.compile(r"step, (\S+), batch (\d+)")
_TEN = ("digits", "mnist", "fashion-mnist", "kmnist", "cifar10", "svhn")
#: What of a trial is wanted of both sides of a pair, beside the compared value.
_OF_BOTH = (
    "trial_id",
    "outcome",
    "engine",
    "device",
    "versions",
    "dataset_fingerprint",
    "test_images",
    "test_correct",
    "seconds",
)


@lru_cache(maxsize=4)  # every claim asks for them; nobody changes them in place
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


def gain_of_flipping(results: Results) -> pd.DataFrame:
    """The free-flipping trials of `judged` with `gain`, their accuracy minus free-pruning's."""
    trials = judged(results)
    arms = trials[trials["method"] == "free-flipping"]
    pairs = paired(arms, trials, {"method": "free-pruning"}, (), "accuracy", 1.0)
    found: pd.DataFrame = pairs.assign(gain=pairs["difference"])[[*trials.columns, "gain"]]
    return found


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
    columns = [*SETTABLE, *_OF_BOTH, "study", "attempt", "first", "caution", "log_ratio"]
    return pd.DataFrame(found, columns=columns)


def timed(results: Results) -> pd.DataFrame:
    """The trials of `judged` with `log_seconds`, the log of the training seconds to an accuracy.

    The accuracy is `REACHED` of the mean that dense training of the same setting ends with; the
    seconds are those of the epochs until the test accuracy is first there, nan where it never is.
    """
    trials = judged(results)
    setting = [name for name in CELL if name not in ("method", *METHOD_ONLY)]
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

    The recipe with the best mean validation accuracy over the tuning seeds; an arm some of whose
    recipes lack a tuning seed is left out, since the others' budget was larger.
    """
    trials, tuning = judged(results), results.tuning
    recipe = [name for name in RECIPE if trials[name].nunique() > 1]
    if tuning.empty or not recipe:
        return trials.iloc[:0]
    arm = [name for name in CELL if name not in recipe]
    return trials.merge(_chosen(tuning, trials, arm, recipe), on=[*arm, *recipe])


def _chosen(
    tuning: pd.DataFrame, trials: pd.DataFrame, arm: Sequence[str], choices: Sequence[str]
) -> pd.DataFrame:
    """Per arm the choice with the best mean validation accuracy; of equal ones the first.

    An arm has to have two choices at least, all that `trials` have, on as many seeds each.
    """
    every = [*arm, *choices]
    wanted = trials[every].drop_duplicates().groupby(list(arm), sort=False).size()
    groups = tuning.groupby(every, sort=False)["validation_accuracy"]
    means: pd.DataFrame = groups.agg(["mean", "count"]).reset_index()
    means = means.merge(wanted.rename("wanted").reset_index(), on=list(arm))
    arms = means.groupby(list(arm), sort=False)
    counts, tried = arms["count"], arms["mean"].transform("count")
    fair = (counts.transform("min") == counts.transform("max")) & (tried == means["wanted"])
    means = means[fair & (means["wanted"] > 1)]
    best = means.groupby(list(arm), sort=False)["mean"].idxmax()
    found: pd.DataFrame = means.loc[best, every]
    return found


def honestly_tuned(results: Results) -> pd.DataFrame:
    """Per replicate the fresh trial of the density that its own tuning seeds choose.

    Replicate r has seed r and its share of the tuning seeds; the density with their best mean
    validation accuracy is run once on seed r (a nested design: no replicate shares what another was
    tuned on).

    Returns:
        `judged`, and such a row per replicate with `density` `TUNED`, `chosen` (the density),
        `spent` (trainings, the fresh one included) and `spent_seconds`, nan for the others.
    """
    trials, tuning = judged(results), results.tuning
    seeds, tuners = (sorted(rows["seed"].unique()) for rows in (trials, tuning))
    per = max(1, len(tuners) // max(1, len(seeds)))
    arm = [name for name in CELL if name != "density"]
    found = []
    for replicate, seed in enumerate(seeds[: len(tuners) // per]):
        own = tuning[tuning["seed"].isin(tuners[replicate * per : (replicate + 1) * per])]
        best = _chosen(own, trials, arm, ["density"])
        spent = own.groupby(arm, sort=False)["seconds"].agg(["size", "sum"]).reset_index()
        here = trials[(trials["seed"] == seed) & (trials["density"] > 0)]
        several = here[here.duplicated(arm, keep=False)].drop_duplicates(arm)
        fresh = here.merge(best, on=[*arm, "density"]).merge(spent, on=arm)
        # A replicate that cannot be tuned yet is planned all the same.
        open_ones = several.merge(fresh[arm], on=arm, how="left", indicator=True)
        left = open_ones[open_ones["_merge"] == "left_only"].drop(columns="_merge")
        found += [fresh, left.assign(attempt=None, accuracy=math.nan)]
    if not found:
        return trials
    rows: pd.DataFrame = pd.concat(found, ignore_index=True)
    made = rows.assign(
        chosen=rows["density"],
        density=TUNED,
        spent=rows["size"] + 1,
        spent_seconds=rows["sum"] + rows["seconds"],
    )
    return pd.concat([trials, made], ignore_index=True)
