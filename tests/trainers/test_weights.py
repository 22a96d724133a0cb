import math
import re

import numpy as np
import pytest
import torch
from scipy import stats

from studies.errors import UserError
from studies.schemas import science
from trainers import check, randomness, registry
from trainers.loop import train
from trainers.networks import LayerShape, build
from trainers.packs import assemble
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


HE = ["he-normal", "he-uniform", "he-constant", "exponential", "skewed-exponential"]
HE += ["pareto(alpha=9)", "lognormal(sigma=0.5)", "lognormal(sigma=0.2)"]


@pytest.mark.parametrize("weights", HE)
def test_the_mean_square_is_two_over_fan_in(weights, trial):
    drawn = draw(trial(weights=weights), 0, WIDE)
    assert drawn.shape == (300, 784)
    assert drawn.dtype == torch.float32
    squares = drawn.double().square()
    error = (squares.std() / math.sqrt(drawn.numel())).item()
    assert squares.mean().item() == pytest.approx(2 / 784, abs=5 * error, rel=1e-6)
    assert error < 0.02 * 2 / 784
    assert drawn.double().mean().item() == pytest.approx(0, abs=5 * STD / math.sqrt(drawn.numel()))


@pytest.mark.parametrize("weights", ["glorot-normal", "glorot-uniform"])
def test_glorots_mean_square_is_two_over_both_fans(weights, trial):
    drawn = draw(trial(weights=weights), 0, WIDE)
    assert drawn.double().square().mean().item() == pytest.approx(2 / (784 + 300), rel=0.01)


@pytest.mark.parametrize(
    ("weights", "law"),
    [
        ("he-uniform", stats.uniform(0, math.sqrt(6 / 784))),
        ("glorot-uniform", stats.uniform(0, math.sqrt(6 / 1084))),
        ("pareto", stats.pareto(3, scale=STD * math.sqrt(1 / 3))),
        ("exponential", stats.expon(scale=math.sqrt(1 / 784))),
        ("lognormal", stats.lognorm(1, scale=STD / math.e)),
        ("lognormal(sigma=0.5)", stats.lognorm(0.5, scale=STD / math.exp(0.25))),
    ],
)
def test_magnitudes_follow_their_law(weights, law, trial):
    drawn = draw(trial(weights=weights), 0, WIDE).abs().double().flatten().numpy()
    assert stats.kstest(drawn, law.cdf).pvalue > 0.01


def test_skewed_weights_are_a_shifted_exponential(trial):
    drawn = draw(trial(weights="skewed-exponential"), 0, WIDE).double().flatten().numpy()
    assert stats.kstest(drawn / STD + 1, stats.expon.cdf).pvalue > 0.01
    assert stats.skew(drawn) == pytest.approx(2, abs=0.1)
    assert (drawn > 0).mean() == pytest.approx(math.exp(-1), abs=0.005)


def test_a_larger_uniform_number_gives_a_larger_magnitude():
    numbers = torch.tensor([2**-54, 0.1, 0.5, 0.9, 1 - 2**-53], dtype=torch.float64)
    for part in registry.components("weights"):
        module, found = registry.load("weights", part.name)
        law = getattr(module, "signed", None) or module.magnitude
        drawn = law(numbers, 100, 50, **found.parameters)
        assert drawn.dtype == torch.float64
        assert (drawn.diff() >= 0).all(), part.name
        assert drawn.isfinite().all()


@pytest.mark.parametrize("shape", [WIDE, LayerShape("fc3", (10, 100), 100, 10)])
@pytest.mark.parametrize("parameters", ["sigma=2", "", "alpha=2.1"])
def test_normalised_weights_have_the_mean_square_themselves(parameters, shape, trial):
    family = "pareto" if "alpha" in parameters else "lognormal"
    plain = f"{family}({parameters})" if parameters else family
    name = f"{family}({','.join(sorted(filter(None, [parameters, 'normalised'])))})"
    drawn, other = (draw(check(trial(weights=w)), 0, shape).double() for w in (name, plain))
    assert drawn.square().mean().item() == pytest.approx(2 / shape.fan_in, rel=1e-6)
    ratio = drawn / other  # one factor, and the same signs
    assert ratio.max().item() == pytest.approx(ratio.min().item(), rel=1e-5)
    assert ratio.min() > 0


def test_binary_weights_are_one(trial):
    for weights in ("binary", "binary(scaled)"):
        assert draw(trial(weights=weights), 0, WIDE).abs().unique().tolist() == [1.0]


@pytest.mark.parametrize("method", ["free-pruning", "minimal-flipping"])
def test_scaled_binary_weights_are_he_constant_exactly(method, trial, digits):
    def figures(weights):
        given = trial(method, weights=weights, network="conv2", width=0.1, batch_size=100)
        (*_, last) = train([given], digits)
        return {k: v for k, v in last.epoch.items() if k in science("epochs")}, last.final

    assert figures("binary(scaled)") == figures("he-constant")
    assert figures("binary") != figures("he-constant")


@pytest.mark.parametrize("method", ["free-pruning", "dense"])
def test_a_pack_may_mix_scaled_and_unscaled_weights(method, trial, digits):
    about = {"batch_size": 400, "optimizer": "sgd", "learning_rate": 0.1}  # Adam sees no scale
    trials = [trial(method, weights=w, **about) for w in ("he-normal", "binary(scaled)")]
    packed = list(train(trials, digits))[-2:]
    for given, record in zip(trials, packed, strict=True):
        (*_, alone) = train([given], digits)
        assert alone.final == record.final


def test_signs_and_magnitudes_have_streams_of_their_own(trial):
    shape = LayerShape("fc1", (40, 30), 30, 40)
    drawn = draw(trial(weights="he-normal", positive_fraction=0.7, seed=3), 2, shape).flatten()
    sign, magnitude = (randomness.uniform(3, name, 2, 1200) for name in ("sign", "magnitude"))
    assert np.array_equal(drawn.numpy() > 0, sign < 0.7)
    assert np.array_equal(np.argsort(drawn.abs().numpy()), np.argsort(magnitude))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("lognormal(sigma=0)", "sigma '0' is not a number from 0.01 to 5.0"),
        ("lognormal(sigma=wide)", "sigma 'wide' is not a number from 0.01 to 5.0"),
        ("lognormal(sigma=0_1)", "sigma '0_1' is not a number from 0.01 to 5.0"),
        ("lognormal(sigma=\uff12)", "sigma '\uff12' is not a number from 0.01 to 5.0"),
        ("lognormal(mu=1)", "lognormal has only sigma, normalised, not 'mu'"),
        ("lognormal(sigma=1)", "sigma 1.0 is the default; write lognormal"),
        ("binary(scaled=1)", "scaled takes no value; write it alone"),
        ("he-normal(x=1)", "he-normal has no parameters, not 'x'"),
        ("he-norml", "unknown weights 'he-norml'; did you mean he-normal"),
    ],
)
def test_names_that_are_refused(weights, message, trial):
    with pytest.raises(UserError, match=re.escape(message)):
        check(trial(weights=weights))


def test_skewed_weights_bring_their_own_signs(trial):
    with pytest.raises(UserError, match=r"positive_fraction: 0.3 is given, but it makes no differ"):
        check(trial(weights="skewed-exponential", positive_fraction=0.3))


def test_he_constant_has_one_magnitude(trial):
    drawn = draw(trial(weights="he-constant"), 0, WIDE)
    assert drawn.abs().unique().tolist() == [pytest.approx(STD)]


def test_elu_constant_is_he_constant_times_the_root_of_three_halves(trial):
    drawn = draw(trial(weights="elu-constant"), 0, WIDE)
    assert drawn.abs().unique().tolist() == [pytest.approx(math.sqrt(3 / 784))]
    assert torch.equal(drawn.sign(), draw(trial(weights="he-constant"), 0, WIDE).sign())


def test_he_normal_is_a_normal_cut_off_at_two_sigma(trial):
    sigma = STD / 0.87962566103423978
    drawn = draw(trial(weights="he-normal"), 0, WIDE).double().flatten().numpy()
    assert np.abs(drawn).max() < 2 * sigma
    assert stats.kstest(drawn / sigma, stats.truncnorm(-2, 2).cdf).pvalue > 0.01
    # and by hand: the median magnitude z solves Phi(z) = 1/2 + 0.4772 / 2, z = 0.6424 (sic: 0.7386)
    middle = registry.load("weights", "he-normal")[0].magnitude(torch.tensor([0.5]).double(), 2, 1)
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
        registry.load("method", "free-pruning")[0].METHOD.begin(pack, 0, None)
        scores.append(torch.cat([layer.trained.flatten() for layer in pack.layers]).detach())
    assert torch.equal(*scores)
    assert -0.5 <= scores[0].min() < -0.49
    assert 0.24 < scores[0].max() <= 0.25


@pytest.mark.parametrize("offset", [0.1, 0.5, 0.9])
def test_the_offset_is_the_share_of_scores_at_or_below_zero(offset, trial, digits):
    given = trial(score_offset=offset)
    pack = assemble([given], build(given, digits.shape, 10), torch.device("cpu"))
    registry.load("method", "free-pruning")[0].METHOD.begin(pack, 0, None)
    scores = torch.cat([layer.trained.flatten() for layer in pack.layers])
    tolerance = 5 * math.sqrt(offset * (1 - offset) / len(scores))
    assert (scores <= 0).double().mean().item() == pytest.approx(offset, abs=tolerance)
    assert (scores.max() - scores.min()).item() == pytest.approx(0.09, rel=0.01)  # as wide as ever
