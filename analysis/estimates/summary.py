"""A row per cell: final accuracy, changed fraction, the difference to dense, and counts."""

from collections.abc import Sequence

import pandas as pd

from analysis.cells import at_chosen, sort, varying
from analysis.estimates.intervals import grouped
from analysis.estimates.pairing import differences
from analysis.tables import Results, computed_once


@computed_once  # the page needs it twice
def summary(results: Results) -> pd.DataFrame:
    """Return the cells of a study, finished or not, with their results after the last epoch.

    Diverged or dead trials count with their recorded accuracy. A trial whose accuracy is nan does
    not count in the means; `no_accuracy` says how many there are.

    Returns:
        A row per cell with the fields in which the cells differ (`method` is always there) and
        accuracy, accuracy_low, accuracy_high: mean test accuracy, a fraction, and 95% t interval;
        changed, changed_low, changed_high: the same for the fraction of changed connections;
        difference, difference_low, difference_high, pairs: accuracy minus that of `dense` from the
        same weights, paired by seed, nan for dense itself and without a partner;
        n: finished trials; planned: trials in the definitions (0: only in older results);
        diverged, dead, no_accuracy: numbers of trials.
    """
    by = varying(results)
    cells = pd.concat([results.plan[by], results.trials[by]]).drop_duplicates()
    cells = cells.merge(_counts(results, by), on=by, how="left")
    for name, table, n in (
        ("accuracy", grouped(results.trials, by, "test_accuracy"), None),
        ("changed", grouped(results.trials, by, "changed"), None),
        (
            "difference",
            grouped(differences(at_chosen(results, results.trials)), by, "difference"),
            "pairs",
        ),
    ):
        names = {"mean": name, "low": f"{name}_low", "high": f"{name}_high"}
        names |= {"n": n} if n else {}
        cells = cells.merge(table[[*by, *names]].rename(columns=names), on=by, how="left")
    counts = ["n", "planned", "diverged", "dead", "no_accuracy", "pairs"]
    cells[counts] = cells[counts].fillna(0).astype(int)
    columns = [c for c in cells.columns if c not in counts]
    return sort(results, cells[[*columns, "pairs", *counts[:-1]]], by)


def _counts(results: Results, by: Sequence[str]) -> pd.DataFrame:
    """Return how many trials are finished, planned, diverged, dead, without accuracy, per cell."""
    trials = results.trials
    flags = trials[list(by)].assign(
        n=1,
        diverged=trials["outcome"] == "diverged",
        dead=trials["outcome"] == "dead",
        no_accuracy=trials["test_accuracy"].isna(),
    )
    counted = flags.groupby(list(by), sort=False).sum().reset_index()
    planned = results.plan.groupby(list(by), sort=False).size().rename("planned").reset_index()
    return counted.merge(planned, on=list(by), how="outer")
