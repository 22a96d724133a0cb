"""C6 to C8: no threshold, neither a chosen one nor a hidden one."""

from analysis.cells import CONTROL, METHOD_ONLY, RECIPE
from analysis.estimates.judged import honestly_tuned, judged
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
    "Not compared here: threshold-free training with the same compute, spent on more epochs."
)


def _threshold_free(method: str) -> Criterion:
    return Criterion(
        f"accuracy minus that of {method}",
        below=MARGIN,
        against={"method": method, "density": 0.0},
        ignoring=tuple(name for name in OWN if name != "density"),
    )


def _hidden(
    field: str, name: str, methods: tuple[str, ...], words: str, *further: Criterion
) -> Claim:
    """Return the claim that the default of a field is not a tuned threshold in disguise.

    Args:
        field: a field of trials.
        name: the name of this form of the claim.
        methods: the methods that read the field.
        words: what the field is, in words.
        further: criteria that are shown but do not decide.
    """
    others = [n for n in (*METHOD_ONLY, *RECIPE, *CONTROL) if n != field]
    default: float = FIELDS[field].default  # type: ignore[assignment]
    return Claim(
        f"C8-{name}",
        "hidden-threshold",
        f"No other {words} beats the default by more than the margin: the start of the scores is "
        "not a tuned threshold in disguise.",
        both(where(method=methods), differs(field, *others)),
        (
            Criterion(
                f"accuracy minus that at the default, {default:g}",
                below=MARGIN,
                against={field: default},
            ),
            *further,
        ),
        "hidden-threshold",
        sweep=(field,),
        least=2 if field == "adam_epsilon" else 3,
        trials=judged_with_sizes if further else judged,
        figure="hidden_threshold",
    )


CLAIMS = (
    Claim(
        "C6",
        "no-threshold",
        "No density of the grid beats free pruning, which needs no density, by more than the "
        "margin.",
        both(thresholds, prunes),
        (_threshold_free("free-pruning"),),
        "threshold-mnist",
        sweep=("density",),
        figure="accuracy_by_density",
    ),
    Claim(
        "C6-flipping",
        "no-threshold",
        "No density of the grid beats free flipping, which needs no density, by more than the "
        "margin.",
        both(thresholds, flips),
        (_threshold_free("free-flipping"),),
        "threshold-mnist",
        sweep=("density",),
        figure="accuracy_by_density",
    ),
    Claim(
        "C6-trained-weights",
        "no-threshold",
        "No density of a method that trains weights under a mask beats free pruning by more than "
        "the margin.",
        trains_weights,
        (_threshold_free("free-pruning"),),
        "pruners",
        sweep=("density",),
        primary=False,
        figure="accuracy_by_density",
        note="These methods have no threshold on scores; their density is that of a mask on "
        "weights.",
    ),
    Claim(
        "C7",
        "practitioner",
        "A density that is tuned honestly, by validation on other seeds, does not beat free "
        "pruning by more than the margin.",
        both(tuned, prunes),
        (_threshold_free("free-pruning"),),
        "threshold-mnist",
        trials=honestly_tuned,
        figure="tuning",
        note=_SAME_COMPUTE,
    ),
    Claim(
        "C7-flipping",
        "practitioner",
        "A density that is tuned honestly, by validation on other seeds, does not beat free "
        "flipping by more than the margin.",
        both(tuned, flips),
        (_threshold_free("free-flipping"),),
        "threshold-mnist",
        trials=honestly_tuned,
        figure="tuning",
        note=_SAME_COMPUTE,
    ),
    _hidden("learning_rate", "rate", FREE, "ratio of learning rate to score range"),
    _hidden(
        "score_offset",
        "offset",
        FREE,
        "fraction of scores that start at or below zero",
        # Both are expected to change much with the offset, see C10-offset.
        Criterion(
            "changed connections minus those at the default, 0",
            "changed",
            above=0.0,
            against={"score_offset": 0.0},
            unit="share",
            decides=False,
        ),
        Criterion(
            "fraction of connections left, without dead units and paths, minus that at the default",
            "connected_share",
            below=0.0,
            against={"score_offset": 0.0},
            unit="share",
            decides=False,
        ),
    ),
    _hidden("adam_epsilon", "epsilon", FREE, "value of Adam's epsilon"),
    _hidden("penalty", "penalty", MINIMAL, "penalty"),
)
