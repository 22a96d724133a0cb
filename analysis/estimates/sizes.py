"""Effective size: the connections of a trained network that can affect its output.

A connection is *connected* if it lies on a path of kept or flipped connections from a pixel to a
class, and *live* if it can move the logits of some training image. Whether a connection is changed
has no effect if it is not live, so the changed fraction is also given among live connections.
"""

import math

import numpy as np
import pandas as pd

from analysis.cells import CELL, RECIPE
from analysis.estimates.judged import judged
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
    rows = rows.assign(log_connected=np.log(rows["connected"].where(rows["connected"] > 0)))
    same = [name for name in SETTABLE if name != "epochs"]
    cell = [name for name in CELL if name != "epochs"]
    shortest = rows["epochs"] == rows.groupby(cell, sort=False)["epochs"].transform("min")
    least = rows[shortest].drop_duplicates(same)
    pairs = pair(rows, least, same, "connected_share", unpaired=True)
    left = pairs["difference"].mask(shortest)
    return rows.assign(longer=~shortest, left_by_length=left).copy()


@computed_once
def matched_by_size(results: Results) -> pd.DataFrame:
    """Return the accuracy that a method with a density has at the size of each free method.

    The size is the number of live connections. For each seed, the accuracies of a method's
    densities, each at its best recipe, are interpolated, linearly over the logarithm of the size,
    at the size that the free method of the same kind ends with. Beyond the smallest and largest
    recorded size there is no value.

    Returns:
        Rows of `tuned`: those of the free methods, and a row per seed of each method with several
        densities, with a density of 0. `matched` is the interpolated accuracy, in the rows of free
        methods their own. `accuracy` is the same, and `failure` that of a trial it was interpolated
        from, if one of the two has failed.
    """
    columns = ["attempt", *MEASURES]
    rows = tuned(results, RECIPE).merge(sizes(results)[columns], on="attempt", how="left")
    rows = rows.assign(log_live=np.log(rows["live_share"].where(rows["live_share"] > 0)))
    free = rows[rows["method"].isin(FREE)]
    by_density = rows[rows["needs_density"].astype(bool) & (rows["density"] > 0)]
    (arm,) = keys(by_density, on=[name for name in SETTABLE if name != "density"])
    arms = by_density.assign(arm=arm).sort_values(["arm", "density"], kind="stable")
    several = arms.groupby("arm")["density"].transform("nunique") > 1
    arms = arms[several]
    first = arms.drop_duplicates("arm").assign(density=0.0)
    twins = first.assign(method=first["flips"].astype(int).map(dict(enumerate(FREE))))
    sizes_of = pair(twins, free, SETTABLE, "log_live").set_index("arm")["log_live_of_partner"]
    matched = pd.DataFrame(
        [
            (number, *_interpolated(of_arm, sizes_of.get(number, math.nan)))
            for number, of_arm in arms.groupby("arm")
        ],
        columns=["arm", "matched", "failure", "committed"],
    )
    first = first.drop(columns=["failure", "committed"]).merge(matched, on="arm", how="left")
    first = first.assign(accuracy=first["matched"]).drop(columns="arm")
    return pd.concat([free.assign(matched=free["accuracy"]), first], ignore_index=True)


def _interpolated(arm: pd.DataFrame, size: float) -> tuple[float, str, int]:
    """Return an arm's accuracy at a logarithm of its size.

    Returns:
        The accuracy, nan beyond the sizes that the arm has; the failure of a density beside that
        size, or of one without any live connection, empty if there is none; and the definitions
        that committed themselves to all densities.
    """
    committed = int(np.bitwise_and.reduce(arm["committed"].to_numpy(np.int64)))
    known = arm.dropna(subset=["log_live", "accuracy"]).sort_values("log_live")
    sizes = known["log_live"].to_numpy(float)
    if len(sizes) < 2 or not sizes[0] <= size <= sizes[-1]:
        return math.nan, "", committed
    above = int(np.searchsorted(sizes, size))
    beside = known["failure"].iloc[max(above - 1, 0) : above + 1]
    without = arm.loc[arm["accuracy"].notna() & arm["log_live"].isna(), "failure"]
    value = float(np.interp(size, sizes, known["accuracy"].to_numpy(float)))
    return value, next((one for one in (*beside, *without) if one), ""), committed
