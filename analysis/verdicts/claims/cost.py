"""C5: what training connections costs."""

from analysis.cells import METHOD_ONLY
from analysis.estimates.pairing import benchmarked, timed
from analysis.verdicts.claim import Claim, Criterion, both, where
from analysis.verdicts.claims.arms import FREE, MINIMAL, as_is

#: Cost may be so many times that of dense training.
COST = 1.15

CLAIMS = (
    Claim(
        "C5",
        "similar-cost",
        f"A step of training connections takes at most {COST:g} times as long as one of training "
        "weights in the same engine.",
        where(method=(*FREE, *MINIMAL)),
        (Criterion("step time in ratio to dense", "log_ratio", below=COST, unit="ratio"),),
        "make bench",
        trials=benchmarked,
        seeds=7,
        figure="cost",
    ),
    Claim(
        "C5-time",
        "similar-cost",
        f"Training connections takes at most {COST:g} times as long as training weights, to 95% of "
        "the accuracy that these end with.",
        both(where(method=(*FREE, *MINIMAL)), as_is),
        (
            Criterion(
                "training seconds to that accuracy, in ratio to dense",
                "log_seconds",
                below=COST,
                against={"method": "dense"},
                ignoring=METHOD_ONLY,
                unit="ratio",
            ),
        ),
        "paper-lenet",
        trials=timed,
        primary=False,
        figure="cost",
        note="Timed while other trials ran beside; trials that never get there are no pairs.",
    ),
)
