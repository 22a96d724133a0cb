"""Effective size: the connections of a trained network that can affect its output.

A connection is *connected* if it lies on a path of kept or flipped connections from a pixel to a
class, and *live* if it can move the logits of some training image. Whether a connection is changed
has no effect if it is not live, so the changed fraction is also given among live connections.
"""

import math

import numpy as np
import pandas as pd

from analysis.cells import CELL, RECIPE
from analysis.estimates.judged import (
    IMPOSSIBLE,
    OF_ONE,
    fractions,
    judged,
    not_judged_as_one,
    unlike,
)
from analysis.estimates.pairing import keys, pair
from analysis.estimates.rivals import FREE
from analysis.estimates.tuned import tuned
from analysis.tables import Results, computed_once
from studies.trial import SETTABLE

#: The measures: of which count of connections in relation to which other one.
MEASURES = {
    "connected_share": ("connected", "connections"),
    "live_share": ("live", "connections"),
    "live_changed_share": ("live_changed", "live"),
}
#: The counts; the first is recorded wherever one of them is.
_COUNTS = ("connected", "connections", "live", "live_changed")
#: The fields that may change the effective size, in the order of display.
VARIED = ("width", "epochs", "score_offset")


@computed_once
def sizes(results: Results) -> pd.DataFrame:
    """Return the effective size of each trial's network after its last epoch.

    Returns:
        A row per trial that records it: the columns of `trials`, `connections`, `connected`
        (counts), and `MEASURES` (fractions, nan if a count is not recorded).
    """
    counts = _counts(results)[["attempt", *_COUNTS]]
    return _measured(results, counts.groupby("attempt", sort=False).sum(min_count=1).reset_index())


@computed_once
def sizes_per_layer(results: Results) -> pd.DataFrame:
    """Return the same as `sizes` with a row per trial and layer, `layer` and `layer_name`."""
    rows = _measured(results, _counts(results))
    return rows.sort_values("layer", kind="stable", ignore_index=True)


@computed_once
def _counts(results: Results) -> pd.DataFrame:
    """Return the counts of connections of each layer, which are recorded in the last epoch."""
    rows = results.relations.recorded("layers", [*_COUNTS, "layer", "layer_name"])
    return rows.astype(dict.fromkeys(_COUNTS, float))


def _measured(results: Results, counts: pd.DataFrame) -> pd.DataFrame:
    shares = {
        name: counts[one] / counts[of].where(counts[of] > 0) for name, (one, of) in MEASURES.items()
    }
    kept = counts.drop(columns=["live", "live_changed"]).assign(**shares)
    return results.trials.merge(kept, on="attempt")


@computed_once  # several claims need them
def judged_with_sizes(results: Results) -> pd.DataFrame:
    """Return `judged` with `MEASURES`, `log_connected`, `left_by_length`, nan if not recorded.

    `longer`: whether there is a shorter training that is the same in all else.
    `log_connected`: the logarithm of the number of connected connections; nan if there is none.
    `left_by_length`: the fraction of connected connections minus that after the shortest training
    that is the same in all else; nan for the shortest training itself.
    """
    columns = ["attempt", "connected", *MEASURES]
    rows = judged(results).merge(sizes(results)[columns], on="attempt", how="left")
    rows = rows.assign(
        log_connected=np.log(rows["connected"].where(rows["connected"] > 0)),
        not_judged=rows["not_judged"].mask(~fractions(rows), IMPOSSIBLE),
    )
    same = [name for name in SETTABLE if name != "epochs"]
    cell = [name for name in CELL if name != "epochs"]
    shortest = rows["epochs"] == rows.groupby(cell, sort=False)["epochs"].transform("min")
    least = rows[shortest].drop_duplicates(same)
    pairs = pair(rows, least, same, "connected_share", keep=OF_ONE, unpaired=True)
    left = pairs["difference"].mask(shortest)
    reasons = not_judged_as_one(pairs)
    return rows.assign(longer=~shortest, left_by_length=left, not_judged=reasons).copy()


@computed_once
def matched_by_size(results: Results) -> pd.DataFrame:
    """Return the accuracy that a method with a density has beside the size of each free method.

    The size is the number of live connections. For each seed, two of a method's densities, each at
    its best recipe, enclose the size that the free method of the same kind ends with. Nobody knows
    the accuracy between them: a line from one to the other can lie far below it. It is taken to be
    at most that of the better one and at least that of the other one. Beyond the smallest and
    largest recorded size there is no value.

    Returns:
        Rows of `tuned`: those of the free methods, and a row per seed of each method with several
        densities, with a density of 0. `matched` is the accuracy of the better of the two
        densities, by their means over seeds, and `apart` how far the other one is below it; in the
        rows of free methods their own accuracy and 0. `accuracy` is `matched`, and `failure` that
        of one of the two, if one has failed.
    """
    columns = ["attempt", *MEASURES]
    rows = tuned(results, RECIPE).merge(sizes(results)[columns], on="attempt", how="left")
    rows = rows.assign(
        log_live=np.log(rows["live_share"].where(rows["live_share"] > 0)),
        not_judged=rows["not_judged"].mask(~fractions(rows), IMPOSSIBLE),
    )
    free = rows[rows["method"].isin(FREE)]
    by_density = rows[rows["needs_density"].astype(bool) & (rows["density"] > 0)]
    (arm,) = keys(by_density, on=[name for name in SETTABLE if name != "density"])
    (cell,) = keys(by_density, on=CELL)
    means = by_density.groupby(cell)["accuracy"].transform("mean")
    arms = by_density.assign(arm=arm, mean=means).sort_values(["arm", "density"], kind="stable")
    several = arms.groupby("arm")["density"].transform("nunique") > 1
    arms = arms[several]
    first = arms.drop_duplicates("arm").assign(density=0.0)
    twins = first.assign(method=first["flips"].astype(int).map(dict(enumerate(FREE))))
    sizes_of = pair(twins, free, SETTABLE, "log_live").set_index("arm")["log_live_of_partner"]
    matched = pd.DataFrame(
        [
            (number, *_beside(of_arm, sizes_of.get(number, math.nan)))
            for number, of_arm in arms.groupby("arm")
        ],
        columns=["arm", "matched", "apart", "failure", "committed", "not_judged"],
    )
    first = first.drop(columns=["failure", "committed", "not_judged"]).merge(
        matched, on="arm", how="left"
    )
    first = first.assign(accuracy=first["matched"]).drop(columns=["arm", "mean"])
    of_free = free.assign(matched=free["accuracy"], apart=0.0)
    return pd.concat([of_free, first], ignore_index=True)


def _beside(arm: pd.DataFrame, size: float) -> tuple[float, float, str, int, str]:
    """Return an arm's accuracies beside a logarithm of its size.

    Returns:
        The better one of the two densities that enclose it, nan beyond the sizes that the arm has;
        how far the other one is below it; the failure of one of the two, or of a density without
        any live connection, empty if there is none; the definitions that committed themselves to
        all densities; and in words why they are not judged.
    """
    committed = int(np.bitwise_and.reduce(arm["committed"].to_numpy(np.int64)))
    reasons = (*arm["not_judged"], unlike(arm[arm["attempt"].notna()]))
    reason = next((one for one in reasons if one), "")
    known = arm.dropna(subset=["log_live", "accuracy"]).sort_values("log_live")
    sizes = known["log_live"].to_numpy(float)
    if len(sizes) < 2 or not sizes[0] <= size <= sizes[-1]:
        return math.nan, math.nan, "", committed, reason
    above = int(np.searchsorted(sizes, size))
    beside = known.iloc[max(above - 1, 0) : above + 1].sort_values("mean", kind="stable")
    without = arm.loc[arm["accuracy"].notna() & arm["log_live"].isna(), "failure"]
    failure = next((one for one in (*beside["failure"], *without) if one), "")
    other, better = beside["accuracy"].iloc[[0, -1]]
    return float(better), float(better - other), failure, committed, reason
