"""The trials that claims judge: finished or planned, with the values that claims compare."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import METHOD_ONLY
from analysis.estimates.pairing import at_default, keys, pair
from analysis.tables import Results, computed_once
from studies.traits import TRAITS
from studies.trial import SETTABLE, Value

#: Number of classes of the project's data sets, for older results that do not record it.
_CLASSES = {"cifar100": 100}
_TEN = ("digits", "mnist", "fashion-mnist", "kmnist", "cifar10", "svhn")
#: Trained weights as in the paper: he-normal, half of them positive.
TRAINED: dict[str, Value] = {"method": "dense", "weights": "he-normal", "positive_fraction": 0.5}
#: An accuracy of this many binomial standard deviations above chance is still at chance. A network
#: that always answers the commonest class of MNIST's test images (11.35%) is at 4.5.
_DEVIATIONS = 5.0
#: The columns of a finished trial that verdicts need.
_OF_TRIAL = (
    "study",
    "trial_id",
    "attempt",
    "outcome",
    "engine",
    "device",
    "versions",
    "threads",
    "tf32",
    "pack_size",
    "host",
    "dataset_fingerprint",
    "test_images",
    "test_correct",
    "seconds",
    "classes",
    "test_accuracy",
    "validation_accuracy",
    "changed",
)


@computed_once  # most claims need them
def judged(results: Results) -> pd.DataFrame:
    """Return the trials of `all_judged` that are planned whatever the tuning seeds choose.

    Of a tuned arm, each seed has only the configuration that was chosen for it. Which of them two
    arms have in common is a matter of chance, so they are compared by `tuned` alone.
    """
    rows = all_judged(results)
    by_choice = rows["by_choice"].to_numpy(bool)
    return rows[~by_choice].reset_index(drop=True) if by_choice.any() else rows


@computed_once
def all_judged(results: Results) -> pd.DataFrame:
    """Return the trials on confirmatory seeds, finished or planned, with the values of claims.

    Returns:
        A row per trial: its fields, the traits of its method, `defined`, `committed` and
        `by_choice` as in `Results.plan` (0 for a trial that no definition has), the columns of
        `trials` that verdicts need, nan if it is not finished, and
        `accuracy` (test accuracy after the last epoch; chance if a trial has none),
        `above_chance` (that minus chance; nan if the number of classes is not known),
        `failure` (``diverged``, ``dead``, ``at chance`` or empty).
    """
    rows = joined(results.plan, results.trials)
    chance, finished = chance_of(rows), rows["attempt"].notna()
    accuracy = rows["test_accuracy"].where(rows["test_accuracy"].notna() | ~finished, chance)
    failure = rows["outcome"].where(rows["outcome"].isin(["diverged", "dead"]), "")
    at_chance = finished & (accuracy <= noise_of_chance(rows))
    failure = failure.mask(at_chance & (failure == ""), "at chance")
    rows = rows.assign(accuracy=accuracy, above_chance=accuracy - chance, failure=failure)
    return rows.copy()  # in one piece per kind, so that claims take rows quickly


def joined(plan: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Return planned trials with their results, then the finished trials that no plan has."""
    own, theirs = keys(plan, trials, on=SETTABLE)
    row_of = pd.Series(np.arange(len(theirs)), theirs)
    figures = trials[list(_OF_TRIAL)].reset_index(drop=True)
    planned = figures.reindex(row_of.reindex(own, fill_value=-1).to_numpy()).set_axis(plan.index)
    unplanned = trials.loc[~np.isin(theirs, own), [*SETTABLE, *TRAITS, *_OF_TRIAL]]
    unplanned = unplanned.assign(defined=0, committed=0, by_choice=False)
    together = [pd.concat([plan, planned], axis=1), unplanned]
    rows = pd.concat([frame for frame in together if len(frame)] or together, ignore_index=True)
    # Plain objects are compared, numbered and taken many times faster than Arrow's texts.
    texts = rows.columns[[isinstance(kind, pd.StringDtype) for kind in rows.dtypes]]
    return rows.astype(dict.fromkeys(texts, object))


def chance_of(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return the accuracy of guessing, 1 / classes; nan if the number of classes is not known."""
    by_name = rows["dataset"].map(_CLASSES | dict.fromkeys(_TEN, 10)).astype(float)
    classes = rows["classes"].astype(float)
    return 1 / classes.where(classes.notna(), by_name)


def noise_of_chance(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return the accuracy up to which a trial is at chance, given its number of test images."""
    chance = chance_of(rows)
    deviation = np.sqrt(chance * (1 - chance) / rows["test_images"].astype(float))
    return chance + _DEVIATIONS * deviation


def correctness(rows: pd.DataFrame, suffix: str = "") -> NDArray[np.bool_] | None:
    """Return which test images each trial has right, bool [S, N].

    None if trials differ in N, or if the answers of one are not to be compared.
    """
    images, answers = set(rows[f"test_images{suffix}"]), list(rows[f"test_correct{suffix}"])
    if len(images) != 1 or not all(isinstance(bits, bytes) for bits in answers):
        return None
    count = int(images.pop())
    if any(len(bits) != -(-count // 8) for bits in answers):
        return None
    packed = [np.frombuffer(bits, np.uint8) for bits in answers]
    return np.unpackbits(np.stack(packed), axis=1, count=count).astype(bool)


def against_trained(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `judged` with the difference of their accuracy to trained weights, he-normal.

    Rows without a partner are left out.
    """
    ignored = {*TRAINED, *METHOD_ONLY}
    fits = at_default(rows, METHOD_ONLY)
    for name, value in TRAINED.items():
        fits &= rows[name] == value
    on = [name for name in SETTABLE if name not in ignored]
    return pair(rows, rows[fits], on, "accuracy")


def gain_of_flipping(results: Results) -> pd.DataFrame:
    """Return the free-flipping trials of `judged` with `gain`, their accuracy over free-pruning.

    `accuracy` is the lower one of the two. A trial whose pruning partner has failed has the failure
    of that partner, also as `rival_failure`: it is pruning whose failure makes the gain large.
    """
    trials = judged(results)
    arms = trials[trials["method"] == "free-flipping"]
    on = [name for name in SETTABLE if name != "method"]
    partners = trials[trials["method"] == "free-pruning"]
    pairs = pair(arms, partners, on, "accuracy", keep=("failure", "committed"))
    gains = pairs.assign(
        accuracy=pairs[["accuracy", "accuracy_of_partner"]].min(axis=1),
        gain=pairs["difference"],
        failure=pairs["failure"].where(
            pairs["failure_of_partner"] == "", pairs["failure_of_partner"]
        ),
        rival_failure=pairs["failure_of_partner"],
        committed=pairs["committed"] & pairs["committed_of_partner"],
    )
    return gains[[*trials.columns, "gain", "rival_failure"]]
