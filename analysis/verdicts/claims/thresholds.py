"""C6 to C8: no threshold, neither one that somebody chose nor one in disguise."""

from analysis.cells import CONTROL, METHOD_ONLY, RECIPE
from analysis.estimates.pairing import honestly_tuned, judged
from analysis.estimates.sizes import judged_with_sizes
from analysis.verdicts.claim import MARGIN, Claim, Criterion, both, differs, where
from analysis.verdicts.claims.arms import (
    FREE,
    MINIMAL,
    OWN,
    flips,
    prunes,
    thresholds,
    trains_weights,
    tuned,
)
from studies.trial import FIELDS

_SAME_COMPUTE = (
    "Threshold-free training given the same compute, in more epochs, is not among these cells."
)


def _threshold_free(method: str) -> Criterion:
    return Criterion(
        f"accuracy minus that of {method}",
        below=MARGIN,
        against={"method": method, "density": 0.0},
        ignoring=tuple(name for name in OWN if name != "density"),
    )


def _hidden(
    field: str, name: str, methods: tuple[str, ...], says: str, *beside: Criterion
) -> Claim:
    """The default of a field that is no setting of the method is no tuned threshold.

    Args:
        field: of a trial.
        name: of this part of the claim.
        methods: those that read the field.
        says: what the field is, for people.
        beside: what is shown beside the accuracy.
    """
    others = [n for n in (*METHOD_ONLY, *RECIPE, *CONTROL) if n != field]
    default: float = FIELDS[field].default  # type: ignore[assignment]
    return Claim(
        f"C8-{name}",
        "hidden-threshold",
        f"No {says} beats the default by more than the margin: the start of the scores is no tuned "
        "threshold in disguise.",
        both(where(method=methods), differs(field, *others)),
        (
            Criterion(
                f"accuracy minus that at the default of {default:g}",
                below=MARGIN,
                against={field: default},
            ),
            *beside,
        ),
        "hidden-threshold",
        sweep=(field,),
        least=2 if field == "adam_epsilon" else 3,
        trials=judged_with_sizes if beside else judged,
        figure="hidden_threshold",
    )


CLAIMS = (
    Claim(
        "C6",
        "no-threshold",
        "No density of the grid beats free pruning, which needs none, by more than the margin.",
        both(thresholds, prunes),
        (_threshold_free("free-pruning"),),
        "thresholds",
        sweep=("density",),
        figure="accuracy_by_density",
    ),
    Claim(
        "C6-flipping",
        "no-threshold",
        "No density of the grid beats free flipping, which needs none, by more than the margin.",
        both(thresholds, flips),
        (_threshold_free("free-flipping"),),
        "thresholds",
        sweep=("density",),
        figure="accuracy_by_density",
    ),
    Claim(
        "C6-trained-weights",
        "no-threshold",
        "Nor does a density of a method that trains weights under a mask.",
        trains_weights,
        (_threshold_free("free-pruning"),),
        "pruners",
        sweep=("density",),
        primary=False,
        figure="accuracy_by_density",
        note="These have no threshold among scores; the density is that of a mask of weights.",
    ),
    Claim(
        "C7",
        "practitioner",
        "A density that is tuned honestly, by validation on other seeds, is not better than free "
        "pruning by more than the margin.",
        both(tuned, prunes),
        (_threshold_free("free-pruning"),),
        "thresholds",
        trials=honestly_tuned,
        figure="tuning",
        note=_SAME_COMPUTE,
    ),
    Claim(
        "C7-flipping",
        "practitioner",
        "A density that is tuned honestly, by validation on other seeds, is not better than free "
        "flipping by more than the margin.",
        both(tuned, flips),
        (_threshold_free("free-flipping"),),
        "thresholds",
        trials=honestly_tuned,
        figure="tuning",
        note=_SAME_COMPUTE,
    ),
    _hidden("learning_rate", "rate", FREE, "ratio of learning rate and range of the scores"),
    _hidden(
        "score_offset",
        "offset",
        FREE,
        "share of scores that start at or below zero",
        # expected to move much: what is left is the size of a setting, see C10-offset
        Criterion(
            "changed connections minus those at the default of 0",
            "changed",
            above=0.0,
            against={"score_offset": 0.0},
            unit="share",
            decides=False,
        ),
        Criterion(
            "share of connections left, without dead units and paths, minus that at the default",
            "connected_share",
            below=0.0,
            against={"score_offset": 0.0},
            unit="share",
            decides=False,
        ),
    ),
    _hidden("adam_epsilon", "epsilon", FREE, "epsilon of Adam"),
    _hidden("penalty", "penalty", MINIMAL, "penalty"),
)
