"""Threshold-free training with the whole budget of a method that tunes a density."""

import numpy as np
import pandas as pd

from analysis.cells import RECIPE
from analysis.estimates.rivals import FREE
from analysis.estimates.tuned import tuned
from analysis.tables import Results, computed_once


@computed_once
def with_longer_training(results: Results) -> pd.DataFrame:
    """Return arms at their tuned density, and free methods trained for as long as the tuning took.

    Returns:
        Rows of `tuned` whose density was tuned, and for each of their lengths the trials of the
        free methods with the most epochs that the whole budget of every such arm pays for, the
        fresh training included, and what the choice of their own recipe took. These have the length
        of the arms as `epochs`, so that they pair. `trained_epochs` are those of all trainings.
    """
    rows = tuned(results, ("density", *RECIPE))
    rows = rows.assign(trained_epochs=rows["epochs"] * rows["spent"].fillna(1.0))
    arms = rows[(rows["density"] == -np.inf) & ~rows["trains_weights"].astype(bool)]
    frames = [arms]
    kinds = arms.groupby(["network", "dataset", "flips", "epochs"], sort=False)["spent"].min()
    for kind in kinds.reset_index().to_dict("records"):
        longer = rows[
            (rows["method"] == FREE[int(kind["flips"])])
            & (rows["network"] == kind["network"])
            & (rows["dataset"] == kind["dataset"])
            & (rows["epochs"] > kind["epochs"])
            & (rows["trained_epochs"] <= kind["epochs"] * kind["spent"])
        ]
        longest = longer[longer["epochs"] == longer["epochs"].max()]
        frames.append(longest.assign(epochs=kind["epochs"]))
    return pd.concat(frames, ignore_index=True)
