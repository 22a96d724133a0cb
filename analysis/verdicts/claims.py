"""The claims of Ivan & Florian (2020, arXiv:2006.16627) and those that the question adds.

Each is a declaration; `analysis.verdicts` decides. To add a claim, add one here.

Methods are judged one by one, and so is every cell. Where a claim sweeps over a field, as over the
densities, all of its values belong to one verdict: every comparison must pass to support it
(intersection-union, no correction), and to refute it one must fail by Holm's correction.
"""

import re
from collections.abc import Sequence

import pandas as pd

from analysis.cells import METHOD_ONLY, RECIPE
from analysis.estimates.pairing import (
    HONEST,
    TRAINED,
    at_default,
    at_own_best_recipe,
    benchmarked,
    gain_of_flipping,
    honestly_tuned,
    timed,
)
from analysis.verdicts.claim import MARGIN, Claim, Criterion, both, differs, where
from studies.errors import unknown
from studies.trial import FIELDS

#: Cost may be so many times that of dense training.
COST = 1.15

FREE = ("free-pruning", "free-flipping")
MINIMAL = ("minimal-pruning", "minimal-flipping")
#: Families whose weights are not symmetric about zero, whatever the fraction of positive ones.
SKEWED = ("skewed-exponential",)
#: Signs are highly asymmetric where the fraction of positive ones is so far from one half.
HIGHLY = 0.2


def _plain(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods as they are: what only they read is at its default."""
    return at_default(rows, METHOD_ONLY)


def _as_is(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods as they are, under their recipe: what a study varies of it is at its default.

    A recipe that is a method's only one there is its own.
    """
    fits = _plain(rows)
    groups = rows.groupby(["network", "dataset", "method"], sort=False)
    for name in RECIPE:
        fits &= (groups[name].transform("nunique") == 1) | at_default(rows, [name])
    return fits


def _symmetric(rows: pd.DataFrame) -> "pd.Series[bool]":
    return at_default(rows, ["positive_fraction"]) & ~rows["weights"].isin(SKEWED)


def _highly_asymmetric(rows: pd.DataFrame) -> "pd.Series[bool]":
    return ((rows["positive_fraction"] - 0.5).abs() > HIGHLY - 1e-9) | rows["weights"].isin(SKEWED)


def _thresholds(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that train scores and put the threshold at a quantile."""
    return (rows["density"] > 0) & rows["method"].str.startswith("edge-popup")


def _trains_weights(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that train weights under a mask of a density."""
    return (rows["density"] > 0) & ~rows["method"].str.startswith("edge-popup")


def _tuned(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["density"] == HONEST


def _flips(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["method"].str.contains("flipping")


def _prunes(rows: pd.DataFrame) -> "pd.Series[bool]":
    return ~_flips(rows)


def _wider(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["width"] > 1


_NINE_TENTHS = Criterion(
    "accuracy minus 0.9 of dense's, he-normal",
    above=0.0,
    against=TRAINED,
    ignoring=METHOD_ONLY,
    share=0.9,
)
_OWN = (*METHOD_ONLY, *RECIPE)
_SAME_COMPUTE = (
    "Threshold-free training given the same compute, in more epochs, is not among these cells."
)


def _threshold_free(method: str) -> Criterion:
    return Criterion(
        f"accuracy minus that of {method}",
        below=MARGIN,
        against={"method": method, "density": 0.0},
        ignoring=tuple(name for name in _OWN if name != "density"),
    )


def _hidden(field: str, name: str, methods: tuple[str, ...], says: str) -> Claim:
    """The default of a field that is no setting of the method is no tuned threshold."""
    others = [n for n in (*METHOD_ONLY, *RECIPE) if n != field]
    default: float = FIELDS[field].default  # type: ignore[assignment]
    return Claim(
        f"C8-{name}",
        "hidden-threshold",
        f"No {says} beats the default by more than the margin: the start of the scores is no tuned "
        "threshold in disguise.",
        both(where(method=methods), differs(field, *others)),
        (Criterion(f"accuracy minus that at the default of {default:g}", below=MARGIN,
              against={field: default}),),
        "hidden-threshold",
        sweep=(field,),
        least=2 if field == "adam_epsilon" else 3,
        figure="hidden_threshold",
    )  # fmt: skip


CLAIMS = (
    Claim(
        "C1",
        "similar-or-higher",
        "Free pruning and free flipping reach the accuracy of trained weights.",
        both(where(method=FREE), _as_is, _symmetric),
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
        "They do so with every arm at its own best recipe, chosen by validation on other seeds.",
        both(where(method=FREE), _plain, _symmetric),
        (
            Criterion(
                "accuracy minus that of dense, he-normal, each at its own best recipe",
                above=MARGIN,
                against=TRAINED,
                ignoring=_OWN,
            ),
        ),
        "tuned-recipes",
        trials=at_own_best_recipe,
    ),
    Claim(
        "C1-same-weights",
        "similar-or-higher",
        "They reach the accuracy of dense training from the same weights.",
        both(where(method=FREE), _as_is),
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
        note="Weights of one magnitude or of skewed sign are a poor start for dense training.",
    ),
    Claim(
        "C2",
        "minimal-change",
        "With less than 10% of the connections changed, more than 90% of the accuracy of trained "
        "weights is reached.",
        both(where(method=MINIMAL), _as_is, _symmetric),
        (
            Criterion("changed connections", "changed", below=0.1, unit="percent"),
            _NINE_TENTHS,
            Criterion(
                "accuracy above chance minus 0.9 of dense's, he-normal",
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
        note="Changed is a share of all connections, those that no input can move included.",
    ),
    Claim(
        "C3",
        "constant-magnitude",
        "Weights of one magnitude do as well as normally distributed ones.",
        both(where(method=(*FREE, *MINIMAL), weights="he-constant"), _as_is),
        (
            Criterion(
                "accuracy minus that with he-normal, signs in common",
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
        both(where(method=(*FREE, *MINIMAL)), _as_is, _highly_asymmetric),
        (_NINE_TENTHS,),
        "asymmetry",
        figure="by_positive_fraction",
    ),
    Claim(
        "C4b",
        "asymmetric-as-good",
        "Asymmetric weights do as well as symmetric ones.",
        both(where(method=(*FREE, *MINIMAL)), _as_is, differs("positive_fraction")),
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
        "Skewed families of weights do as well as he-normal, which has their mean and variance.",
        both(where(method=(*FREE, *MINIMAL), weights=SKEWED), _as_is),
        (
            Criterion(
                "accuracy minus that with he-normal",
                above=MARGIN,
                against={"weights": "he-normal"},
            ),
        ),
        "asymmetry",
    ),
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
        both(where(method=(*FREE, *MINIMAL)), _as_is),
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
    Claim(
        "C6",
        "no-threshold",
        "No density of the grid beats free pruning, which needs none, by more than the margin.",
        both(_thresholds, _prunes),
        (_threshold_free("free-pruning"),),
        "thresholds",
        sweep=("density",),
        figure="accuracy_by_density",
    ),
    Claim(
        "C6-flipping",
        "no-threshold",
        "No density of the grid beats free flipping, which needs none, by more than the margin.",
        both(_thresholds, _flips),
        (_threshold_free("free-flipping"),),
        "thresholds",
        sweep=("density",),
        figure="accuracy_by_density",
    ),
    Claim(
        "C6-trained-weights",
        "no-threshold",
        "Nor does a density of a method that trains weights under a mask.",
        _trains_weights,
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
        both(_tuned, _prunes),
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
        both(_tuned, _flips),
        (_threshold_free("free-flipping"),),
        "thresholds",
        trials=honestly_tuned,
        figure="tuning",
        note=_SAME_COMPUTE,
    ),
    _hidden("learning_rate", "rate", FREE, "ratio of learning rate and range of the scores"),
    _hidden("score_offset", "offset", FREE, "share of scores that start at or below zero"),
    _hidden("adam_epsilon", "epsilon", FREE, "epsilon of Adam"),
    _hidden("penalty", "penalty", MINIMAL, "penalty"),
    Claim(
        "C9",
        "flip-or-prune",
        "Free flipping does at least as well as free pruning.",
        both(where(method="free-flipping"), _as_is),
        (
            Criterion(
                "accuracy minus that of free-pruning",
                above=MARGIN,
                against={"method": "free-pruning"},
            ),
        ),
        "asymmetry",
    ),
    Claim(
        "C9-minimal",
        "flip-or-prune",
        "Minimal flipping does at least as well as minimal pruning.",
        both(where(method="minimal-flipping"), _as_is),
        (
            Criterion(
                "accuracy minus that of minimal-pruning",
                above=MARGIN,
                against={"method": "minimal-pruning"},
            ),
        ),
        "asymmetry",
    ),
    Claim(
        "C9-asymmetric",
        "flip-or-prune",
        "Flipping gains more over pruning from asymmetric weights than from symmetric ones.",
        both(where(method="free-flipping"), _as_is, differs("positive_fraction")),
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
    Claim(
        "C10",
        "effective-size",
        "Over-parameterisation buys accuracy: a wider network's connections reach more than those "
        "of width 1.",
        both(where(method=(*FREE, *MINIMAL)), _as_is, _wider),
        (Criterion("accuracy minus that at width 1", above=0.0, against={"width": 1.0}),),
        "widths",
        figure="widths",
        note="The connections left after dead units and paths are removed are not counted yet.",
    ),
)


def chosen(ids: Sequence[str]) -> tuple[Claim, ...]:
    """The claims with these ids, parts and further forms included: C1 for C1-own-recipes too.

    Args:
        ids: none for all.

    Raises:
        UserError: there is no such claim.
    """
    for wanted in ids:
        if not any(_is(claim, wanted) for claim in CLAIMS):
            raise unknown("claim", wanted, [claim.id for claim in CLAIMS])
    return tuple(claim for claim in CLAIMS if not ids or any(_is(claim, one) for one in ids))


def _is(claim: Claim, wanted: str) -> bool:
    """Whether an id names a claim, or what it is a form or a part of: C4 stands for C4a and C4b."""
    return re.match(rf"{re.escape(wanted)}([a-z]?(-|$)|$)", claim.id, re.IGNORECASE) is not None
