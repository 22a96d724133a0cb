"""Effective size: the connections of a trained network that can affect its output.

A connection is *connected* if it lies on a path of kept or flipped connections from a pixel to a
class, and *live* if it can move the logits of some training image. Whether a connection is changed
has no effect if it is not live, so the changed fraction is also given among live connections.
"""

import numpy as np
import pandas as pd

from analysis.cells import CELL
from analysis.estimates.judged import judged
from analysis.estimates.pairing import pair
from analysis.tables import Results, computed_once
from studies.trial import SETTABLE

#: The measures, each as SQL of sums over layers; nan if a sum is not recorded.
MEASURES = {
    "connected_share": "sum(connected) / sum(connections)",
    "live_share": "sum(live) / sum(connections)",
    "live_changed_share": "sum(live_changed) / nullif(sum(live), 0)",
}
#: The fields that may change the effective size, in the order of display.
VARIED = ("width", "epochs", "score_offset")


@computed_once
def sizes(results: Results) -> pd.DataFrame:
    """Return the effective size of each trial's network after its last epoch.

    Returns:
        A row per trial that records it: the columns of `trials`, `connections`, `connected`
        (counts), and `MEASURES` (fractions).
    """
    return _measured(results, "attempt")


@computed_once
def sizes_per_layer(results: Results) -> pd.DataFrame:
    """Return the same as `sizes` with a row per trial and layer, `layer` and `layer_name`."""
    return _measured(results, "attempt, layer, layer_name").sort_values(
        "layer", kind="stable", ignore_index=True
    )


def _measured(results: Results, by: str) -> pd.DataFrame:
    sums = ", ".join(f"{sql} AS {name}" for name, sql in MEASURES.items())
    counts = "sum(connections)::DOUBLE AS connections, sum(connected)::DOUBLE AS connected"
    rows = results.final_layers.filter("connected IS NOT NULL")
    measured = rows.aggregate(f"{by}, {counts}, {sums}", by).df()
    return results.trials.merge(measured, on="attempt")


@computed_once  # several claims need them
def judged_with_sizes(results: Results) -> pd.DataFrame:
    """Return `judged` with `MEASURES`, `log_connected`, `left_by_length`, nan if not recorded.

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
    return rows.assign(left_by_length=pairs["difference"].mask(shortest))
