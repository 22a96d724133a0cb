"""Hand-computed cases: two inputs, two classes, one layer, one image.

    W = [[1, -1], [0.5, 0.5]], scores = [[0.05, -0.1], [0.05, 0.05]], x = (1, 2), label 0

Pruned, effective = [[1, 0], [0.5, 0.5]], logits (1, 1.5), p = (0.377541, 0.622459), loss
-ln 0.377541 = 0.974077. dL/deffective = (p - (1, 0)) x^T = 0.622459 [[-1, -2], [1, 2]].
Flipped, effective = [[1, 1], [0.5, 0.5]], logits (3, 1.5), p = (0.817574, 0.182426), loss
0.201413, dL/deffective = 0.182426 [[-1, -2], [1, 2]].
Dense, logits (-1, 1.5), p = (0.075858, 0.924142), loss 2.578889,
dL/deffective = 0.924142 [[-1, -2], [1, 2]].
"""

import pytest
import torch

from studies.trial import Trial
from trainers import registry
from trainers.engines.autograd import Autograd
from trainers.methods import Connections, Layer, MaskedWeights, Method, Pack
from trainers.networks import LayerShape, Network

WEIGHT = [[1.0, -1.0], [0.5, 0.5]]
SCORES = [[0.05, -0.1], [0.05, 0.05]]
RATE = 1e-3


def linear(weights, images, norms):
    return images.flatten(2).bmm(weights[0].mT)


def pack(method, scores=SCORES, **values):
    """A pack of one replica with the weights and scores above, and its method."""
    about = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "seed": 1}
    trial = Trial(**about, method=method, epochs=1, **values)
    layer = Layer("fc1", torch.tensor([WEIGHT]))
    network = Network((LayerShape("fc1", (2, 2), 2, 2),), linear)
    begun = Pack([trial], network, [layer])
    how = registry.load("method", method)[0].METHOD
    how.begin(begun, 0, None)
    if method != "dense":
        layer.trained.copy_(torch.tensor([scores]))
        how.rebuild(begun, layer)
    return begun, how


def step(begun, how):
    images, labels = torch.tensor([1.0, 2.0]).view(1, 1, 1, 1, 2), torch.tensor([[0]])
    return Autograd(begun, how, 1).step(images, labels)


def close(actual, expected):
    torch.testing.assert_close(actual.detach(), torch.tensor([expected]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "effective", "mask"),
    [
        ("free-pruning", [[1, 0], [0.5, 0.5]], [[1, 0], [1, 1]]),
        ("minimal-pruning", [[1, 0], [0.5, 0.5]], [[1, 0], [1, 1]]),
        ("free-flipping", [[1, 1], [0.5, 0.5]], [[1, -1], [1, 1]]),
        ("minimal-flipping", [[1, 1], [0.5, 0.5]], [[1, -1], [1, 1]]),
        ("dense", WEIGHT, [[1, 1], [1, 1]]),
    ],
)
def test_effective_weights_and_masks(method, effective, mask):
    begun, how = pack(method)
    close(begun.layers[0].effective, [[float(x) for x in row] for row in effective])
    close(how.mask(begun, begun.layers[0]), [[float(x) for x in row] for row in mask])


@pytest.mark.parametrize(("method", "off"), [("free-pruning", 0.0), ("free-flipping", -1.0)])
def test_a_score_of_exactly_zero_is_not_above_the_threshold(method, off):
    begun, how = pack(method, [[0.0, -0.0], [1e-30, -1e-30]])
    close(how.mask(begun, begun.layers[0]), [[off, off], [1.0, off]])
    close(begun.layers[0].effective, [[off, -off], [0.5, off * 0.5]])


@pytest.mark.parametrize(
    ("method", "loss", "gradient"),
    [
        # dL/dscore = dL/deffective * weight: also to the score of the pruned connection
        ("free-pruning", 0.974077, [[-0.622459, 1.244918], [0.311230, 0.622459]]),
        ("free-flipping", 0.201413, [[-0.182426, 0.364852], [0.091213, 0.182426]]),
        # and -penalty / n = -1/4 for each of four connections
        ("minimal-pruning", 0.974077, [[-0.872459, 0.994918], [0.061230, 0.372459]]),
        ("maximal-pruning", 0.974077, [[-0.372459, 1.494918], [0.561230, 0.872459]]),
        ("minimal-flipping", 0.201413, [[-0.432426, 0.114852], [-0.158787, -0.067574]]),
        ("dense", 2.578889, [[-0.924142, -1.848284], [0.924142, 1.848284]]),
    ],
)
def test_gradients_and_one_adam_step(method, loss, gradient):
    begun, how = pack(method)
    before = begun.layers[0].trained.clone()
    logits = step(begun, how)
    measured = torch.nn.functional.cross_entropy(logits[0], torch.tensor([0]))
    assert measured.item() == pytest.approx(loss, abs=1e-5)
    # Adam's first step: m / sqrt(v) = g / |g|, so each entry moves by the rate against its sign.
    # (A weight of 1 in float32 tells a step of 1e-3 to 1e-4 of its size.)
    moved = (before - begun.layers[0].trained) / RATE
    expected = torch.tensor([[[g / (abs(g) + 1e-7) for g in row] for row in gradient]])
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-4)


def test_the_gradient_that_reaches_the_scores():
    begun, how = pack("minimal-pruning", penalty=2.0)
    given = torch.tensor([[[-1.0, -2.0], [3.0, 4.0]]])
    close(how.gradient(begun, begun.layers[0], given), [[-1.5, 1.5], [1.0, 1.5]])  # g W - 2/4


def test_a_step_that_crosses_zero_changes_the_connection():
    # The gradient of the first score of row 2 is positive: 0.0005 - 0.001 < 0.
    begun, how = pack("free-pruning", [[0.05, -0.1], [0.0005, 0.05]])
    step(begun, how)
    close(begun.layers[0].effective, [[1.0, 0.0], [0.0, 0.5]])


@pytest.mark.parametrize(
    ("method", "expected"),
    # mean(mask) is 3/4 pruned and 1/2 flipped; -penalty * mean, maximal +penalty * mean
    [
        ("maximal-pruning", 1.5),
        ("minimal-pruning", -1.5),
        ("minimal-flipping", -1.0),
        ("free-pruning", 0.0),
        ("dense", 0.0),
    ],
)
def test_penalties(method, expected):
    given = {"penalty": 2.0} if method.startswith("m") else {}
    begun, how = pack(method, **given)
    assert how.penalty(begun).tolist() == [expected]


def test_methods_read_the_fields_they_use():
    reads = {part.name: set(part.reads) for part in registry.components("method")}
    scores = {"score_low", "score_high", "score_seed", "score_offset"}
    rank = {"score_low", "score_high", "score_seed", "density"}
    masks = ["random-pruning", "magnitude-pruning", "snip", "grasp", "synflow", "lottery-ticket"]
    assert reads == {name: {"density"} for name in masks} | {
        "dense": set(),
        "frozen": set(),
        "supermask": {"rescaling"},
        "signed-supermask": {"score_seed"},
        "hard-concrete": {"score_seed"},
        "gem-miner": {"score_seed", "density"},
        "bop": set(),
        "continuous-sparsification": set(),
        "free-pruning-weights": scores,
        "free-flipping-weights": scores,
        "free-pruning": scores | {"rescaling"},
        "free-flipping": scores,
        "minimal-pruning": scores | {"penalty", "rescaling"},
        "minimal-flipping": scores | {"penalty"},
        "maximal-pruning": scores | {"penalty", "rescaling"},
        "edge-popup": rank | {"rescaling"},
        "edge-popup-flipping": rank,
        "edge-popup-official": {"score_seed", "density", "rescaling"},
        "biprop": {"score_seed", "density", "rescaling"},
    }


@pytest.mark.parametrize(
    ("rescaling", "factor", "gradient_factor"),
    # three of four connections are kept
    [("none", 1, 1), ("dynamic", 4 / (1 + 3), 1), ("scale-fan", (4 / 3) ** 0.5, (4 / 3) ** 0.5)],
)
def test_rescaling(rescaling, factor, gradient_factor):
    begun, how = pack("free-pruning", rescaling=rescaling)
    close(begun.layers[0].effective, [[factor, 0.0], [0.5 * factor, 0.5 * factor]])
    given = torch.tensor([[[-1.0, -2.0], [3.0, 4.0]]])
    expected = [[-1.0 * gradient_factor, 2.0 * gradient_factor]]
    expected += [[1.5 * gradient_factor, 2.0 * gradient_factor]]
    close(how.gradient(begun, begun.layers[0], given), expected)
    close(how.mask(begun, begun.layers[0]), [[1.0, 0.0], [1.0, 1.0]])


def test_rescaling_where_few_or_none_are_kept():
    begun, how = pack("free-pruning", [[0.05, -0.1], [-0.1, -0.1]], rescaling="dynamic")
    close(begun.layers[0].effective, [[4 / 2, 0.0], [0.0, 0.0]])
    given = torch.tensor([[[-1.0, -2.0], [3.0, 4.0]]])
    close(how.gradient(begun, begun.layers[0], given), [[-1.0, 2.0], [1.5, 2.0]])  # passes it by
    for rescaling in ("dynamic", "scale-fan"):
        begun, _ = pack("free-pruning", [[-1.0, -1.0], [-1.0, -1.0]], rescaling=rescaling)
        close(begun.layers[0].effective, [[0.0, 0.0], [0.0, 0.0]])


def test_rescaling_is_each_replicas_own():
    about = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "epochs": 1}
    about |= {"method": "free-pruning", "rescaling": "dynamic"}
    trials = [Trial(**about, seed=seed) for seed in (1, 2)]
    layer = Layer("fc1", torch.tensor([WEIGHT, WEIGHT]))
    begun = Pack(trials, Network((LayerShape("fc1", (2, 2), 2, 2),), linear), [layer])
    how = registry.load("method", "free-pruning")[0].METHOD
    how.begin(begun, 0, None)
    layer.trained.copy_(torch.tensor([SCORES, [[0.05, -0.1], [-0.1, -0.1]]]))
    how.rebuild(begun, layer)
    torch.testing.assert_close(
        layer.effective.detach(), torch.tensor([[[1, 0], [0.5, 0.5]], [[2.0, 0], [0, 0]]])
    )


def test_a_penalty_is_spread_over_the_connections_of_one_replica():
    about = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "epochs": 1}
    trials = [Trial(**about, method="minimal-pruning", penalty=2.0, seed=seed) for seed in (1, 2)]
    layer = Layer("fc1", torch.tensor([WEIGHT, WEIGHT]))
    begun = Pack(trials, Network((LayerShape("fc1", (2, 2), 2, 2),), linear), [layer])
    registry.load("method", "minimal-pruning")[0].METHOD.begin(begun, 0, None)
    assert layer.penalty_gradient.flatten().tolist() == [-2 / 4] * 2


def test_frozen_weights_stay_as_drawn():
    begun, _ = pack("dense")
    frozen = registry.load("method", "frozen")[0].METHOD
    step(begun, frozen)
    close(begun.layers[0].effective, WEIGHT)


class _FirstColumn(MaskedWeights):
    """Weights under a fixed mask: the second input is disconnected."""

    def masks(self, pack, number, batches):
        return [torch.tensor([[[1.0, 0.0], [1.0, 0.0]]]) for _ in pack.layers]


def test_weights_under_a_mask_stay_at_zero_where_masked():
    begun, _ = pack("dense")
    how = _FirstColumn()
    how.begin(begun, 0, None)
    close(begun.layers[0].effective, [[1.0, 0.0], [0.5, 0.0]])
    step(begun, how)
    # logits (1, 0.5): the gradient of row 1 is negative, of row 2 positive
    close(begun.layers[0].effective, [[1.001, 0.0], [0.499, 0.0]])
    close(how.mask(begun, begun.layers[0]), [[1.0, 0.0], [1.0, 0.0]])


class _Naive(torch.autograd.Function):
    """The textbook form: the mask inside the graph, its gradient straight through."""

    @staticmethod
    def forward(ctx, score, weight, off):
        ctx.save_for_backward(weight)
        return torch.where(score > 0, weight, off * weight)

    @staticmethod
    def backward(ctx, gradient):
        (weight,) = ctx.saved_tensors
        return gradient * weight, None, None


@pytest.mark.parametrize(("method", "off"), [("free-pruning", 0.0), ("free-flipping", -1.0)])
def test_the_leaf_form_equals_a_straight_through_function_to_the_bit(method, off, digits, trial):
    from trainers import networks
    from trainers.batches import Batches
    from trainers.packs import assemble

    given = trial(method, learning_rate=1e-2)
    network = networks.build(given, digits.shape, digits.classes)
    batches = list(Batches(digits, [given], torch.device("cpu")).training(1))[:30]
    how: Method = registry.load("method", method)[0].METHOD

    begun = assemble([given], network, torch.device("cpu"))
    how.begin(begun, 0, None)
    scores = [layer.trained.clone().requires_grad_() for layer in begun.layers]
    engine = Autograd(begun, how, 30)
    for images, labels in batches:
        engine.step(images, labels)

    adam = torch.optim.Adam(scores, lr=1e-2, eps=1e-7, fused=True)
    for images, labels in batches:
        weights = [
            _Naive.apply(s, la.weight, off) for s, la in zip(scores, begun.layers, strict=True)
        ]
        logits = network.forward(weights, images, [()])
        adam.zero_grad()
        torch.nn.functional.cross_entropy(logits[0], labels[0]).backward()
        adam.step()
    for layer, score in zip(begun.layers, scores, strict=True):
        assert torch.equal(layer.trained, score)
        assert (layer.trained <= 0).any()  # some connections did change


@pytest.mark.parametrize(("old", "new"), [("extreme", "penalty_sign"), ("start", "initial_scores")])
def test_the_names_of_earlier_versions_are_refused(old, new):
    with pytest.raises(TypeError, match=f"Mine.{old}: its name is {new} now"):
        type("Mine", (Connections,), {old: 1})
