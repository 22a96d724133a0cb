"""C10: the gain from over-parameterisation, and how many connections are left."""

import pandas as pd

from analysis.cells import CONTROL, METHOD_ONLY, RECIPE
from analysis.estimates.sizes import judged_with_sizes, matched_by_size
from analysis.verdicts.claim import MARGIN, Claim, Criterion, both, differs, where
from analysis.verdicts.claims.arms import (
    as_is,
    flips,
    free_or_minimal,
    no_control,
    prunes,
    recorded,
    wider,
)

_SCORE_METHODS = free_or_minimal
_OTHERS = [n for n in (*METHOD_ONLY, *RECIPE, *CONTROL) if n != "score_offset"]
_LEFT = "fraction of connections left, without dead units and paths"


def _by_density(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["needs_density"].astype(bool)


CLAIMS = (
    Claim(
        "C10",
        "effective-size",
        "Over-parameterisation increases accuracy: the trained connections of a wider network "
        "reach a higher accuracy than those of width 1.",
        both(_SCORE_METHODS, as_is, wider),
        (
            Criterion("accuracy minus that at width 1", above=0.0, against={"width": 1.0}),
            Criterion(
                "number of connections left, without dead units and paths, in ratio to width 1",
                "log_connected",
                above=1.0,
                against={"width": 1.0},
                unit="ratio",
                decides=False,
            ),
        ),
        "widths",
        trials=judged_with_sizes,
        figure="widths",
    ),
    Claim(
        "C10-left",
        "effective-size",
        "In a wider network a smaller fraction of the connections is left.",
        both(_SCORE_METHODS, as_is, wider, recorded("connected_share")),
        (
            Criterion(
                f"{_LEFT}, minus that at width 1",
                "connected_share",
                below=0.0,
                against={"width": 1.0},
                unit="share",
            ),
        ),
        "effective-size-mnist",
        trials=judged_with_sizes,
        figure="effective_size",
    ),
    Claim(
        "C10-longer",
        "effective-size",
        "The longer the training, the smaller the fraction of connections that is left.",
        both(_SCORE_METHODS, as_is, where(longer=True), recorded("left_by_length")),
        (
            Criterion(
                f"{_LEFT}, minus that after the study's shortest training",
                "left_by_length",
                below=0.0,
                unit="share",
            ),
        ),
        "effective-size-mnist",
        trials=judged_with_sizes,
        figure="effective_size",
    ),
    Claim(
        "C10-offset",
        "effective-size",
        "The fraction of connections that is left depends on where the scores start: the more "
        "scores start at or below zero, the smaller it is.",
        both(
            _SCORE_METHODS,
            differs("score_offset", *_OTHERS),
            recorded("connected_share"),
        ),
        (
            Criterion(
                f"{_LEFT}, minus that at the default offset of 0",
                "connected_share",
                below=0.0,
                against={"score_offset": 0.0},
                unit="share",
            ),
        ),
        "effective-size-mnist",
        sweep=("score_offset",),
        trials=judged_with_sizes,
        figure="effective_size",
        note="Where this holds, the effective size depends on how the scores start, not on the "
        "task alone.",
    ),
    *(
        Claim(
            f"C10-matched{suffix}",
            "effective-size",
            f"At the number of live connections that {method.replace('-', ' ')} ends with, no "
            "method with a density is more accurate by more than the margin.",
            both(_by_density, kind, no_control, recorded("matched")),
            (
                Criterion(
                    f"accuracy at that size, between two densities, minus that of {method}",
                    "matched",
                    below=MARGIN,
                    against={"method": method},
                    ignoring=METHOD_ONLY,
                    helped_by="arm",
                ),
            ),
            "rivals-mnist",
            trials=matched_by_size,
            primary=False,
            figure="accuracy_by_changed",
            note="Interpolated over the logarithm of the size. A seed in which no two densities "
            "enclose the size of the free method does not count.",
        )
        for method, kind, suffix in (
            ("free-pruning", prunes, ""),
            ("free-flipping", flips, "-flipping"),
        )
    ),
)
