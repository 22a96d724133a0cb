"""A claim: what is judged, against what, and the bound that decides."""

from analysis.verdicts.claim import MARGIN, Claim, Criterion, both, where
from analysis.verdicts.claims.arms import as_is

CLAIM = Claim(
    "C11",
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
