"""C9: flipping compared with pruning."""

from analysis.estimates.judged import gain_of_flipping
from analysis.verdicts.claim import MARGIN, Claim, Criterion, both, differs, where
from analysis.verdicts.claims.arms import RATE, as_is, at_recipe

CLAIMS = (
    Claim(
        "C9",
        "flip-or-prune",
        "Free flipping does at least as well as free pruning.",
        both(where(method="free-flipping"), as_is),
        (
            Criterion(
                "accuracy minus that of free-pruning",
                above=MARGIN,
                against={"method": "free-pruning"},
                ignoring=RATE,
                preferring=RATE,
            ),
        ),
        "asymmetry",
        trials=at_recipe,
        floor="method",
    ),
    Claim(
        "C9-minimal",
        "flip-or-prune",
        "Minimal flipping does at least as well as minimal pruning.",
        both(where(method="minimal-flipping"), as_is),
        (
            Criterion(
                "accuracy minus that of minimal-pruning",
                above=MARGIN,
                against={"method": "minimal-pruning"},
                ignoring=RATE,
                preferring=RATE,
            ),
        ),
        "asymmetry",
        trials=at_recipe,
        primary=False,
        floor="method",
    ),
    Claim(
        "C9-asymmetric",
        "flip-or-prune",
        "Flipping gains more over pruning with asymmetric weights than with symmetric weights.",
        both(where(method="free-flipping"), as_is, differs("positive_fraction")),
        (
            Criterion(
                "gain of flipping over pruning, minus that at a positive fraction of 0.5",
                "gain",
                above=0.0,
                against={"positive_fraction": 0.5},
            ),
        ),
        "asymmetry",
        trials=gain_of_flipping,
        primary=False,
        figure="by_positive_fraction",
    ),
)
