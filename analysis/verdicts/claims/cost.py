"""C5: the cost of training connections."""

from analysis.cells import METHOD_ONLY
from analysis.estimates.costs import benchmarked, timed
from analysis.verdicts.claim import Claim, Criterion, both, where
from analysis.verdicts.claims.arms import as_is, free_or_minimal

#: The largest cost that counts as similar, in ratio to dense training.
COST = 1.15

CLAIMS = (
    Claim(
        "C5",
        "similar-cost",
        f"A step of training connections takes at most {COST:g} times as long as a step of "
        "training weights in the same engine.",
        where(method=("free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping")),
        (Criterion("step time in ratio to dense", "log_ratio", below=COST, unit="ratio"),),
        "make bench",
        trials=benchmarked,
        seeds=7,
        figure="cost",
        note="This holds for the machine on which the benchmark ran.",
    ),
    Claim(
        "C5-time",
        "similar-cost",
        f"Training connections takes at most {COST:g} times as long as training weights to reach "
        "95% of the final accuracy of trained weights.",
        both(free_or_minimal, as_is),
        (
            Criterion(
                "training time to that accuracy, in ratio to dense",
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
        note="This holds for the machine on which the trials ran, several at a time. A pair in "
        "which a trial never reaches that accuracy does not count.",
    ),
)
