"""C1 to C4: the accuracy of trained connections, from which weights and with how few changes."""

from analysis.cells import METHOD_ONLY
from analysis.estimates.judged import TRAINED, at_own_best_recipe
from analysis.estimates.sizes import judged_with_sizes
from analysis.verdicts.claim import MARGIN, Claim, Criterion, both, differs, where
from analysis.verdicts.claims.arms import (
    FREE,
    MINIMAL,
    OWN,
    SKEWED,
    as_is,
    highly_asymmetric,
    plain,
    recorded,
    symmetric,
)

NINE_TENTHS = Criterion(
    "accuracy minus 0.9 times that of dense, he-normal",
    above=0.0,
    against=TRAINED,
    ignoring=METHOD_ONLY,
    share=0.9,
)
CLAIMS = (
    Claim(
        "C1",
        "similar-or-higher",
        "Free pruning and free flipping reach the accuracy of trained weights.",
        both(where(method=FREE), as_is, symmetric),
        (
            Criterion(
                "accuracy minus that of dense, he-normal",
                above=MARGIN,
                against=TRAINED,
                ignoring=METHOD_ONLY,
            ),
        ),
        "paper-lenet",
    ),
    Claim(
        "C1-own-recipes",
        "similar-or-higher",
        "Free pruning and free flipping reach the accuracy of trained weights if every arm uses "
        "its own best recipe, chosen by validation on other seeds.",
        both(where(method=FREE), plain, symmetric),
        (
            Criterion(
                "accuracy minus that of dense, he-normal, each with its own best recipe",
                above=MARGIN,
                against=TRAINED,
                ignoring=OWN,
            ),
        ),
        "threshold-mnist",
        trials=at_own_best_recipe,
    ),
    Claim(
        "C1-same-weights",
        "similar-or-higher",
        "Free pruning and free flipping reach the accuracy of dense training from the same "
        "weights.",
        both(where(method=FREE), as_is),
        (
            Criterion(
                "accuracy minus that of dense from the same weights",
                above=MARGIN,
                against={"method": "dense"},
                ignoring=METHOD_ONLY,
            ),
        ),
        "paper-lenet",
        primary=False,
        note="Weights of one magnitude or of mostly one sign are a poor start for dense training.",
    ),
    Claim(
        "C2",
        "minimal-change",
        "Minimal pruning and minimal flipping change less than 10% of the connections and reach "
        "more than 90% of the accuracy of trained weights.",
        both(where(method=MINIMAL), as_is, symmetric),
        (
            Criterion("changed connections", "changed", below=0.1, unit="percent"),
            NINE_TENTHS,
            Criterion(
                "accuracy above chance minus 0.9 times that of dense, he-normal",
                "above_chance",
                above=0.0,
                against=TRAINED,
                ignoring=METHOD_ONLY,
                share=0.9,
                decides=False,
            ),
            Criterion(
                "accuracy minus that of softmax regression",
                above=0.0,
                against={"method": "dense", "network": "linear", "weights": "he-normal"},
                ignoring=METHOD_ONLY,
                decides=False,
            ),
        ),
        "paper-lenet",
        figure="accuracy_by_changed",
        note="Changed is a fraction of all connections, including those without any effect on the "
        "output; C2-live leaves these out.",
    ),
    Claim(
        "C2-live",
        "minimal-change",
        "Minimal pruning and minimal flipping change less than 10% of the live connections, those "
        "that can move the output for some training image, and reach more than 90% of the accuracy "
        "of trained weights.",
        both(where(method=MINIMAL), as_is, symmetric, recorded("live_changed_share")),
        (
            Criterion(
                "changed among live connections", "live_changed_share", below=0.1, unit="percent"
            ),
            NINE_TENTHS,
        ),
        "effective-size-mnist",
        trials=judged_with_sizes,
        figure="effective_size",
    ),
    Claim(
        "C3",
        "constant-magnitude",
        "Weights of one magnitude do as well as normally distributed weights.",
        both(where(method=(*FREE, *MINIMAL), weights="he-constant"), as_is),
        (
            Criterion(
                "accuracy minus that with he-normal weights of the same signs",
                above=MARGIN,
                against={"weights": "he-normal"},
            ),
        ),
        "paper-lenet",
    ),
    Claim(
        "C4a",
        "asymmetric-good",
        "Highly asymmetric weights give good results: at least 0.9 of the accuracy of trained "
        "weights.",
        both(where(method=(*FREE, *MINIMAL)), as_is, highly_asymmetric),
        (NINE_TENTHS,),
        "asymmetry",
        figure="by_positive_fraction",
    ),
    Claim(
        "C4b",
        "asymmetric-as-good",
        "Asymmetric weights do as well as symmetric ones.",
        both(where(method=(*FREE, *MINIMAL)), as_is, differs("positive_fraction")),
        (
            Criterion(
                "accuracy minus that at a positive fraction of 0.5",
                above=MARGIN,
                against={"positive_fraction": 0.5},
            ),
        ),
        "asymmetry",
        figure="by_positive_fraction",
    ),
    Claim(
        "C4b-skewed",
        "asymmetric-as-good",
        "Skewed weight distributions do as well as he-normal, which has the same mean and "
        "variance.",
        both(where(method=(*FREE, *MINIMAL), weights=SKEWED), as_is),
        (
            Criterion(
                "accuracy minus that with he-normal",
                above=MARGIN,
                against={"weights": "he-normal"},
            ),
        ),
        "asymmetry",
    ),
)
