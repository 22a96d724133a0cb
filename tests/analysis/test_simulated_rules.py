"""How often the rules of verdicts err, simulated with a seed where the truth is known.

Points of accuracy; 15 seeds, a margin of 0.2 and a deviation of 0.13 per trial, as on MNIST.
"""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.estimates.edges import gains
from analysis.estimates.tuning import expected_at_best
from analysis.statistics.paired import of_values, t_interval

pytestmark = pytest.mark.slow

RUNS, SEEDS, ALPHA, ERRORS = 2000, 15, 0.05, 3.5
MARGIN, DEVIATION = 0.2, 0.13


def _close(rate: float, expected: float, runs: int = RUNS) -> bool:
    return abs(rate - expected) <= ERRORS * math.sqrt(expected * (1 - expected) / runs)


def _tuned(rng: np.random.Generator, means: np.ndarray, *, nested: bool) -> np.ndarray:
    """Fresh accuracies [SEEDS] at the rate that validation on tuning seeds chooses.

    Args:
        rng: the generator.
        means: the true mean of each rate.
        nested: whether each seed chooses on a tuning seed of its own, or all on the first one.
    """
    validation = means + rng.normal(0, DEVIATION, (SEEDS, len(means)))
    chosen = validation.argmax(axis=1) if nested else np.repeat(validation[0].argmax(), SEEDS)
    return means[chosen] + rng.normal(0, DEVIATION, SEEDS)


def _truth(means: np.ndarray) -> float:
    """The expected fresh accuracy at the chosen rate."""
    draws = np.random.default_rng(1).normal(0, DEVIATION, (200_000, len(means)))
    return float(means[(means + draws).argmax(axis=1)].mean())


#: True means over four rates, relative to the best.
RATES = np.array([-0.3, -0.05, 0.0, -0.2])


@pytest.mark.parametrize(("nested", "covers"), [(True, 0.90), (False, 0.70)])
def test_a_nested_choice_is_covered_and_a_common_one_is_not(nested, covers):
    rng = np.random.default_rng(2)
    truth = _truth(RATES) - _truth(RATES - 0.1)
    found = []
    for _ in range(RUNS):
        sides = [_tuned(rng, means, nested=nested) for means in (RATES, RATES - 0.1)]
        interval = t_interval(sides[0] - sides[1], 0.90)
        found.append(interval.low <= truth <= interval.high)
    rate = float(np.mean(found))
    print(f"coverage of a {'nested' if nested else 'common'} choice: {rate:.3f}")
    assert _close(rate, covers)


def test_own_best_recipes_err_as_often_as_they_say():
    # Free training is truly worse than dense by the margin, each at what validation chooses.
    rng = np.random.default_rng(3)
    shift = _truth(RATES[::-1]) - _truth(RATES) - MARGIN
    errors = [
        of_values(
            _tuned(rng, RATES + shift, nested=True) - _tuned(rng, RATES[::-1], nested=True)
        ).greater(-MARGIN)
        <= ALPHA
        for _ in range(RUNS)
    ]
    rate = float(np.mean(errors))
    print(f"type-I error of C1 at each side's best recipe: {rate:.3f}")
    assert _close(rate, ALPHA)


def test_a_budget_that_is_cut_is_unbiased():
    # The best of two random rates of four, exactly over all pairs, against drawing the two.
    rng = np.random.default_rng(4)
    exact, drawn = [], []
    for _ in range(RUNS):
        scores, values = (RATES + rng.normal(0, DEVIATION, 4) for _ in range(2))
        exact.append(expected_at_best(scores, values)[1])
        two = rng.choice(4, 2, replace=False)
        drawn.append(values[two[scores[two].argmax()]])
    error = math.hypot(np.std(exact), np.std(drawn)) / math.sqrt(RUNS)
    assert abs(np.mean(exact) - np.mean(drawn)) < ERRORS * error


def _grid(rng: np.random.Generator, means: list[float]) -> pd.DataFrame:
    """Accuracies of a grid of rates over the tuning seeds."""
    values = np.array(means) + rng.normal(0, DEVIATION, (SEEDS, len(means)))
    rates, seeds = np.meshgrid(np.arange(len(means), dtype=float), np.arange(SEEDS))
    return pd.DataFrame({"rate": rates.ravel(), "seed": seeds.ravel(), "accuracy": values.ravel()})


@pytest.mark.parametrize(("step", "low", "high"), [(0.0, 0.035, 0.065), (0.2, 0.98, 1.0)])
def test_an_edge_that_gains_is_seen_and_a_flat_one_is_not(step, low, high):
    rng, runs = np.random.default_rng(5), 500
    seen = np.mean(
        [gains(_grid(rng, [-step, 0.0]), "rate", 1.0, 0.0, "accuracy") for _ in range(runs)]
    )
    print(f"an end whose step gains {step} points counts as an edge in {seen:.3f}")
    assert low - 0.02 <= seen <= high


def test_a_rival_whose_optimum_lies_beyond_its_grid_supports_no_claim():
    # At the end of its grid the rival is 0.1 points better, within the margin; a step further it
    # would be 0.3 better, beyond it.
    rng, runs = np.random.default_rng(6), 500
    without, within = [], []
    for _ in range(runs):
        arm = rng.normal(0, DEVIATION, SEEDS)
        rival = 0.1 + rng.normal(0, DEVIATION, SEEDS)
        supported = of_values(arm - rival).greater(-MARGIN) <= ALPHA
        edge = gains(_grid(rng, [-0.1, 0.1]), "rate", 1.0, 0.0, "accuracy")
        without.append(supported)
        within.append(supported and not edge)
    print(f"falsely supported: {np.mean(without):.3f} without the rule, {np.mean(within):.3f} with")
    assert np.mean(without) > 0.3
    assert np.mean(within) <= ALPHA


@pytest.mark.parametrize(("behind", "low", "high"), [(0.0, 0.0, 0.05), (0.4, 0.98, 1.0)])
def test_the_floor_stops_a_poor_rival_and_lets_an_honest_one_pass(behind, low, high):
    # The method's best recorded mean is the largest of twelve equally good cells, which favours it.
    rng = np.random.default_rng(7)
    error = DEVIATION / math.sqrt(SEEDS)
    best = rng.normal(0, error, (RUNS, 12)).max(axis=1)
    rival = rng.normal(-behind, error, RUNS)
    stopped = float((rival < best - MARGIN).mean())
    print(f"a rival {behind} points behind its method's best is stopped in {stopped:.3f}")
    assert low <= stopped <= high
