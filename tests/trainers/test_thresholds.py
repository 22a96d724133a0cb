"""Methods that need a threshold, or draw their masks: hand-made numbers.

    W = [[1, -1], [0.5, 0.5]], x = (1, 2), label 0, as in test_methods

Dense: logits (-1, 1.5), p = (0.075858, 0.924142), dL/dW = 0.924142 [[-1, -2], [1, 2]].
"""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from studies.errors import UserError
from studies.trial import Trial
from trainers import check
from trainers.batches import Batches
from trainers.engines.autograd import Autograd
from trainers.loop import train
from trainers.methods import Layer, Method, Pack, load, synflow
from trainers.methods._masks import Threshold, dropped, keep_largest, top
from trainers.methods.lottery_ticket import per_round, prunings
from trainers.networks import LayerShape, Network, build
from trainers.packs import assemble

WEIGHT = [[1.0, -1.0], [0.5, 0.5]]
SCORES = [[0.05, -0.1], [0.02, 0.07]]
ABOUT = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "epochs": 4}


class OneImage:
    """Batches of the one image x = (1, 2) with label 0."""

    class data:  # noqa: N801
        shape = (1, 1, 2)

    def balanced(self, per_class):
        return torch.tensor([1.0, 2.0]).view(1, 1, 1, 1, 2), torch.tensor([[0]])


def linear(weights, images, norms):
    return images.flatten(2).bmm(weights[0].mT)


def begun(method, scores=None, weight=WEIGHT, **values):
    """A pack of one replica of one layer, and its method, at its start."""
    trial = Trial(**ABOUT, method=method, **{"seed": 1} | values)
    layer = Layer("fc1", torch.tensor([weight]))
    network = Network((LayerShape("fc1", (2, 2), 2, 2),), linear)
    pack = Pack([trial], network, [layer], [torch.nn.ModuleList()])
    how = load(trial)
    how.begin(pack, 0, OneImage())
    if scores is not None:
        layer.trained.copy_(torch.tensor([scores]))
        how.rebuild(pack, layer)
    return pack, layer, how


def close(actual, expected):
    torch.testing.assert_close(actual.detach(), torch.tensor([expected]), rtol=1e-5, atol=1e-6)


# --- edge-popup ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("density", "mask"),
    [
        (1.0, [[1, 1], [1, 1]]),
        (0.75, [[1, 0], [1, 1]]),  # drops 1 of 4: -0.1
        (0.5, [[1, 0], [0, 1]]),  # and 0.02
        (0.6, [[1, 0], [1, 1]]),  # floor(0.4 * 4) = 1
        (0.25, [[0, 0], [0, 1]]),
        (0.1, [[0, 0], [0, 1]]),  # floor(0.9 * 4) = 3
    ],
)
@pytest.mark.parametrize(("method", "off"), [("edge-popup", 0), ("edge-popup-flipping", -1)])
def test_edge_popup_keeps_the_top_scores(method, off, density, mask):
    pack, layer, how = begun(method, SCORES, density=density)
    expected = torch.where(torch.tensor([mask]) == 1, 1.0, float(off))
    assert torch.equal(how.mask(pack, layer), expected)
    assert torch.equal(layer.effective.detach(), torch.tensor([WEIGHT]) * expected)


def test_equal_scores_are_dropped_in_their_order():
    # A bare score > threshold would drop all four.
    pack, layer, how = begun("edge-popup", [[0.05, 0.05], [0.05, 0.05]], density=0.5)
    close(how.mask(pack, layer), [[0.0, 0.0], [1.0, 1.0]])
    pack, layer, how = begun("edge-popup", [[0.07, 0.05], [0.05, 0.02]], density=0.5)
    close(how.mask(pack, layer), [[1.0, 0.0], [1.0, 0.0]])  # 0.02 and the first 0.05


def test_the_gradient_goes_straight_through_to_all_scores():
    pack, layer, how = begun("edge-popup", SCORES, density=0.5)
    given = torch.tensor([[[-1.0, -2.0], [3.0, 4.0]]])
    close(how.gradient(pack, layer, given), [[-1.0, 2.0], [1.5, 2.0]])  # g W


def test_the_official_variant_ranks_sizes_and_turns_the_gradient_with_the_sign():
    pack, layer, how = begun("edge-popup-official", SCORES, density=0.5)
    close(how.mask(pack, layer), [[0.0, 1.0], [0.0, 1.0]])  # |-0.1| is the largest
    given = torch.tensor([[[-1.0, -2.0], [3.0, 4.0]]])
    close(how.gradient(pack, layer, given), [[-1.0, -2.0], [1.5, 2.0]])  # sign(s) g W


def test_the_official_variant_starts_within_the_inverse_root_of_fan_in(trial, digits):
    pack = assemble([trial("edge-popup-official", density=0.5)], lenet(trial), torch.device("cpu"))
    load(pack.trial).begin(pack, 0, None)
    ends = [layer.trained.abs().max().item() for layer in pack.layers]
    expected = [1 / math.sqrt(n) for n in (64, 20, 10)]
    assert ends == [pytest.approx(end, rel=0.05) for end in expected]
    assert all(end <= bound for end, bound in zip(ends, expected, strict=True))


def lenet(trial):
    return build(trial(), (1, 8, 8), 10)


def test_scale_fan_divides_by_the_root_of_the_density():
    _, layer, _ = begun("edge-popup", SCORES, density=0.5, rescaling="scale-fan")
    close(layer.effective, [[math.sqrt(2), 0.0], [0.0, 0.5 * math.sqrt(2)]])


@given(
    st.lists(
        st.sampled_from([-0.5, 0.0, 0.25, 0.3]) | st.floats(-1, 1, width=32, allow_subnormal=False),
        min_size=1,
    ),
    st.floats(1e-6, 1),
)
def test_selection_equals_a_full_sort(scores, density):
    kept = top(torch.tensor(scores), density)
    order = sorted(range(len(scores)), key=lambda i: (np.float32(scores[i]), i))
    expected = [1.0] * len(scores)
    for i in order[: dropped(density, len(scores))]:
        expected[i] = 0.0
    assert kept.tolist() == expected


def test_scaling_scores_and_rate_together_changes_no_mask(trial, digits):
    """C8: the range of the scores is no threshold, only rate / range matters.

    With powers of two all roundings scale along; Adam's epsilon does not enter, since its steps
    are rate * m / (sqrt(v) + epsilon) and gradients do not depend on the scores' size.
    """
    for method in ("free-pruning", "free-flipping"):
        about = {"network": "lenet-300-100", "epochs": 3, "learning_rate": 2**-9}
        plain = trial(method, score_low=2**-6, score_high=2**-3, **about)
        about["learning_rate"] *= 8
        large = trial(method, score_low=2**-3, score_high=2**0, **about)
        rows = [[list(r.layers) for r in train([t], digits)] for t in (plain, large)]
        for row in rows[0][-1]:
            row |= {name: 8 * row[name] for name in ("scores_from", "scores_to")}
        assert rows[0] == rows[1]
        assert rows[0][3][0]["mask_positive"] < rows[0][0][0]["mask_positive"]


def test_flipping_at_d_and_one_minus_d_are_mirrored_runs(trial, digits):
    """All weights' signs turned, all scores turned: the same network and the same training."""
    packs = []
    for density in (0.75, 0.25):
        given = trial("edge-popup-flipping", density=density, network="lenet-32-32")
        pack = assemble([given], build(given, digits.shape, 10), torch.device("cpu"))
        how = load(given)
        how.begin(pack, 0, None)
        if packs:
            for layer in pack.layers:
                layer.weight.neg_()
                layer.trained.neg_()
                how.rebuild(pack, layer)
        engine = Autograd(pack, how, 20)
        batches = Batches(digits, [given], torch.device("cpu")).training(1)
        for images, labels in itertools.islice(batches, 20):
            engine.step(images, labels)
        packs.append(pack)
    for one, other in zip(packs[0].layers, packs[1].layers, strict=True):
        assert torch.equal(one.effective, other.effective)
        assert torch.equal(one.trained, -other.trained)


# --- supermask -----------------------------------------------------------------------------------


def test_supermasks_gradient_is_that_of_the_chance():
    pack, layer, how = begun("supermask", [[0.0, 0.0], [math.log(3), -math.log(3)]])
    given = torch.tensor([[[-1.0, -2.0], [3.0, 4.0]]])
    # sigma = 1/2, 1/2, 3/4, 1/4; g W sigma (1 - sigma)
    close(how.gradient(pack, layer, given), [[-0.25, 0.5], [1.5 * 3 / 16, 2 * 3 / 16]])


@pytest.mark.parametrize("rescaling", ["none", "dynamic", "scale-fan"])
def test_a_rescaled_supermask_and_its_gradient_are_those_of_autograd(rescaling):
    scores = [[-3.0, 1.0], [2.0, -0.5]]
    pack, layer, how = begun("supermask", scores, rescaling=rescaling)
    mask = how.mask(pack, layer)
    assert 0 < mask.sum() < 4
    chance = torch.tensor([scores]).requires_grad_().sigmoid()
    chance.retain_grad()
    drawn = mask + chance - chance.detach()  # straight through
    kept = {"dynamic": drawn.sum(), "scale-fan": mask.sum(), "none": torch.tensor(4.0)}[rescaling]
    factor = {"dynamic": 4 / (1 + kept), "scale-fan": (4 / kept).sqrt(), "none": 1.0}[rescaling]
    effective = torch.tensor([WEIGHT]) * drawn * factor
    torch.testing.assert_close(layer.effective.detach(), effective.detach())
    given = torch.tensor([[[-1.0, -2.0], [3.0, 4.0]]])
    (effective * given).sum().backward()
    expected = chance.grad * (chance * (1 - chance)).detach()
    torch.testing.assert_close(how.gradient(pack, layer, given.clone()), expected)
    how.expected(pack)
    share = chance.detach()
    means = {"dynamic": 4 / (1 + share.sum()), "scale-fan": (4 / share.sum()).sqrt(), "none": 1.0}
    expected = torch.tensor([WEIGHT]) * share * means[rescaling]
    torch.testing.assert_close(layer.effective.detach(), expected)


def test_supermask_draws_a_new_mask_for_each_pass_and_ten_for_an_evaluation(trial, digits):
    given = trial("supermask", network="lenet-300-100")
    pack = assemble([given], build(given, digits.shape, 10), torch.device("cpu"))
    how = load(given)
    how.begin(pack, 0, None)
    layer = pack.layers[0]
    masks = [how.mask(pack, layer).clone()]
    layer.trained.fill_(math.log(3))
    for _ in range(3):
        how.gradient(pack, layer, torch.zeros_like(layer.weight))
        how.rebuild(pack, layer)
        masks.append(how.mask(pack, layer).clone())
    assert masks[0].mean().item() == pytest.approx(0.5, abs=0.02)
    assert [m.mean().item() for m in masks[1:]] == [pytest.approx(0.75, abs=0.02)] * 3
    drawn = [how.mask(pack, layer).clone() for _ in how.evaluated(pack)]
    assert len(drawn) == 10
    every = torch.stack([*masks, *drawn]).flatten(1)
    assert len({row.numpy().tobytes() for row in every}) == 14
    assert torch.equal(how.mask(pack, layer), masks[-1])  # the pass's own mask is back
    for _ in range(11):  # each of the next passes draws its own
        how.gradient(pack, layer, torch.zeros_like(layer.weight))
        how.rebuild(pack, layer)
        assert not any(torch.equal(how.mask(pack, layer), one) for one in drawn)
    both = (drawn[0] * drawn[1]).mean().item()
    assert both == pytest.approx(0.75**2, abs=0.02)  # independent
    assert how.expected(pack)
    torch.testing.assert_close(layer.effective.detach(), layer.weight * 0.75)


def test_supermask_learns_and_its_expected_mask_is_a_figure_of_its_own(trial, digits):
    given = trial("supermask", network="lenet-300-100", epochs=5, learning_rate=0.05)
    found = [r.epoch for r in train([given], digits)]
    assert found[-1]["test_accuracy"] > 0.85
    assert found[-1]["expected_test_accuracy"] > 0.85
    assert found[-1]["expected_test_accuracy"] != found[-1]["test_accuracy"]
    (*_, dense) = train([trial("dense", epochs=1)], digits)
    assert dense.epoch["expected_test_accuracy"] is None


# --- rankings of weights -------------------------------------------------------------------------


def test_snip_by_hand():
    # |w g| / 0.924142 = [[1, 2], [0.5, 1]]: at 3/4 the 0.5 goes; ties of 1 by the seed
    _, layer, _ = begun("snip", density=0.75)
    close(layer.mask, [[1.0, 1.0], [0.0, 1.0]])
    _, layer, _ = begun("snip", density=0.25)
    close(layer.mask, [[0.0, 1.0], [0.0, 0.0]])
    close(layer.trained, [[0.0, -1.0], [0.0, 0.0]])


def test_grasp_by_hand():
    # One image, two classes: with q = p2 / T... the loss depends on d = z2 - z1 alone,
    # L = log(1 + exp(d / T)), g = L'(d) u with u = dd/dW = [[-1, -2], [1, 2]] and
    # H g = L''(d) <u, g> u = L'' L' |u|^2 u, so w * Hg has the order of w * u:
    # W * u = [[-1, 2], [0.5, 1]]: kept first 2, then 1, then 0.5.
    for density, expected in (
        (0.25, [[0.0, 1.0], [0.0, 0.0]]),
        (0.5, [[0.0, 1.0], [0.0, 1.0]]),
        (0.75, [[0.0, 1.0], [1.0, 1.0]]),
    ):
        _, layer, _ = begun("grasp", density=density)
        close(layer.mask, expected)


def test_synflow_by_hand():
    # One layer: R = sum |w| for an input of ones, score |w| = [[1, 1], [0.5, 0.5]].
    _, layer, _ = begun("synflow", density=0.5)
    close(layer.mask, [[1.0, 1.0], [0.0, 0.0]])


def test_synflow_of_two_layers_keeps_whole_paths():
    # Units a and b in the middle: input -> a 3, input -> b 1; a -> out 1, b -> out 2.
    # R = 3 * 1 + 1 * 2; scores 3, 2 in both layers: the path through a is kept.
    trial = Trial(**ABOUT, method="synflow", seed=1, density=0.5)
    shapes = (LayerShape("fc1", (2, 1), 1, 2), LayerShape("fc2", (1, 2), 2, 1))
    network = Network(shapes, lambda w, x, n: x.flatten(2).bmm(w[0].mT).bmm(w[1].mT))
    layers = [
        Layer("fc1", torch.tensor([[[3.0], [-1.0]]])),
        Layer("fc2", torch.tensor([[[1.0, 2.0]]])),
    ]
    pack = Pack([trial], network, layers, [torch.nn.ModuleList()])

    class Batches:
        class data:  # noqa: N801
            shape = (1, 1, 1)

    load(trial).begin(pack, 0, Batches())
    close(layers[0].mask, [[1.0], [0.0]])
    close(layers[1].mask, [[1.0, 0.0]])


def kept(record):
    return [row["mask_positive"] / row["connections"] for row in record.layers]


def test_synflow_takes_no_connection_back(monkeypatch, trial, digits):
    """Where a unit has lost its flow, its connections score zero, as pruned ones would."""
    rounds = []

    def noted(*args):
        rounds.append(keep_largest(*args))
        return rounds[-1]

    monkeypatch.setattr(synflow, "keep_largest", noted)
    about = {"network": "lenet-8-4", "weights": "he-constant", "density": 0.01}
    next(train([trial("synflow", **about, epochs=0)], digits))
    for before, after in itertools.pairwise(rounds):
        assert all((new <= old).all() for old, new in zip(before, after, strict=True))


def test_synflow_takes_batch_normalisation_as_an_evaluation_does(monkeypatch, trial, digits):
    """At the start it divides by sqrt(1 + epsilon), whatever comes in."""
    monkeypatch.setattr(synflow, "_ROUNDS", 1)
    given = trial("synflow", network="resnet8", width=0.2, density=0.5)
    network = build(given, digits.shape, 10)
    pack = assemble([given], network, torch.device("cpu"))
    load(given).begin(pack, 0, Batches(digits, [given], torch.device("cpu")))
    sizes = [layer.weight.abs().double().requires_grad_() for layer in pack.layers]
    ones = torch.ones(1, 1, *digits.shape, dtype=torch.float64)
    norms = [[lambda x: x / math.sqrt(1 + 1e-3)] * len(network.channels)]
    gradients = torch.autograd.grad(network.forward(sizes, ones, norms).sum(), sizes)
    scores = [(w * g)[0].detach() for w, g in zip(sizes, gradients, strict=True)]
    for layer, mask in zip(pack.layers, keep_largest(given, scores, 0.5), strict=True):
        assert torch.equal(layer.mask[0], mask)


def test_synflow_avoids_layer_collapse_where_snip_does_not(trial, digits):
    about = {"network": "lenet-100-100-100-100", "weights": "he-constant", "density": 0.003}
    found = {m: next(train([trial(m, **about, epochs=0)], digits)) for m in ("synflow", "snip")}
    assert min(kept(found["synflow"])) > 0
    assert min(kept(found["snip"])) == 0
    n = sum(row["connections"] for row in found["snip"].layers)
    for record in found.values():
        assert sum(row["mask_zero"] for row in record.layers) == dropped(0.003, n)


def test_synflow_does_not_depend_on_the_activation(trial, digits):
    about = {"network": "lenet-50-50", "density": 0.1, "epochs": 0}
    masks = [
        kept(next(train([trial("synflow", activation=a, **about)], digits)))
        for a in ("relu", "tanh", "sigmoid")
    ]
    assert masks[0] == masks[1] == masks[2]


def test_rankings_see_weights_as_they_count_in_the_forward_pass(trial, digits):
    about = {"network": "lenet-50-50", "density": 0.1}
    for method in ("synflow", "snip"):
        masks = [
            kept(next(train([trial(method, weights=w, epochs=0, **about)], digits)))
            for w in ("he-constant", "binary(scaled)")
        ]
        assert masks[0] == masks[1]


def test_grasp_is_the_hessian_times_the_gradient(trial, digits):
    given = trial("grasp", network="lenet-10", density=0.3, activation="tanh")
    network = build(given, digits.shape, 10)
    pack = assemble([given], network, torch.device("cpu"))
    batches = Batches(digits, [given], torch.device("cpu"))
    load(given).begin(pack, 0, batches)
    images, labels = batches.balanced(10)
    weights = tuple(layer.weight for layer in pack.layers)

    def loss(*weights):
        logits = network.forward(weights, images, [()]) / 200
        return torch.nn.functional.cross_entropy(logits[0], labels[0])

    gradient = torch.autograd.functional.jacobian(loss, weights)
    _, product = torch.autograd.functional.hvp(loss, weights, gradient)
    scores = [(w * hg)[0] for w, hg in zip(weights, product, strict=True)]
    by_gradient = [(w * g)[0] for w, g in zip(weights, gradient, strict=True)]
    shares = []
    for ranked in (scores, by_gradient):
        masks = zip(pack.layers, keep_largest(given, ranked, 0.3), strict=True)
        shares.append(min((la.mask[0] == mask).float().mean() for la, mask in masks))
    assert shares[0] > 0.99  # roundings may turn scores that are next to each other
    assert shares[1] < 0.95


@pytest.mark.parametrize("method", ["snip", "grasp", "synflow"])
def test_scoring_leaves_batch_normalisation_as_it_was(method, trial, digits):
    given = trial(method, network="resnet8", width=0.2, density=0.5)
    pack = assemble([given], build(given, digits.shape, 10), torch.device("cpu"))
    load(given).begin(pack, 0, Batches(digits, [given], torch.device("cpu")))
    for norm in pack.norms[0]:
        assert (norm.running_mean == 0).all()
        assert (norm.running_var == 1).all()
        assert norm.num_batches_tracked == 0


def test_a_ticket_rewinds_batch_normalisation_too(trial, digits):
    about = {"network": "resnet8", "width": 0.2, "affine": True, "density": 0.8, "epochs": 1}
    given = trial("lottery-ticket", **about, batch_size=200)
    pack = assemble([given], build(given, digits.shape, 10), torch.device("cpu"))
    how, batches = load(given), Batches(digits, [given], torch.device("cpu"))
    how.begin(pack, 0, batches)
    engine = Autograd(pack, how, 7)
    for images, labels in batches.training(1):
        engine.step(images, labels)
    assert (pack.norms[0][0].weight != 1).any()
    how.begin(pack, 1, batches)
    assert (pack.norms[0][0].weight == 1).all()
    assert (pack.norms[0][0].running_mean == 0).all()


def test_what_is_dropped_is_exact():
    # 1 - 0.9 is 0.09999999999999998 in floating point
    assert [dropped(d, 10) for d in (0.9, 0.8, 0.7, 0.5, 0.25, 1.0)] == [1, 2, 3, 5, 7, 0]
    assert dropped(0.95, 235_200) == 11_760
    assert dropped(0.8, 235_200) == 47_040


def test_a_frozen_weight_does_not_decay(trial):
    with pytest.raises(UserError, match=r"weight_decay: 0.1 is given, but it makes no difference"):
        check(trial("frozen", optimizer="sgd", weight_decay=0.1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "lottery-ticket(rewind=2)", "epochs": 2}, "needs 3 or more"),
        ({"method": "lottery-ticket", "epochs": 0}, "needs 1 or more"),
        ({"method": "magnitude-pruning", "epochs": 1}, "needs 2 or more"),
        ({"method": "lottery-ticket(rewind=1)", "schedule": "cosine"}, "needs a constant"),
        ({"method": "edge-popup", "density": 1e-9}, "needs one from 1e-06 to 1"),
        (
            {"method": "frozen", "density": 0.0, "optimizer": "sgd", "weight_decay": 0.1},
            "weight_decay",
        ),
        ({"method": "snip", "momentum": 0.9}, "momentum: 0.9 is given, but only the optimizer sgd"),
        ({"method": "snip", "nesterov": True}, "nesterov: true is given, but only the optimizer"),
        (
            {"method": "snip", "optimizer": "sgd", "nesterov": True},
            "nesterov: true is given without a momentum",
        ),
    ],
)
def test_trials_that_are_refused(change, message, trial):
    with pytest.raises(UserError, match=message):
        check(trial(**{"density": 0.5} | change))


@pytest.mark.parametrize("method", ["random-pruning", "snip", "grasp", "synflow", "snip(shuffled)"])
@pytest.mark.parametrize("density", [1.0, 0.5, 0.1])
def test_pruning_at_the_start_keeps_the_density_and_trains_what_is_kept(
    method, density, trial, digits
):
    given = trial(method, network="lenet-100", density=density, epochs=3)
    found = list(train([given], digits))
    n = 64 * 100 + 100 * 10
    for record in found:
        changed = sum(row["mask_zero"] for row in record.layers)
        assert changed == pytest.approx(dropped(density, n), abs=1)  # per layer for random
        assert all(row["effective_zero"] == row["mask_zero"] for row in record.layers)
    assert found[-1].epoch["test_accuracy"] > found[0].epoch["test_accuracy"] + 0.2


def test_random_pruning_gives_each_layer_its_density(trial, digits):
    (only,) = train([trial("random-pruning", density=0.3, epochs=0)], digits)
    assert [row["mask_zero"] for row in only.layers] == [
        dropped(0.3, row["connections"]) for row in only.layers
    ]


def test_a_shuffled_mask_has_the_layers_densities_of_its_method(trial, digits):
    plain, shuffled = (
        next(train([trial(name, density=0.2, epochs=0)], digits))
        for name in ("synflow", "synflow(shuffled)")
    )
    assert kept(plain) == kept(shuffled)
    assert plain.epoch["test_loss"] != shuffled.epoch["test_loss"]


def test_masks_differ_by_seed_and_not_by_pack(trial, digits):
    trials = [trial("random-pruning", seed=s, density=0.5, epochs=1) for s in (1, 2)]
    packed = [r for r in train(trials, digits) if r.final]
    alone = [list(train([t], digits))[-1] for t in trials]
    assert [r.final for r in packed] == [r.final for r in alone]
    assert packed[0].epoch["test_loss"] != packed[1].epoch["test_loss"]


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("snip", {"density": 0.4}),
        ("grasp", {"density": 0.4}),
        ("synflow", {"density": 0.4}),
        ("edge-popup", {"density": 0.4}),
        ("edge-popup-flipping(global)", {"density": 0.4}),
        ("supermask", {}),
        ("supermask", {"rescaling": "dynamic"}),
        ("signed-supermask", {}),
        ("biprop", {"density": 0.4}),
        ("continuous-sparsification(l1=0.001)", {}),
        ("hard-concrete", {"learning_rate": 0.1}),
        ("gem-miner(period=1)", {"density": 0.4}),
        ("bop(tau=0.001)", {"optimizer": "sgd", "learning_rate": 0.1}),
    ],
)
def test_packed_equals_alone(method, values, trial, digits):
    trials = [
        trial(method, seed=s, weights=w, **values)
        for s, w in ((1, "he-normal"), (2, "he-constant"))
    ]
    packed = [r for r in train(trials, digits) if r.final]
    alone = [list(train([t], digits))[-1] for t in trials]
    assert [(r.final, r.layers) for r in packed] == [(r.final, r.layers) for r in alone]


def test_globally_largest_with_ties_by_the_seed():
    scores = [torch.tensor([[3.0, 1.0]]), torch.tensor([2.0, 1.0, 1.0, math.nan])]
    masks = set()
    for seed in range(50):
        trial = Trial(**ABOUT, method="snip", density=0.5, seed=seed)
        one, two = keep_largest(trial, scores, 0.5)
        assert one[0, 0] == two[0] == 1
        assert two[3] == 0
        assert one.sum() + two.sum() == 3
        masks.add((one[0, 1].item(), two[1].item(), two[2].item()))
    assert masks == {(1, 0, 0), (0, 1, 0), (0, 0, 1)}


def test_magnitude_pruning_trains_prunes_and_fine_tunes(trial, digits):
    given = trial("magnitude-pruning", density=0.3, epochs=4, network="lenet-100")
    found = list(train([given], digits))
    assert [round(r.epoch["changed"], 3) for r in found] == [0, 0, 0, 0.7, 0.7]
    (*_, dense) = train([trial("dense", epochs=2, network="lenet-100")], digits)
    assert dense.epoch["test_loss"] == found[2].epoch["test_loss"]


def test_prunings():
    # 0.8^1 = 0.8, 0.8^3 = 0.512, 0.8^4 = 0.4096
    assert [prunings(d) for d in (1.0, 0.9, 0.8, 0.512, 0.5)] == [0, 1, 1, 3, 4]


def test_the_fraction_per_round_by_hand():
    # two rounds: 100 (1 - p)^2 + 100 (1 - p / 2)^2 = 0.64 * 200 at p = 0.2655
    rate = per_round([100, 100], [1.0, 0.5], 0.64)
    assert (1 - rate) ** 2 + (1 - rate / 2) ** 2 == pytest.approx(1.28)
    assert per_round([7], [1.0], 0.512) == pytest.approx(0.2)
    assert per_round([7], [0.5], 0.512) == pytest.approx(0.4)
    assert per_round([9, 1], [1.0, 0.5], 1.0) == pytest.approx(0, abs=1e-9)


def test_a_lottery_ticket_is_pruned_by_a_fifth_and_rewound(trial, digits):
    given = trial("lottery-ticket", density=0.64, epochs=2, network="lenet-100-100")
    found = list(train([given], digits))
    assert len(found) == 1 + 2 * 3  # dense, and after each of two prunings
    assert kept(found[2]) == [1, 1, 1]
    rate = per_round([6400, 10_000, 1000], [1.0, 1.0, 0.5], 0.64)
    assert 0.2 < rate < 0.21
    for pruning in (1, 2):
        expected = [(1 - loss * rate) ** pruning for loss in (1, 1, 0.5)]
        assert kept(found[2 + 2 * pruning]) == pytest.approx(expected, abs=1e-3)
    assert found[-1].epoch["changed"] == pytest.approx(0.36, abs=3 / 17_400)
    assert found[-1].final["last_epoch"] == 6
    (*_, dense) = train([trial("dense", epochs=2, network="lenet-100-100")], digits)
    assert dense.epoch["test_loss"] == found[2].epoch["test_loss"]


def test_convolutions_of_a_ticket_lose_half_as_much(trial, digits):
    about = {"network": "conv2", "width": 0.1, "batch_size": 400, "epochs": 1}
    (*_, last) = train([trial("lottery-ticket", density=0.8, **about)], digits)
    shares = {row["layer_name"]: row["mask_zero"] / row["connections"] for row in last.layers}
    rate = shares["fc1"]
    for name in ("conv2", "fc3"):
        assert shares[name] == pytest.approx(rate / 2, abs=0.01)
    assert last.epoch["changed"] == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("rewind", [0, 1])
def test_a_ticket_starts_again_from_where_it_is_rewound_to(rewind):
    name = "lottery-ticket(rewind=1)" if rewind else "lottery-ticket"
    pack, layer, how = begun(name, density=0.5)
    assert how.rounds(pack.trial) == ((1, 3, 3, 3, 3, 3) if rewind else (4, 4, 4, 4, 4))
    if rewind:
        layer.trained.copy_(torch.tensor([[[2.0, -2.0], [1.0, 1.0]]]))  # after one epoch
        how.begin(pack, 1, None)
    start = layer.trained.clone()
    layer.trained.copy_(torch.tensor([[[9.0, -8.0], [7.0, 6.0]]]))
    how.begin(pack, 2 if rewind else 1, None)
    # the first of four prunings: 1 - 0.5^(1/4) = 0.16 of 4 weights drops floor(0.64) = 0
    close(layer.mask, [[1.0, 1.0], [1.0, 1.0]])
    layer.trained.copy_(torch.tensor([[[9.0, -8.0], [7.0, 6.0]]]))
    how.begin(pack, 5 if rewind else 4, None)
    # the only layer is pruned to the density, not half as fast as an output layer: the smallest 2
    close(layer.mask, [[1.0, 1.0], [0.0, 0.0]])
    close(layer.trained, (start * layer.mask)[0].tolist())


@pytest.mark.parametrize("density", [0.8, 0.1, 0.05])
def test_a_ticket_of_a_residual_network_leaves_shortcuts_and_output_whole(density, trial, digits):
    given = trial("lottery-ticket", density=density, network="resnet8", width=0.2)
    pack = assemble([given], build(given, digits.shape, 10), torch.device("cpu"))
    how, batches = load(given), Batches(digits, [given], torch.device("cpu"))
    how.begin(pack, 0, batches)
    for number in range(1, prunings(density) + 1):
        how.begin(pack, number, batches)
    shares = {layer.name: layer.mask.mean().item() for layer in pack.layers}
    ends = {"fc", "stage2.block1.shortcut", "stage3.block1.shortcut"}
    whole = {name for name, share in shares.items() if share == 1}
    n = sum(layer.weight.numel() for layer in pack.layers)
    assert sum(layer.mask.sum() for layer in pack.layers) == pytest.approx(density * n, abs=1.5)
    # They are 0.072 of all: at 0.1 more than half of what is left, at 0.05 more than that.
    share = sum(layer.weight.numel() for layer in pack.layers if layer.name in ends) / n
    assert 0.1 / 2 < share < 0.1
    assert (whole >= ends) == (density == 0.8)


def test_sizes_are_compared_as_they_count_in_the_forward_pass(trial, digits):
    """Binary weights, all +-1: those of the layer with the smallest fan-in count most."""
    about = {"weights": "binary(scaled)", "density": 0.5}
    for method, values, smallest in (
        ("magnitude-pruning", {"network": "lenet-8"}, 1),  # 64 inputs, then 8
        ("lottery-ticket", {"network": "resnet8", "width": 0.2}, 0),  # 9, then more
    ):
        given = trial(method, **about, **values)
        pack = assemble([given], build(given, digits.shape, 10), torch.device("cpu"))
        how, batches = load(given), Batches(digits, [given], torch.device("cpu"))
        how.begin(pack, 0, batches)
        masks = how.masks(pack, 1, batches)
        assert masks[smallest].all()
        assert not all(mask.all() for mask in masks)


class _Ones(Method):
    """A method whose gradient is always one."""

    def gradient(self, pack, layer, gradient):
        return torch.ones_like(gradient)


def sgd_on_ones(**values):
    """An engine of two steps whose gradients are one, and its layer of weights 1, 2, 0 and 0."""
    trial = Trial(**ABOUT, method="dense", seed=1, optimizer="sgd", learning_rate=0.1, **values)
    layer = Layer("fc1", torch.tensor([[[1.0, 2.0], [0.0, 0.0]]]))
    pack = Pack([trial], Network((LayerShape("fc1", (2, 2), 2, 2),), linear), [layer])
    how = _Ones()
    how.begin(pack, 0, None)
    return Autograd(pack, how, 2), layer


def test_sgd_with_momentum_and_decay_by_hand():
    # step 1: v = g + decay w, w -= rate v; step 2: v = momentum v + g + decay w
    engine, layer = sgd_on_ones(momentum=0.5, weight_decay=0.1)
    engine.step(*OneImage().balanced(1))
    close(layer.trained, [[1 - 0.1 * 1.1, 2 - 0.1 * 1.2], [-0.1, -0.1]])
    engine.step(*OneImage().balanced(1))
    first = 0.89 - 0.1 * (0.5 * 1.1 + 1 + 0.1 * 0.89)
    assert layer.trained[0, 0, 0].item() == pytest.approx(first)


def test_nesterovs_momentum_by_hand():
    # v = momentum v + g, w -= rate (g + momentum v): v = 1, then 1.5
    engine, layer = sgd_on_ones(momentum=0.5, nesterov=True)
    engine.step(*OneImage().balanced(1))
    close(layer.trained, [[1 - 0.15, 2 - 0.15], [-0.15, -0.15]])
    engine.step(*OneImage().balanced(1))
    close(layer.trained, [[0.85 - 0.175, 1.85 - 0.175], [-0.325, -0.325]])


def test_decoupled_decay_by_hand():
    # w <- (1 - decay factor) w - rate factor v: the decay follows the schedule, not the rate, and
    # the momentum knows nothing of it. Half a cosine in two steps: factors 1 and 1/2.
    engine, layer = sgd_on_ones(momentum=0.5, decoupled_decay=0.2, schedule="cosine")
    engine.step(*OneImage().balanced(1))
    close(layer.trained, [[0.8 - 0.1, 1.6 - 0.1], [-0.1, -0.1]])
    engine.step(*OneImage().balanced(1))
    close(layer.trained, [[0.7 * 0.9 - 0.075, 1.5 * 0.9 - 0.075], [-0.165, -0.165]])


# --- the threshold itself ------------------------------------------------------------------------


def by_sorting(values, count):
    """The ``count``-th smallest, and how many are above it."""
    found = np.sort(values)[count - 1]
    return found, np.count_nonzero(values > found)


@given(
    hnp.arrays(
        np.float32,
        st.integers(1, 300),
        elements=st.floats(-2, 2, width=32, allow_subnormal=False)
        | st.sampled_from([0, -0.0, 1, 3e38, -3e38, np.inf, -np.inf, np.nan]),
    ),
    st.integers(0, 10).map(lambda tenths: tenths / 10),
    st.lists(st.sampled_from([0.0, 1e-3, 0.1, 5.0, np.inf, np.nan]), max_size=4),
)
def test_a_threshold_is_exact_whatever_the_last_one_was(values, share, moves):
    count, last = max(1, round(share * len(values))), Threshold()
    for move in (None, *moves):
        if move is not None:
            with np.errstate(invalid="ignore", over="ignore"):
                values = values + np.float32(move)
        found, above = last.find(values, count)
        right, right_above = by_sorting(values, count)
        assert above == right_above
        assert found == right or (np.isnan(found) and np.isnan(right))  # 0.0 and -0.0 are one


def test_scores_that_move_a_little_are_not_all_selected_among_again(monkeypatch):
    rng, last, moved = np.random.default_rng(0), Threshold(), []
    values = rng.standard_normal(10_000).astype(np.float32)
    last.find(values, 3_000)
    monkeypatch.setattr(Threshold, "_find_among_all", lambda *_: moved.append(1))
    for _ in range(20):
        values += rng.standard_normal(len(values)).astype(np.float32) * np.float32(1e-3)
        np.testing.assert_equal(last.find(values, 3_000), by_sorting(values, 3_000))
    assert moved == []
    monkeypatch.undo()
    np.testing.assert_equal(last.find(values + 9, 3_000), by_sorting(values + 9, 3_000))
    assert 8 < last.low < last.high < 10  # the bounds have moved with them


def test_many_scores_near_the_threshold_are_bounded_anew():
    last, values = Threshold(), np.arange(1_000, dtype=np.float32)
    last.find(values, 500)
    crowd = np.full(1_000, 499, np.float32)
    assert last.find(crowd, 500) == (499, 0)
    assert np.isnan(last.low)
    assert last.find(values, 500) == (499, 500)
    assert 10 < last.high - last.low < 100
