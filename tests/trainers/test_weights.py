import math

import numpy as np
import pytest
import torch
from scipy import stats

from trainers import parts, randomness
from trainers.methods import assemble
from trainers.networks import LayerShape, build
from trainers.weights import draw

WIDE = LayerShape("fc1", (300, 784), 784, 300)
STD = math.sqrt(2 / 784)


def test_streams_are_numpys_raw_philox_bits():
    # Literal words: these must be the same on every machine and for every version of numpy.
    assert randomness.bits(1, "sign", 0, 3).tolist() == [
        5599841837815857887,
        15655913098571550255,
        2880178291573394738,
    ]
    assert randomness.bits(0, "score", 2, 1).tolist() == [4331822882605483858]


@pytest.mark.parametrize("other", [(2, "sign", 0), (1, "score", 0), (1, "sign", 1)])
def test_streams_do_not_touch_each_other(other):
    one, two = randomness.uniform(1, "sign", 0, 2000), randomness.uniform(*other, 2000)
    assert not np.intersect1d(one, two).size
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.1


def test_the_first_numbers_do_not_depend_on_how_many_are_drawn():
    long = randomness.uniform(3, "magnitude", 1, 1001)
    for n in (1, 2, 15, 16, 17, 1000):
        assert np.array_equal(randomness.uniform(3, "magnitude", 1, n), long[:n])


def test_uniform_numbers_are_uniform_and_never_0_or_1():
    drawn = randomness.uniform(1, "magnitude", 0, 100_000)
    assert stats.kstest(drawn, "uniform").pvalue > 0.01
    # The extreme words: (0 + 1/2) / 2^53 and (2^53 - 1 + 1/2) / 2^53 lie inside.
    assert 0 < 0.5 * 2.0**-53
    assert drawn.min() > 0
    assert drawn.max() < 1


def test_a_permutation_holds_each_index_once():
    order = randomness.permutation(1, "order", 1, 1000)
    assert sorted(order.tolist()) == list(range(1000))
    assert not np.array_equal(order, randomness.permutation(1, "order", 2, 1000))


@pytest.mark.parametrize("weights", ["he-normal", "he-constant"])
def test_the_mean_square_is_two_over_fan_in(weights, trial):
    drawn = draw(trial(weights=weights), 0, WIDE)
    assert drawn.shape == (300, 784)
    assert drawn.dtype == torch.float32
    assert drawn.double().square().mean().item() == pytest.approx(2 / 784, rel=0.01)
    assert drawn.double().mean().item() == pytest.approx(0, abs=5 * STD / math.sqrt(drawn.numel()))


def test_he_constant_has_one_magnitude(trial):
    drawn = draw(trial(weights="he-constant"), 0, WIDE)
    assert drawn.abs().unique().tolist() == [pytest.approx(STD)]


def test_he_normal_is_a_normal_cut_off_at_two_sigma(trial):
    sigma = STD / 0.87962566103423978
    drawn = draw(trial(weights="he-normal"), 0, WIDE).double().flatten().numpy()
    assert np.abs(drawn).max() < 2 * sigma
    assert stats.kstest(drawn / sigma, stats.truncnorm(-2, 2).cdf).pvalue > 0.01
    # and by hand: the median magnitude z solves Phi(z) = 1/2 + 0.4772 / 2, z = 0.6424 (sic: 0.7386)
    middle = parts.load("weights", "he-normal")[0].magnitude(torch.tensor([0.5]).double(), 2, 1)
    assert middle.item() == pytest.approx(
        stats.norm.ppf(0.5 + 0.47724987 / 2) / 0.8796256, rel=1e-6
    )


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_the_fraction_of_positive_weights(fraction, trial):
    drawn = draw(trial(positive_fraction=fraction), 0, WIDE)
    tolerance = 5 * math.sqrt(fraction * (1 - fraction) / drawn.numel())
    assert (drawn > 0).double().mean().item() == pytest.approx(fraction, abs=tolerance)
    assert not (drawn == 0).any()


def test_families_and_fractions_share_their_signs(trial):
    normal = draw(trial(weights="he-normal"), 0, WIDE)
    constant = draw(trial(weights="he-constant"), 0, WIDE)
    assert torch.equal(normal.sign(), constant.sign())
    mostly = draw(trial(weights="he-normal", positive_fraction=0.9), 0, WIDE)
    assert torch.equal(mostly.abs(), normal.abs())
    assert (mostly >= normal).all()  # a larger fraction turns signs to plus only


def test_scores_start_in_their_range_and_do_not_depend_on_the_weights(trial, digits):
    scores = []
    for weights in ("he-normal", "he-constant"):
        given = trial(weights=weights, score_low=-0.5, score_high=0.25)
        network = build(given, digits.shape, digits.classes)
        pack = assemble([given], network, torch.device("cpu"))
        parts.load("method", "free-pruning")[0].METHOD.begin(pack, 0)
        scores.append(torch.cat([layer.trained.flatten() for layer in pack.layers]).detach())
    assert torch.equal(*scores)
    assert -0.5 <= scores[0].min() < -0.49
    assert 0.24 < scores[0].max() <= 0.25
