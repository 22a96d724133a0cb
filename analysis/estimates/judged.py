"""The trials that claims judge: finished or planned, with the values that claims compare."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import METHOD_ONLY
from analysis.estimates.pairing import OF_PARTNER, at_default, keys, pair
from analysis.tables import Results, computed_once
from studies.traits import TRAITS
from studies.trial import SETTABLE, Value

#: Number of classes of the project's data sets; older results do not record it.
_CLASSES = {"cifar100": 100}
_TEN = ("digits", "mnist", "fashion-mnist", "kmnist", "cifar10", "svhn")
#: Trained weights as in the paper: he-normal, half of them positive.
TRAINED: dict[str, Value] = {"method": "dense", "weights": "he-normal", "positive_fraction": 0.5}
#: An accuracy of this many binomial standard deviations above chance is still at chance. A network
#: that always answers the commonest class of MNIST's test images (11.35%) is at 4.5.
_DEVIATIONS = 5.0
#: The values that are fractions; not every table has all of them.
FRACTIONS = (
    *("accuracy", "test_accuracy", "validation_accuracy", "changed"),
    *("connected_share", "live_share", "live_changed_share"),
)
IMPOSSIBLE = "an accuracy or a fraction of connections is not between 0 and 1"
#: Trials are compared only if they agree in these columns, and why they are not if they differ.
SAME = {
    "dataset_fingerprint": "not all trials were evaluated on the same test images",
    "test_images": "not all trials were evaluated on the same test images",
    "classes": "not all trials have the same number of classes",
}
#: What `not_judged_as_one` needs of the partner.
OF_ONE = ("attempt", "not_judged", *SAME)
#: The columns of a finished trial that verdicts need.
_OF_TRIAL = (
    "study",
    "trial_id",
    "attempt",
    "outcome",
    "last_epoch",
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
        `failure` (``diverged``, ``dead``, ``at chance`` or empty),
        `not_judged`: in words, how the trial's values contradict each other; empty if they do not.
    """
    rows = joined(results.plan, results.trials)
    chance, finished = chance_of(rows), rows["attempt"].notna()
    accuracy = rows["test_accuracy"].where(rows["test_accuracy"].notna() | ~finished, chance)
    failure = rows["outcome"].where(rows["outcome"].isin(["diverged", "dead"]), "")
    at_chance = finished & (accuracy <= noise_of_chance(rows))
    failure = failure.mask(at_chance & (failure == ""), "at chance")
    rows = rows.assign(
        accuracy=accuracy,
        above_chance=accuracy - chance,
        failure=failure,
        not_judged=contradictions(rows),
    )
    return rows.copy()  # in one piece per kind, so that claims take rows quickly


def contradictions(rows: pd.DataFrame) -> NDArray[np.object_]:
    """Return in words how each trial's values contradict each other; empty if they do not.

    An accuracy under random masks is a mean over several masks, and the answers are those of one.
    """
    names = ("test_accuracy", "test_images", "test_correct", "random_mask")
    answered = [
        not random and _differs(accuracy, images, answers)
        for accuracy, images, answers, random in zip(
            *(rows[name].tolist() for name in names), strict=True
        )
    ]
    of_data_set, classes = _known_classes(rows), rows["classes"].astype(float)
    other_classes = of_data_set.notna() & classes.notna() & (of_data_set != classes)
    reasons = np.full(len(rows), "", object)
    reasons[other_classes.to_numpy()] = "the recorded number of classes is not that of the data set"
    reasons[answered] = "the recorded answers to each test image contradict the recorded accuracy"
    reasons[~fractions(rows)] = IMPOSSIBLE
    return reasons


def fractions(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Return the rows whose `FRACTIONS` are from 0 to 1, or not known."""
    sides = ("", OF_PARTNER)
    names = [f"{name}{side}" for name in FRACTIONS for side in sides]
    given = rows[[name for name in names if name in rows]].to_numpy(float)
    impossible: NDArray[np.bool_] = np.any((given < 0) | (given > 1), axis=1)
    return ~impossible


def _differs(accuracy: float, images: float, answers: object) -> bool:
    """Return whether an accuracy is not the fraction of right answers, as far as both are known."""
    if not isinstance(answers, bytes) or pd.isna(accuracy) or len(answers) != -(-images // 8):
        return False
    unused = int(8 * len(answers) - images)  # the last bits
    right = (int.from_bytes(answers, "big") >> unused).bit_count()
    return abs(right - accuracy * images) > 0.5


def unlike(rows: pd.DataFrame) -> str:
    """Return in words why rows, with their partners, are no samples of one mean; empty if they are.

    A number of classes that is not recorded is taken to be the same.
    """
    for column, reason in SAME.items():
        names = (f"{column}{suffix}" for suffix in ("", OF_PARTNER))
        values = [rows[name].to_numpy(object) for name in names if name in rows]
        known = pd.unique(np.concatenate(values)) if values else np.array([])
        if len(known[~pd.isna(known)] if column == "classes" else known) > 1:
            return reason
    return ""


def not_judged_as_one(pairs: pd.DataFrame) -> "pd.Series[str]":
    """Return why a value that is computed from both trials of a pair is not judged.

    Args:
        pairs: pairs with the columns `OF_ONE` of the partner.
    """
    own, theirs = pairs["not_judged"], pairs[f"not_judged{OF_PARTNER}"].fillna("")
    reasons = own.where(own != "", theirs)
    finished = pairs["attempt"].notna() & pairs[f"attempt{OF_PARTNER}"].notna()
    for column, reason in SAME.items():
        one, other = pairs[column], pairs[f"{column}{OF_PARTNER}"]
        differ = finished & one.notna() & other.notna() & (one != other)
        reasons = reasons.mask(differ & (reasons == ""), reason)
    return reasons


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
    classes = rows["classes"].astype(float)
    return 1 / classes.where(classes.notna(), _known_classes(rows))


def _known_classes(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return the number of classes of the project's data sets; nan for any other."""
    return rows["dataset"].map(_CLASSES | dict.fromkeys(_TEN, 10)).astype(float)


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
    pairs = pair(arms, partners, on, "accuracy", keep=("failure", "committed", *OF_ONE))
    gains = pairs.assign(
        accuracy=pairs[["accuracy", "accuracy_of_partner"]].min(axis=1),
        gain=pairs["difference"],
        failure=pairs["failure"].where(
            pairs["failure_of_partner"] == "", pairs["failure_of_partner"]
        ),
        rival_failure=pairs["failure_of_partner"],
        committed=pairs["committed"] & pairs["committed_of_partner"],
        not_judged=not_judged_as_one(pairs),
    )
    return gains[[*trials.columns, "gain", "rival_failure"]]
