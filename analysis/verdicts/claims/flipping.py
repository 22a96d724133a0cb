"""C9: flipping compared with pruning."""

from analysis.estimates.judged import gain_of_flipping
from analysis.estimates.pairing import OF_PARTNER
from analysis.verdicts.claim import MARGIN, Claim, Criterion, both, differs, where
from analysis.verdicts.claims.arms import RATE, as_is, at_recipe


def _flip_or_prune(kind: str, suffix: str, *, primary: bool) -> Claim:
    return Claim(
        f"C9{suffix}",
        "flip-or-prune",
        f"{kind.capitalize()} flipping does at least as well as {kind} pruning.",
        both(where(method=f"{kind}-flipping"), as_is),
        (
            Criterion(
                f"accuracy minus that of {kind}-pruning",
                above=MARGIN,
                against={"method": f"{kind}-pruning"},
                ignoring=RATE,
                preferring=RATE,
            ),
        ),
        "asymmetry",
        trials=at_recipe,
        primary=primary,
        floor="method",
    )


CLAIMS = (
    _flip_or_prune("free", "", primary=True),
    _flip_or_prune("minimal", "-minimal", primary=False),
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
                helped_by="arm",
                # Pruning with asymmetric weights, and either of the two with symmetric ones.
                failures=("rival_failure", f"failure{OF_PARTNER}"),
            ),
        ),
        "asymmetry",
        trials=gain_of_flipping,
        primary=False,
        figure="by_positive_fraction",
    ),
)
