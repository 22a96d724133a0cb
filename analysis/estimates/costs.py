"""The cost of training: seconds of an epoch and to an accuracy, under the same conditions.

The times are of trials that ran beside others, so they are less reliable than those of
`make bench`, which measures methods in turn. Medians and quartiles are used because a busy machine
makes some epochs far longer.
"""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import BASELINE, CELL, TASK_CELL
from analysis.estimates.judged import all_judged, judged, noise_of_chance
from analysis.estimates.pairing import keys
from analysis.numbers import many, number
from analysis.tables import Results
from studies.trial import FIELDS, REQUIRED, SETTABLE

if TYPE_CHECKING:
    import duckdb

#: Two times are comparable if these are the same; a time on a GPU is that of a whole pack.
CONDITIONS = ("engine", "device", "threads", "tf32", "pack_size", "versions")
#: The time to this fraction of dense training's final accuracy is measured.
REACHED = 0.95
#: Seconds of an epoch from which times to an accuracy are compared: on digits, with 0.02, the same
#: trials gave ratios of 1.6 and 5.1.
LEAST_SECONDS = 1.0
_CONDITIONS_DIFFER = "the two sides ran on different devices, hosts, packs, threads or libraries"
#: The name of a benchmark of training steps.
_STEPS = re.compile(r"step, (\S+), batch (\d+)")
#: The columns of a trial that verdicts need and a round of a benchmark has.
_OF_ROUND = (
    "trial_id",
    "attempt",
    "study",
    "defined",
    "committed",
    "device",
    "versions",
)
#: Stands for the definitions that committed themselves to a round: it needs none.
ALWAYS = -1


def epoch_seconds(epochs: "duckdb.DuckDBPyRelation") -> pd.DataFrame:
    """Return each trial's median seconds of an epoch's training, without evaluation.

    Args:
        epochs: the table `epochs` of results; epoch 0 trains nothing and does not count.

    Returns:
        A row per trial: attempt, epoch_seconds.
    """
    trained = epochs.filter("epoch > 0")
    medians: pd.DataFrame = trained.aggregate(
        "attempt, median(train_seconds) AS epoch_seconds", "attempt"
    ).df()
    return medians


def comparable(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that ran under the conditions of dense training on the same task.

    If the dense trials of a task ran under several conditions (`CONDITIONS`), those count under
    which most trials of the task ran. A trial also needs a dense trial on its machine.

    Args:
        trials: rows of `trials`, with `epoch_seconds`.

    Returns:
        These rows with `epoch_ratio`: their seconds divided by the median of the dense trials of
        the same task and machine.
    """
    (task,), (conditions,) = keys(trials, on=TASK_CELL), keys(trials, on=CONDITIONS)
    rows = trials.assign(task=task, conditions=conditions)
    both, of_dense = ["task", "conditions"], rows["method"] == BASELINE
    counts = rows.groupby(both, sort=False).size()
    counts = counts[counts.index.isin(pd.MultiIndex.from_frame(rows.loc[of_dense, both]))]
    most = counts.groupby("task", sort=False).idxmax()
    rows = rows[pd.MultiIndex.from_frame(rows[both]).isin(most)]
    (place,) = keys(rows, on=["task", "host"])
    seconds = rows["epoch_seconds"].where(rows["method"] == BASELINE)
    medians = seconds.groupby(place, sort=False).transform("median")
    kept = rows.assign(epoch_ratio=rows["epoch_seconds"] / medians)[medians.notna()]
    return kept.drop(columns=both).reset_index(drop=True)


def quartiles(rows: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Return median and quartiles of each group, each a value of the group (no interpolation).

    Args:
        rows: a row per trial with `by` and `value`; infinite for what never happened.
        by: the columns that make the groups.
        value: the column.

    Returns:
        A row per group: `by`, mean (the median), low and high (the quartiles), n.
    """
    estimates = []
    for key, values in rows.groupby(list(by), sort=False)[value]:
        low, middle, high = np.quantile(values.to_numpy(), [0.25, 0.5, 0.75], method="inverted_cdf")
        estimates.append([*key, middle, low, high, len(values)])
    return pd.DataFrame(estimates, columns=[*by, "mean", "low", "high", "n"])


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
            "device": "cpu",
            "versions": row["versions"],
            "defined": 1,
            "committed": ALWAYS,
            "attempt": row["group"],
        }
        rounds += [
            cell | run | {"seed": n, "trial_id": f"round {n}", "log_ratio": _log(ratio)}
            for n, ratio in enumerate(row["values"], start=1)
        ]
    columns = [*SETTABLE, *_OF_ROUND, "caution", "log_ratio"]
    return pd.DataFrame(rounds, columns=columns)


def _log(ratio: float) -> float:
    """Return the logarithm of a ratio of times; nan if it cannot be one."""
    return math.log(ratio) if 0 < ratio < math.inf else math.nan


def timed(results: Results, *, everywhere: bool = False) -> pd.DataFrame:
    """Return the trials of `judged` with `log_seconds`, the log of training seconds to an accuracy.

    The accuracy is `REACHED` times the mean final accuracy of dense training on the same task. The
    seconds are those of the epochs until the test accuracy first reaches it, nan if it never does.
    `not_judged` says in words why times on a task are not compared: dense training takes less than
    `LEAST_SECONDS` an epoch, all included, that accuracy is at chance, or dense training with the
    same seed ran under other `CONDITIONS` or on another host in all trials of a cell; else it is
    empty. Where that is so in some of them, these are as if they were not planned, which `caution`
    says: where a trial runs does not depend on how long it takes.

    Args:
        results: the studies.
        everywhere: whether to give the seconds of tasks that are not judged as well.
    """
    trials = all_judged(results) if everywhere else judged(results)
    task = list(TASK_CELL)
    (of_task,) = keys(trials, on=task)
    dense = pd.DataFrame(
        {
            "task": of_task,
            "accuracy": trials["accuracy"].to_numpy(),
            "seconds": (trials["seconds"] / trials["epochs"].clip(lower=1)).to_numpy(),
        }
    )[(trials["method"] == BASELINE).to_numpy()].groupby("task")
    level = REACHED * pd.Series(of_task).map(dense["accuracy"].mean()).to_numpy()
    median = pd.Series(of_task).map(dense["seconds"].median()).to_numpy()
    short, poor = median < LEAST_SECONDS, level <= noise_of_chance(trials).to_numpy()
    of_time = [
        f"epochs of {number(one, 2)} s are too short to compare times"
        if one < LEAST_SECONDS
        else ""
        for one in median
    ]
    reasons = np.where(poor & ~short, "the accuracy to be reached is at chance", of_time)
    elsewhere, (cell,) = pd.Series(_elsewhere(trials), trials.index), keys(trials, on=CELL)
    of_cell = elsewhere.groupby(cell)
    reasons = np.where((reasons == "") & of_cell.transform("all"), _CONDITIONS_DIFFER, reasons)
    reasons = np.where(reasons == "", trials["not_judged"], reasons)
    cautions = np.array(
        [
            f"{_CONDITIONS_DIFFER}: {many(n, 'pair')} not counted" if n else None
            for n in of_cell.transform("sum")
        ],
        object,
    )
    levels = pd.DataFrame({"attempt": trials["attempt"].to_numpy(), "level": level})
    seconds = _seconds_to(results, levels[everywhere | ~(short | poor)].dropna())
    return trials.assign(
        log_seconds=np.log(trials["attempt"].map(seconds[seconds > 0]).astype(float)),
        not_judged=reasons,
        defined=trials["defined"].where(~elsewhere, 0),
        caution=cautions,
    )


def _elsewhere(trials: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which trials ran under other conditions than dense training with their seed."""
    on = [name for name in (*CONDITIONS, "host") if name in trials]
    (task,), (conditions,) = keys(trials, on=[*TASK_CELL, "seed"]), keys(trials, on=on)
    ran = trials["attempt"].notna().to_numpy()
    is_dense = ran & (trials["method"] == BASELINE).to_numpy()
    of_dense = {*zip(task[is_dense].tolist(), conditions[is_dense].tolist(), strict=True)}
    with_dense = {of_task for of_task, _ in of_dense}
    return np.array(
        [
            bool(own) and of_task in with_dense and (of_task, of_conditions) not in of_dense
            for own, of_task, of_conditions in zip(ran, task, conditions, strict=True)
        ],
        bool,
    )


def _seconds_to(results: Results, levels: pd.DataFrame) -> "pd.Series[float]":
    """Return the training seconds until a trial's test accuracy first reaches its level.

    Args:
        results: the studies.
        levels: columns attempt and level.
    """
    if levels.empty:
        return pd.Series(dtype=float)
    # Relations without names leave nothing behind in the user's connection.
    epochs = results.epochs.filter("epoch > 0").set_alias("e")
    joined = epochs.join(results.relations.frame(levels).set_alias("l"), "e.attempt = l.attempt")
    reached = joined.filter("nullif(test_accuracy, 'nan'::DOUBLE) >= level")
    first = reached.aggregate("e.attempt, min(epoch) AS first", "e.attempt").set_alias("f")
    until = epochs.join(first, "e.attempt = f.attempt").filter("epoch <= first")
    # To the nanosecond: the last bits depend on the order in which threads read the rows.
    total = "round(sum(train_seconds), 9) AS seconds, min(train_seconds) AS least"
    summed = until.aggregate(f"e.attempt, {total}", "e.attempt").df()
    known = summed[summed["least"] >= 0]  # no time is negative
    seconds: pd.Series[float] = known.set_index("attempt")["seconds"]
    return seconds
