"""C11 and C12: free methods against their own kind, and against a density that nobody tunes."""

import numpy as np
import pandas as pd

from analysis.cells import METHOD_ONLY, RECIPE
from analysis.estimates.pairing import OF_PARTNER, keys
from analysis.estimates.rivals import (
    FREE,
    PREFERRED,
    TASK,
    left_alone,
    own_configuration,
    with_preferred_free,
)
from analysis.verdicts.claim import MARGIN, Claim, Criterion, both, where
from analysis.verdicts.claims.arms import free, no_control, without_setting

_OWN = (*METHOD_ONLY, *RECIPE, "weights", "positive_fraction", "activation")


def _rival(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods without such a setting, on tasks where the two free methods are not alone."""
    rivals = without_setting(rows) & (rows["method"] != PREFERRED)
    (tasks,) = keys(rows, on=TASK)
    return rivals & np.isin(tasks, tasks[rivals & ~rows["method"].isin(FREE)])


def _elsewhere(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Trials on data sets other than MNIST, from which the settings are carried over."""
    return ~rows["dataset"].isin(["mnist"])


CLAIMS = (
    Claim(
        "C11",
        "best-of-its-kind",
        "Among the methods that train connections without a parameter that fixes or penalises the "
        "fraction kept, none beats the free method with the better validation accuracy by more "
        "than the margin.",
        both(_rival, no_control, own_configuration),
        (
            Criterion(
                f"accuracy minus that of the {PREFERRED}, each at its best configuration",
                below=MARGIN,
                against={"method": PREFERRED},
                ignoring=_OWN,
            ),
        ),
        "rivals-mnist",
        sweep=("method", *_OWN),
        trials=with_preferred_free,
        floor="method",
        subject=PREFERRED,
    ),
    *(
        Claim(
            f"C12{suffix}",
            "untuned-transfer",
            f"On other data sets than MNIST, {method.replace('-', ' ')} at its default loses no "
            "more accuracy for lack of tuning than a density of 0.5 does.",
            both(free, no_control, _elsewhere, where(method=method)),
            (
                Criterion(
                    f"regret of the default minus that of {density} at 0.5",
                    "regret",
                    below=MARGIN,
                    against={"method": density},
                    ignoring=METHOD_ONLY,
                    helped_by="partner",
                    # The density that was not tuned, and the free method where it was tuned.
                    failures=(f"failure{OF_PARTNER}", "best_failure"),
                ),
                Criterion(
                    f"accuracy minus that of {density} at 0.5",
                    above=MARGIN,
                    against={"method": density},
                    ignoring=METHOD_ONLY,
                    decides=False,
                ),
            ),
            "threshold-conv2",
            trials=left_alone,
            figure="regret_by_density",
            note="The regret is the accuracy that tuning by validation would gain. Each side has "
            "its best learning rate.",
        )
        for method, density, suffix in (
            (FREE[0], "edge-popup", ""),
            (FREE[1], "edge-popup-flipping", "-flipping"),
        )
    ),
)
