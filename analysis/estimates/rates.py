"""Accuracy against the learning rate and its schedule, and the rate that each method needs."""

import pandas as pd

from analysis.cells import CELL, METHOD_ONLY, RECIPE, vary_within
from analysis.estimates.edges import edges
from analysis.estimates.intervals import ESTIMATED, grouped
from analysis.estimates.pairing import keys
from analysis.tables import Results
from studies import names
from studies.tuned import OF_A_FAILURE

#: What the horizontal axis and the panels show.
SHOWN = ("schedule", "learning_rate")
#: What is chosen beside the rate: at each rate, a method has its best values of these fields, and
#: of its parameters, which are in its whole name.
CHOSEN = (
    "whole_name",
    *(name for name in (*METHOD_ONLY, *RECIPE) if name not in (*SHOWN, "batch_size")),
)


def rows_of(results: Results) -> tuple[pd.DataFrame, bool]:
    """Return the trials that show the effect of the rate, and whether they are for tuning.

    They are the trials on tuning seeds if some method has several rates there, else the others.

    Returns:
        The rows with `accuracy`, the validation accuracy after the last epoch, as it counts when
        configurations are chosen. `method` is without parameters that have a value, such as
        ``tau=0.2``; `whole_name` has them.
    """
    is_tuned = bool((results.tuning.groupby("method")["learning_rate"].nunique() > 1).any())
    rows = results.tuning if is_tuned else results.trials
    accuracy = rows["validation_accuracy"].fillna(OF_A_FAILURE)
    methods = rows["method"].map(without_values)
    return rows.assign(accuracy=accuracy, whole_name=rows["method"], method=methods), is_tuned


def without_values(method: str) -> str:
    """Return a method's name without the parameters that have a value; flags stay."""
    stem, parameters = names.split(method)
    return names.join(stem, {name: "" for name, value in parameters.items() if not value})


def panels_of(rows: pd.DataFrame) -> list[str]:
    """Return the fields that make the panels: those that vary within a method, but not chosen."""
    others = {"method", *SHOWN, *CHOSEN}
    return vary_within(rows, [name for name in CELL if name not in others])


def chosen_of(rows: pd.DataFrame) -> list[str]:
    """Return the fields whose best values are chosen at each rate."""
    return vary_within(rows, CHOSEN)


def curves(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the accuracy of each method at each rate and schedule.

    Args:
        rows: rows of `rows_of`.
        by: the fields that make the panels.

    Returns:
        A row per `by`, method, schedule and learning rate: these; the columns of `grouped`, at the
        best values of the fields in `CHOSEN`, and these values; `best`, whether it is the best rate
        and schedule of its method; and `edge`, ``lower`` or ``upper`` if this best rate is at that
        end of its method's rates and the step to it gains, else empty. Panels in which no method
        has several rates are left out.
    """
    task = [*by, "method"]
    several = rows.groupby(task, sort=False)["learning_rate"].transform("nunique") > 1
    (panel,) = keys(rows, on=by)
    rows = rows[several.groupby(panel, sort=False).transform("any")]
    if rows.empty:
        return pd.DataFrame(columns=[*task, *SHOWN, *CHOSEN, *ESTIMATED, "best", "edge"])
    cells = grouped(rows, [*task, *SHOWN, *CHOSEN], "accuracy")
    at_best = cells.groupby([*task, *SHOWN], sort=False)["mean"].idxmax()
    table = cells.loc[at_best].reset_index(drop=True)
    best = table.groupby(task, sort=False)["mean"].idxmax()
    table = table.assign(best=table.index.isin(best), edge="")
    for index in best:
        table.loc[index, "edge"] = _edge(rows, table.loc[index], task)
    return table


def _edge(rows: pd.DataFrame, best: pd.Series, task: list[str]) -> str:
    """Return at which end of its rates a best rate still gains, or an empty text."""
    same = [*task, "schedule", *CHOSEN]
    arm = rows[(rows[same] == best[same]).all(axis="columns")]
    rate = best["learning_rate"]
    if rate not in edges(arm, "learning_rate", "accuracy"):
        return ""
    return "lower" if rate == arm["learning_rate"].min() else "upper"
