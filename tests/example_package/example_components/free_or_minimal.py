"""A claim: the trials it judges, what they are compared with, and the deciding bound."""

from analysis.verdicts.claim import MARGIN, Claim, Criterion, both, where
from analysis.verdicts.claims.arms import as_is

CLAIM = Claim(
    "Free-or-minimal",
    "free-or-minimal",
    "Free pruning does at least as well as minimal pruning.",
    both(where(method="free-pruning"), as_is),
    (
        Criterion(
            "accuracy minus that of minimal-pruning",
            above=MARGIN,
            against={"method": "minimal-pruning"},
        ),
    ),
    "paper-lenet",
)
