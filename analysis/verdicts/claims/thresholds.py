"""C6 to C8: no threshold, neither a chosen one nor a hidden one."""

from typing import Any

import pandas as pd

from analysis.cells import CONTROL, METHOD_ONLY, RECIPE
from analysis.estimates.judged import judged
from analysis.estimates.longer import with_longer_training
from analysis.estimates.rivals import by_setting
from analysis.estimates.sizes import judged_with_sizes
from analysis.estimates.tuned import tuned, with_tuning_trials
from analysis.tables import Results
from analysis.verdicts.claim import MARGIN, Claim, Criterion, Rows, both, differs, where
from analysis.verdicts.claims.arms import (
    MINIMAL,
    RATE,
    at_recipe,
    flips,
    free,
    no_control,
    plain,
    prunes,
    recipe_of_its_own,
    rival_of_its_own,
    thresholds,
    trains_weights,
    tuned_density,
)
from studies.trial import FIELDS

#: A sweep over densities needs so many that pass the floor: a single poor one shows nothing.
_DENSITIES = 3
_OF_METHOD = tuple(name for name in METHOD_ONLY if name != "density")
_BOTH = (("free-pruning", prunes, ""), ("free-flipping", flips, "-flipping"))
_SHARED = "Both sides share optimiser, schedule, batch and length, or each is at its best recipe."


def at_density(results: Results) -> pd.DataFrame:
    """Return every arm at the density and the recipe that its tuning seeds choose."""
    return tuned(results, ("density", *RECIPE))


def _threshold_free(method: str, ignoring: tuple[str, ...] = RATE) -> Criterion:
    return Criterion(
        f"accuracy minus that of {method}",
        below=MARGIN,
        against={"method": method, "density": 0.0},
        ignoring=(*_OF_METHOD, *ignoring),
        preferring=ignoring,
    )


def _no_threshold(method: str, kind: Rows, suffix: str) -> Claim:
    return Claim(
        f"C6{suffix}",
        "no-threshold",
        f"No density of the grid beats {method.replace('-', ' ')}, which needs no density, by more "
        "than the margin.",
        both(thresholds, kind, no_control),
        (_threshold_free(method),),
        "threshold-mnist",
        sweep=("density",),
        enough=_DENSITIES,
        trials=at_recipe,
        floor="method",
        figure="accuracy_by_density",
        note=_SHARED,
    )


def _authors(method: str, kind: Rows, suffix: str) -> Claim:
    return Claim(
        f"C6{suffix}-authors",
        "no-threshold",
        "No density of a method under its authors' recipe beats "
        f"{method.replace('-', ' ')} under its own by more than the margin.",
        both(thresholds, kind, no_control, recipe_of_its_own),
        (
            Criterion(
                f"accuracy minus that of {method} under its own recipe",
                below=MARGIN,
                against={"method": method, "density": 0.0},
                ignoring=(*_OF_METHOD, *RECIPE),
            ),
        ),
        "thresholds-conv",
        sweep=("density",),
        enough=_DENSITIES,
        primary=False,
        floor="method",
        figure="accuracy_by_density",
        note="The two sides have different optimisers, schedules or batches, so the recipe may "
        "decide.",
    )


def _rivals(method: str, kind: Rows, suffix: str) -> Claim:
    return Claim(
        f"C6{suffix}-rivals",
        "no-threshold",
        f"No rival with weights and a recipe of its own beats {method.replace('-', ' ')} by more "
        "than the margin, at any value of the parameter that fixes or penalises the fraction kept.",
        both(rival_of_its_own, kind, no_control),
        (
            Criterion(
                f"accuracy minus that of {method}, each at its best recipe",
                below=MARGIN,
                against={"method": method, "density": 0.0},
                ignoring=(*_OF_METHOD, "weights", "activation"),
            ),
        ),
        "rivals-mnist",
        sweep=("density", "parameters"),
        enough=_DENSITIES,
        trials=by_setting,
        primary=False,
        floor="method",
        figure="accuracy_by_density",
    )


def _practitioner(method: str, kind: Rows, suffix: str) -> Claim:
    return Claim(
        f"C7{suffix}",
        "practitioner",
        "A density that is tuned by validation on tuning seeds does not beat "
        f"{method.replace('-', ' ')} by more than the margin.",
        both(tuned_density, kind, no_control),
        (_threshold_free(method),),
        "threshold-mnist",
        enough=_DENSITIES,
        trials=at_density,
        floor="method",
        figure="tuning",
        note=f"{_SHARED} In C7{suffix}-longer, {method.replace('-', ' ')} spends the budget of the "
        "tuning on longer training.",
    )


def _longer(method: str, kind: Rows, suffix: str) -> Claim:
    return Claim(
        f"C7{suffix}-longer",
        "practitioner",
        "A density that is tuned by validation on tuning seeds does not beat "
        f"{method.replace('-', ' ')} that spends the same compute on longer training by more than "
        "the margin.",
        both(tuned_density, kind, no_control),
        (
            Criterion(
                f"accuracy minus that of {method}, trained for as many epochs as the tuning took",
                below=MARGIN,
                against={"method": method, "density": 0.0},
                ignoring=(*_OF_METHOD, *RECIPE),
            ),
        ),
        "threshold-mnist",
        enough=_DENSITIES,
        trials=with_longer_training,
        primary=False,
        floor="method",
        figure="tuning",
    )


#: The studies that test a default, where it is not `hidden-threshold`.
_STUDIES = {"score_offset": "start-mnist", "learning_rate": "threshold-mnist"}


def _hidden(
    field: str,
    name: str,
    methods: Rows,
    words: str,
    *further: Criterion,
    any_value_of: tuple[str, ...] = (),
    **more: Any,
) -> Claim:
    """Return the claim that the default of a field is not a tuned threshold in disguise.

    The other fields that only methods read are at their default; the recipe is that of the trial.

    Args:
        field: a field of trials.
        name: the name of this form of the claim.
        methods: selects the methods that read the field.
        words: what the field is, in words.
        further: criteria that are shown but do not decide.
        any_value_of: fields that need not be at their default.
        more: further attributes of the claim.
    """
    others = [n for n in (*METHOD_ONLY, *CONTROL) if n not in (field, *any_value_of)]
    default: float = FIELDS[field].default  # type: ignore[assignment]
    of_rate = field == "learning_rate"
    trials = judged_with_sizes if further else with_tuning_trials if of_rate else judged
    return Claim(
        f"C8-{name}",
        "hidden-threshold",
        f"No other {words} beats the default by more than the margin: the start of the scores is "
        "not a tuned threshold in disguise.",
        both(methods, differs(field, *others)),
        (
            Criterion(
                f"accuracy minus that at the default, {default:g}",
                below=MARGIN,
                against={field: default},
            ),
            *further,
        ),
        _STUDIES.get(field, "hidden-threshold"),
        sweep=(field,),
        least=2 if field == "adam_epsilon" else 3,
        trials=trials,
        figure="hidden_threshold",
        **more,
    )


def _of_other_methods(rows: pd.DataFrame) -> "pd.Series[bool]":
    return ~free(rows) & plain(rows.assign(density=0.0))


CLAIMS = (
    *(_no_threshold(*of) for of in _BOTH),
    *(_authors(*of) for of in _BOTH),
    *(_rivals(*of) for of in _BOTH),
    Claim(
        "C6-trained-weights",
        "no-threshold",
        "No density of a method that trains weights under a mask beats free pruning by more than "
        "the margin.",
        both(trains_weights, no_control),
        (_threshold_free("free-pruning"),),
        "pruners",
        sweep=("density",),
        enough=_DENSITIES,
        trials=at_recipe,
        primary=False,
        floor="method",
        figure="accuracy_by_density",
        note="These methods have no threshold on scores; their density is that of a mask on "
        f"weights. {_SHARED}",
    ),
    *(_practitioner(*of) for of in _BOTH),
    *(_longer(*of) for of in _BOTH),
    _hidden(
        "learning_rate",
        "rate",
        free,
        "ratio of learning rate to score range",
        note="If rates are tuned, this compares validation accuracy on the tuning seeds. The "
        "authors chose a rate for each method and network by scans; the claim does not cover that "
        "choice. C8-rate-others shows how much the rate matters to other methods.",
    ),
    _hidden(
        "learning_rate",
        "rate-others",
        _of_other_methods,
        "learning rate",
        any_value_of=("density",),
        primary=False,
        note="This shows whether dense training and methods with a density need their own rates.",
    ),
    _hidden(
        "score_offset",
        "offset",
        free,
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
        note="A constant threshold other than zero is equivalent to such a start, so the claim is "
        "also about constant thresholds. It covers the starts of the study, at one width of the "
        "range.",
    ),
    _hidden("adam_epsilon", "epsilon", free, "value of Adam's epsilon"),
    _hidden("penalty", "penalty", where(method=MINIMAL), "penalty"),
)
