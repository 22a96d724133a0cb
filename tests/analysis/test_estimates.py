"""Small cases by hand, then properties of all."""

import math

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis.cells import METHOD_ONLY, TASK
from analysis.estimates.defaults import sweep
from analysis.estimates.extended import follows, gaining
from analysis.estimates.intervals import grouped, interval
from analysis.estimates.judged import (
    _differs,
    all_judged,
    chance_of,
    gain_of_flipping,
    noise_of_chance,
    not_judged_as_one,
    unlike,
)
from analysis.estimates.pairing import differences, pair
from analysis.estimates.rivals import left_alone
from analysis.estimates.sizes import _beside, judged_with_sizes
from analysis.estimates.tuned import _largest_search, _tuning_seeds, tuned
from analysis.statistics.paired import t_interval
from studies.study import from_mapping
from studies.trial import SETTABLE, Trial

#: The t distribution's 97.5% point, from a printed table: 1, 2 and 3 degrees of freedom.
T = {1: 12.706, 2: 4.303, 3: 3.182}


def test_interval_of_three_numbers_by_hand():
    # mean 2, s = 1, half = 4.303 * 1 / sqrt(3)
    estimate = interval([1, 2, 3])
    assert estimate.mean == 2
    assert estimate.n == 3
    assert estimate.low == pytest.approx(2 - T[2] / math.sqrt(3), abs=1e-3)
    assert estimate.high == pytest.approx(2 + T[2] / math.sqrt(3), abs=1e-3)


def test_interval_of_two_numbers_by_hand():
    # mean 0.5, s = sqrt(0.5), half = 12.706 * sqrt(0.5) / sqrt(2) = 6.353
    estimate = interval([0, 1])
    assert (estimate.low, estimate.high) == pytest.approx((0.5 - 6.353, 0.5 + 6.353), abs=1e-3)


def test_one_number_has_no_interval():
    estimate = interval([0.5])
    assert (estimate.mean, estimate.n) == (0.5, 1)
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)


def test_no_number_has_no_mean():
    for values in ([], [math.nan]):
        estimate = interval(values)
        assert estimate.n == 0
        assert math.isnan(estimate.mean)


@pytest.mark.parametrize("values", [[0.25] * 3, [0.1 + 0.2, 0.3, 0.3]])
def test_equal_numbers_have_no_interval(values):
    estimate = interval(values)
    assert (estimate.mean, estimate.n) == (pytest.approx(values[0]), 3)
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)


@given(st.lists(st.integers(0, 360), min_size=1, max_size=12))
def test_there_is_one_t_interval(images):
    values = np.array(images) / 360
    expected = t_interval(values, 0.95)
    row = grouped(pd.DataFrame({"a": 0, "x": values}), ["a"], "x").iloc[0]
    one = interval(values)
    for bounds in ((one.mean, one.low, one.high), (row["mean"], row["low"], row["high"])):
        assert bounds == pytest.approx((expected.mean, expected.low, expected.high), nan_ok=True)


def test_nan_is_left_out_and_not_counted():
    assert interval([1, math.nan, 2, 3]) == interval([1, 2, 3])


def test_interval_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(3, 2, (4000, 4))
    rows = pd.DataFrame({"sample": np.repeat(np.arange(4000), 4), "value": draws.ravel()})
    table = grouped(rows, ["sample"], "value")
    covered = ((table["low"] < 3) & (table["high"] > 3)).mean()
    assert covered == pytest.approx(0.95, abs=0.011)  # three standard errors


def test_grouped_keeps_the_groups_apart_and_in_order():
    rows = pd.DataFrame({"method": ["b", "a", "b"], "value": [1.0, 5.0, 3.0]})
    table = grouped(rows, ["method"], "value")
    assert table["method"].tolist() == ["b", "a"]
    assert table["mean"].tolist() == [2.0, 5.0]
    assert table["n"].tolist() == [2, 1]
    assert table["low"].isna().tolist() == [False, True]


@pytest.mark.parametrize("size", [1e-120, 1e-9, 1.0, 1e12])
def test_estimates_of_a_relation_do_not_depend_on_the_order_of_its_rows(size):
    # Threads read parts in any order, and the last bits of a sum depend on it.
    values = size * np.random.default_rng(1).uniform(0.5, 0.95, (20, 6))
    rows = pd.DataFrame({"epoch": np.repeat(np.arange(20), 6), "x": values.ravel()})
    with duckdb.connect() as connection:
        orders = [rows, *(rows.sample(frac=1, random_state=n) for n in range(20))]
        tables = [grouped(connection.from_df(order), ["epoch"], "x") for order in orders]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], check_exact=True)
    expected = grouped(rows, ["epoch"], "x")
    for name in ("mean", "low", "high"):
        assert tables[0][name].tolist() == pytest.approx(
            expected[name].tolist(),
            abs=1e-11 * size,
            nan_ok=True,  # too small for an interval
        )


def test_a_relation_whose_values_are_zero_or_infinite_has_their_mean():
    rows = pd.DataFrame({"epoch": [0, 0, 1, 1, 2], "x": [0.0, 0.0, math.inf, 1.0, math.nan]})
    with duckdb.connect() as connection:
        table = grouped(connection.from_df(rows), ["epoch"], "x")
    assert table["mean"].tolist() == pytest.approx([0.0, math.inf, math.nan], nan_ok=True)


def test_a_pair_by_hand():
    rows = pd.DataFrame({"seed": [1, 2, 3], "kind": "arm", "x": [5.0, 7.0, 9.0]}, index=[7, 8, 9])
    reference = pd.DataFrame({"seed": [3, 1], "x": [2.0, 4.0], "trial": ["c", "a"]})
    pairs = pair(rows, reference, ["seed"], "x", share=0.5, keep=["trial"])
    assert pairs[["seed", "trial_of_partner"]].to_numpy().tolist() == [[1, "a"], [3, "c"]]
    assert pairs["difference"].tolist() == [5.0 - 2.0, 9.0 - 1.0]
    assert pairs["x_of_partner"].tolist() == [4.0, 2.0]
    assert pairs.index.tolist() == [7, 9]


def test_a_row_without_a_partner_or_with_several_has_none():
    rows = pd.DataFrame({"seed": [1, 2, 3], "x": [5.0, 7.0, 9.0]})
    reference = pd.DataFrame({"seed": [1, 2, 2], "x": [2.0, 4.0, 6.0]})
    assert pair(rows, reference, ["seed"], "x")["seed"].tolist() == [1]
    everyone = pair(rows, reference, ["seed"], "x", unpaired=True)
    assert everyone["difference"].isna().tolist() == [False, True, True]
    assert pair(rows, reference.iloc[:0], ["seed"], "x").empty


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", None]), st.integers(0, 9)),
        max_size=12,
    ),
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", None]), st.integers(0, 9)),
        max_size=6,
        unique_by=lambda row: row[:2],
    ),
)
def test_pairs_are_those_of_plain_loops(rows, others):
    names = ["seed", "kind", "x"]
    frames = [pd.DataFrame(table, columns=names) for table in (rows, others)]
    found = pair(*frames, ["seed", "kind"], "x")
    expected = [x - y for s, k, x in rows for t, other, y in others if (s, k) == (t, other)]
    assert found["difference"].tolist() == expected


def test_chance_without_recorded_classes_is_that_of_the_data_set():
    rows = pd.DataFrame({"dataset": ["digits", "cifar100", "own", "own"]})
    rows["classes"] = [math.nan, math.nan, 4, math.nan]
    assert chance_of(rows).tolist()[:3] == [0.1, 0.01, 0.25]
    assert math.isnan(chance_of(rows)[3])


def test_every_field_is_either_shared_with_dense_or_not_read_by_it():
    # A new field of Trial has to be put on one side or the other.
    assert {*TASK, *METHOD_ONLY, "method"} == set(SETTABLE)


def _trials(*rows: tuple[str, int, float], **more: object) -> pd.DataFrame:
    common = {"network": "lenet-300-100", "dataset": "digits", "weights": "he-normal", "epochs": 3}
    made = []
    for method, seed, accuracy in rows:
        trial = Trial.from_mapping(common | {"method": method, "seed": seed} | more)
        made.append(trial.values() | {"test_accuracy": accuracy})
    return pd.DataFrame(made)


def test_paired_difference_by_hand():
    trials = _trials(
        ("dense", 1, 0.90),
        ("dense", 2, 0.80),
        ("free-pruning", 2, 0.83),
        ("free-pruning", 1, 0.91),
    )
    pairs = differences(trials)
    assert dict(zip(pairs["seed"], pairs["difference"].round(12), strict=True)) == {
        1: 0.01,
        2: 0.03,
    }
    # mean 2 points, s = 0.01414, half = 12.706 * 0.01414 / sqrt(2) = 0.12706
    estimate = interval(pairs["difference"])
    assert (estimate.low, estimate.high) == pytest.approx(
        (0.02 - 0.12706, 0.02 + 0.12706), abs=1e-5
    )


def test_a_seed_without_dense_has_no_pair():
    trials = _trials(("dense", 1, 0.9), ("free-pruning", 1, 0.8), ("free-pruning", 2, 0.1))
    assert differences(trials)["seed"].tolist() == [1]


def test_no_dense_no_pairs():
    assert differences(_trials(("free-pruning", 1, 0.8))).empty


def test_pairs_share_weights_and_learning_rate():
    trials = pd.concat(
        [
            _trials(("dense", 1, 0.9)),
            _trials(("free-pruning", 1, 0.8), weights="he-constant"),
            _trials(("free-pruning", 1, 0.7), learning_rate=0.01),
        ]
    )
    assert differences(trials).empty


def test_a_penalty_that_dense_does_not_read_keeps_the_pair():
    trials = pd.concat(
        [_trials(("dense", 1, 0.9)), _trials(("minimal-pruning", 1, 0.8), penalty=0.5)]
    )
    assert differences(trials)["difference"].round(12).tolist() == [-0.1]


def test_a_diverged_dense_without_accuracy_gives_a_pair_without_difference():
    trials = _trials(("dense", 1, math.nan), ("free-pruning", 1, 0.8))
    assert differences(trials)["difference"].isna().tolist() == [True]


RATES = {1e-3: 0, 2e-3: 1, 4e-3: 2}


def _tuning(slope):
    """Trials at three rates on three seeds, each step of which gains or loses so much."""
    about = {"network": "lenet-5", "dataset": "digits", "weights": "he-normal", "epochs": 1}
    rows = []
    for rate, step in RATES.items():
        for seed in (1, 2, 3):
            trial = Trial(**about, method="dense", seed=seed, learning_rate=rate)
            accuracy = 0.5 + slope * step + 1e-3 * (seed * (step + 1) % 3)
            rows.append(trial.values() | {"attempt": "a", "validation_accuracy": accuracy})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("slope", "lower", "upper"),
    [
        (-0.1, {1e-3, 2e-3}, set()),  # of the grids that begin there the first value is the best
        (0.1, set(), {2e-3, 4e-3}),  # of the grids that end there the last one is
    ],
)
def test_where_a_grid_that_ended_there_would_gain(slope, lower, upper):
    assert gaining(_tuning(slope), ["learning_rate"]) == {"learning_rate": (lower, upper)}


def test_a_grid_grows_by_the_next_value_beyond_an_end_that_gains():
    first = [(1.0,), (2.0,)]

    def grows(*further, lower=(), upper=()):
        where = {"learning_rate": (frozenset(lower), frozenset(upper))}
        longer = [*first, *((value,) for value in further)]
        return follows(longer, first, ["learning_rate"], where)

    assert grows(0.5, lower=[1.0])
    assert grows(0.5, 0.25, lower=[1.0, 0.5])
    assert not grows(0.5, 0.25, lower=[1.0])  # only the next one is due
    assert not grows(0.5, upper=[2.0])
    assert grows(4.0, upper=[2.0])
    assert grows(4.0, 8.0, upper=[2.0, 4.0])
    assert not grows(4.0, 8.0, upper=[2.0])
    assert not grows(1.5, lower=[1.0], upper=[2.0])  # lies within


def test_the_densities_beside_a_size_by_hand():
    arm = pd.DataFrame(
        {
            "log_live": [1.0, 2.0, 3.0],
            "accuracy": [0.8, 0.9, 0.85],
            "mean": [0.8, 0.9, 0.85],
            "failure": ["", "", "dead"],
            "committed": [0b111, 0b011, 0b110],
            "attempt": ["a", "b", "c"],
            "not_judged": "",
            "dataset_fingerprint": "0123456789ab",
            "test_images": 1000,
            "classes": 10,
        }
    )
    assert _beside(arm, 1.5) == pytest.approx((0.9, 0.1, "", 0b010, ""))
    assert _beside(arm, 2.5) == pytest.approx((0.9, 0.05, "dead", 0b010, ""))
    # The smallest and the largest recorded size are known sizes, what is beyond them is not.
    assert _beside(arm, 1.0)[0] == 0.8
    assert _beside(arm, 3.0)[0] == 0.9
    for beyond in (0.999, 3.001, math.nan):
        assert math.isnan(_beside(arm, beyond)[0])
    # Trials of other images are not compared, wherever the size lies; what is planned has none.
    others = arm.assign(test_images=[1000, 1000, 500])
    assert _beside(others, 1.5)[4] == "not all trials were evaluated on the same test images"
    assert _beside(others.assign(attempt=["a", "b", None]), 1.5)[4] == ""
    assert _beside(others.assign(not_judged=["", "broken", ""]), 1.5)[4] == "broken"


def test_each_fresh_seed_has_its_own_part_of_the_tuning_seeds():
    axes = {"network": "lenet-5", "dataset": "digits", "weights": "he-normal", "epochs": 1}
    about = {"name": "own", "seeds": 2, "axes": axes | {"method": "dense"}}

    def parts(tuning):
        return _tuning_seeds(from_mapping(about | {"tuning_seeds": tuning}, "own"))

    assert parts([11, 12, 13, 14, 15]) == {1: (11, 12), 2: (13, 14)}
    assert parts([11]) == {1: (11,), 2: (11,)}  # too few: common to all
    assert parts("seed + 10") == {1: (11,), 2: (12,)}
    assert _tuning_seeds(from_mapping(about, "own")) == {}


def test_a_budget_counts_every_training_on_a_tuning_seed(study, record):
    grids = [{"method": "edge-popup", "density": [0.3, 0.5, 0.7]}]
    tuning = [101, 102, 103, 104, 105, 106]
    asked = study(seeds=3, dataset="cifar10", method="dense", grids=grids, tuning_seeds=tuning)
    rows = tuned(analysis.load(record(asked)), ("density",))
    assert rows["configurations"].tolist() == [3] * 3
    assert rows["budget"].tolist() == [3 * 2] * 3  # of each configuration two
    assert rows["spent"].tolist() == [3 * 2 + 1] * 3


def test_which_of_several_searches_of_an_arm_counts():
    """A finished one before a planned one, a nested one before a larger one, then the better."""
    about = {"network": "lenet-5", "dataset": "digits", "weights": "he-normal", "epochs": 1}
    trial = Trial(**about, method="dense", seed=1)

    def counted(*searches):
        """The number of the search that counts, of (done, nested, configurations, score)."""
        rows = [
            trial.values()
            | {
                "attempt": str(number) if done else None,
                "nested": nested,
                "configurations": configurations,
                "score": score,
                "budget": configurations,
                "spent": configurations + 1.0,
                "spent_seconds": 1.0,
                "seconds": 1.0,
                "option_cost": 1.0,
                "caution": None,
                "number": number,
            }
            for number, (done, nested, configurations, score) in enumerate(searches)
        ]
        (row,) = _largest_search(pd.DataFrame(rows)).to_dict("records")
        return row["number"], row["configurations"]

    assert counted((False, True, 8, 0.9), (True, False, 2, 0.8)) == (1, 2)
    assert counted((True, False, 8, 0.9), (True, True, 2, 0.8)) == (1, 2)
    assert counted((True, True, 2, 0.9), (True, True, 4, 0.8)) == (1, 4)
    # Of equal size they are parts of one search.
    assert counted((True, True, 2, 0.8), (True, True, 2, 0.9)) == (1, 4)
    assert counted((True, True, 2, 0.8), (True, True, 2, 0.8)) == (0, 2)


def test_the_shortest_training_is_that_of_its_own_cell(study, record):
    # The share that is connected is a tenth of the epochs less than all.
    grids = [
        {"method": "free-pruning", "epochs": [2, 4]},
        {"method": "free-pruning", "epochs": [3, 6], "width": 2.0},
    ]

    def figures(trial):
        counts = tuple((10 - trial.epochs) * n // 10 for n in (19_200, 30_000, 1_000))
        layers = {"connected": counts, "live": counts, "live_changed": (0, 0, 0)}
        return {"test_accuracy": 0.9, "changed": 0.1, "layers": layers}

    asked = study(seeds=1, dataset="cifar10", method="dense", grids=grids)
    rows = judged_with_sizes(analysis.load(record(asked, figures))).set_index("epochs")
    assert rows["longer"].to_dict() == {2: False, 4: True, 3: False, 6: True}
    left = rows["left_by_length"].to_dict()
    assert left[4] == pytest.approx(-0.2)
    assert left[6] == pytest.approx(-0.3)
    assert math.isnan(left[2])
    assert math.isnan(left[3])


def test_a_regret_is_committed_to_with_the_search_behind_it(study, record):
    # The density of 0.5 was planned at first, the others when its accuracy was known.
    def figures(trial):
        return {"test_accuracy": 0.9 + 0.01 * trial.density, "changed": 0.1}

    given = {"dataset": "cifar10", "method": "dense"}
    free = {"method": "free-pruning"}
    record(study(grids=[free, {"method": "edge-popup", "density": 0.5}], **given), figures)
    grids = [free, {"method": "edge-popup", "density": [0.3, 0.5]}]
    more = study(grids=grids, tuning_seeds=[101, 102, 103], **given)
    only = lambda t: t.seed > 100 or t.density == 0.3  # noqa: E731
    rows = left_alone(analysis.load(record(more, figures, only)))
    committed = rows.groupby("method")["committed"].unique()
    assert committed["edge-popup"].tolist() == [0]
    assert committed["free-pruning"].tolist() == [0b1]


def test_the_right_answers_are_those_of_the_accuracy():
    seven = np.packbits([True] * 7 + [False] * 3).tobytes()
    assert not _differs(0.7, 10, seven)
    assert _differs(0.6, 10, seven)  # by a single image
    assert _differs(0.8, 10, seven)
    assert not _differs(0.74, 10, seven)  # rounded
    assert not _differs(0.7, 10, bytes([seven[0], seven[1] | 0b111111]))  # bits of no image
    # What is not known, or has another number of images, contradicts nothing.
    assert not _differs(math.nan, 10, seven)
    assert not _differs(0.2, 10, None)
    assert not _differs(0.2, 100, seven)


IMAGES = "not all trials were evaluated on the same test images"
CLASSES = "not all trials have the same number of classes"


def test_trials_are_alike_by_hand():
    same = {"dataset_fingerprint": "a", "test_images": 10, "classes": 5.0}

    def of(**columns):
        return unlike(pd.DataFrame([same, same]).assign(**columns))

    assert of() == ""
    assert of(test_images=[10, 11]) == IMAGES
    assert of(dataset_fingerprint=["a", None]) == IMAGES  # what has none was not evaluated on it
    assert of(classes=[5.0, 6.0]) == CLASSES
    assert of(classes=[5.0, math.nan]) == ""  # older results do not record it
    assert of(classes_of_partner=[5.0, 6.0]) == CLASSES
    assert of(test_images_of_partner=[10, 11]) == IMAGES


def test_a_pair_is_judged_as_one_by_hand():
    trial = {"attempt": "a", "not_judged": "", "dataset_fingerprint": "a", "test_images": 10.0}
    trial |= {"classes": 5.0}
    pair = trial | {f"{name}_of_partner": value for name, value in trial.items()}

    def of(**columns):
        (reason,) = not_judged_as_one(pd.DataFrame([pair]).assign(**columns))
        return reason

    assert of() == ""
    assert of(not_judged="own") == "own"
    assert of(not_judged_of_partner="theirs") == "theirs"
    assert of(not_judged="own", not_judged_of_partner="theirs") == "own"
    assert of(not_judged_of_partner=None) == ""  # it has no partner
    assert of(test_images=11.0) == IMAGES
    assert of(test_images=11.0, not_judged="own") == "own"
    assert of(classes_of_partner=6.0) == CLASSES
    assert of(classes_of_partner=math.nan) == ""
    # What is not finished has no images that could differ.
    assert of(test_images=11.0, attempt=None) == ""
    assert of(test_images=11.0, attempt_of_partner=None) == ""


def test_what_reaches_the_noise_of_chance_is_at_chance(study, record):
    # Ten classes and 1000 images: 0.1 + 5 * sqrt(0.1 * 0.9 / 1000).
    (bound,) = noise_of_chance(
        pd.DataFrame({"dataset": ["cifar10"], "classes": [10.0], "test_images": [1000]})
    )
    assert bound == pytest.approx(0.14743, abs=1e-5)
    levels = {1: bound, 2: math.nextafter(bound, 1), 3: 0.9}
    asked = study(dataset="cifar10", method="dense")
    figures = lambda t: {"test_accuracy": levels[t.seed], "changed": 0.0}  # noqa: E731
    rows = all_judged(analysis.load(record(asked, figures))).set_index("seed")
    assert rows["failure"].to_dict() == {1: "at chance", 2: "", 3: ""}


def test_the_gain_of_flipping_by_hand(study, record):
    # Of each seed the accuracy and the outcome of pruning and of flipping.
    trials = {
        1: ((0.8, "completed"), (0.9, "completed")),
        2: ((0.95, "completed"), (0.9, "completed")),
        3: ((0.5, "dead"), (0.9, "completed")),
        4: ((0.9, "completed"), (0.5, "dead")),
        5: ((0.4, "diverged"), (0.5, "dead")),
    }

    def figures(trial):
        accuracy, outcome = trials[trial.seed][trial.method == "free-flipping"]
        return {"test_accuracy": accuracy, "changed": 0.1, "outcome": outcome}

    grids = [{"method": ["free-pruning", "free-flipping"]}]
    asked = study(seeds=5, dataset="cifar10", method="dense", grids=grids)
    rows = gain_of_flipping(analysis.load(record(asked, figures))).set_index("seed")
    gains = {1: 0.1, 2: -0.05, 3: 0.4, 4: -0.4, 5: 0.1}
    assert rows["gain"].to_dict() == pytest.approx(gains)
    assert rows["accuracy"].to_dict() == {1: 0.8, 2: 0.9, 3: 0.5, 4: 0.5, 5: 0.4}
    assert rows["failure"].to_dict() == {1: "", 2: "", 3: "dead", 4: "dead", 5: "diverged"}
    assert rows["rival_failure"].to_dict() == {1: "", 2: "", 3: "dead", 4: "", 5: "diverged"}


def test_a_sweep_needs_accuracies_at_the_default_and_off_it():
    about = {"network": "lenet-5", "dataset": "digits", "weights": "he-normal", "epochs": 1}

    def swept(*trials):
        """The offsets in a sweep of free pruning at offsets with these accuracies."""
        rows = [
            Trial(**about, method="free-pruning", seed=1, score_offset=offset).values()
            | {"test_accuracy": accuracy}
            for offset, accuracy in trials
        ]
        return sweep(pd.DataFrame(rows), "score_offset")["score_offset"].tolist()

    assert swept((0.0, 0.9), (0.1, 0.8)) == [0.0, 0.1]
    assert swept((0.0, 0.9), (0.1, 0.8), (0.2, math.nan)) == [0.0, 0.1, 0.2]
    assert swept((0.0, math.nan), (0.1, 0.8)) == []
    assert swept((0.0, 0.9), (0.1, math.nan)) == []
    assert swept((0.1, 0.9), (0.2, 0.8)) == []
