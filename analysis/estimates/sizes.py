"""Effective size: the connections that a training leaves to work with.

*Connected* are those on a path of kept or flipped connections from a pixel to a class; *live* those
by which some training image's logits would move. A changed connection that no image can move says
nothing, so what is changed is counted among the live ones too.
"""

import numpy as np
import pandas as pd

from analysis.cells import CELL
from analysis.estimates.pairing import judged
from analysis.tables import Results, computed_once
from studies.trial import SETTABLE

#: The measures, each as SQL of sums over layers; nan where a sum is not recorded.
MEASURES = {
    "connected_share": "sum(connected) / sum(connections)",
    "live_share": "sum(live) / sum(connections)",
    "live_changed_share": "sum(live_changed) / nullif(sum(live), 0)",
}
#: What studies vary that may change it, in the order in which it is shown.
VARIED = ("width", "epochs", "score_offset")


@computed_once
def sizes(results: Results) -> pd.DataFrame:
    """The effective size of each trial's network after its last epoch.

    Returns:
        A row per trial that has it recorded: the columns of `trials`, `connections`, `connected`
        (counts), and `MEASURES` (fractions).
    """
    return _measured(results, "attempt")


@computed_once
def sizes_per_layer(results: Results) -> pd.DataFrame:
    """As `sizes`, a row per trial and layer, with `layer` and `layer_name`."""
    return _measured(results, "attempt, layer, layer_name").sort_values(
        "layer", kind="stable", ignore_index=True
    )


def _measured(results: Results, by: str) -> pd.DataFrame:
    sums = ", ".join(f"{sql} AS {name}" for name, sql in MEASURES.items())
    counts = "sum(connections)::DOUBLE AS connections, sum(connected)::DOUBLE AS connected"
    rows = results.final_layers.filter("connected IS NOT NULL")
    found = rows.aggregate(f"{by}, {counts}, {sums}", by).df()
    return results.trials.merge(found, on="attempt")


@computed_once  # several claims ask for them
def judged_with_sizes(results: Results) -> pd.DataFrame:
    """`judged` with `MEASURES`, `log_connected` and `left_by_length`, nan where not recorded.

    `log_connected`: the logarithm of the number of connected connections; nan where none is.
    `left_by_length`: the share of connected connections minus that after the study's shortest
    training of the same cell and seed; nan for that training itself.
    """
    columns = ["attempt", "connected", *MEASURES]
    rows = judged(results).merge(sizes(results)[columns], on="attempt", how="left")
    rows = rows.assign(log_connected=np.log(rows["connected"].where(rows["connected"] > 0)))
    same = [name for name in SETTABLE if name != "epochs"]
    cell = [name for name in CELL if name != "epochs"]
    shortest = rows["epochs"] == rows.groupby(cell, sort=False)["epochs"].transform("min")
    least = rows.loc[shortest, [*same, "connected_share"]].drop_duplicates(same)
    partners = rows[same].merge(least, on=same, how="left", validate="many_to_one")
    difference = rows["connected_share"] - partners["connected_share"].set_axis(rows.index)
    return rows.assign(left_by_length=difference.mask(shortest))
