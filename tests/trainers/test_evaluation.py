"""A method with random masks is evaluated by the mean over them, not by one of them."""

import pytest
import torch

from trainers import methods, networks, packs
from trainers.batches import Batches
from trainers.measures.evaluation import evaluate, evaluate_once
from trainers.methods import Method

CPU = torch.device("cpu")


@pytest.mark.parametrize(("method", "draws"), [("supermask", 10), ("free-pruning", 1)])
def test_the_evaluation_is_the_mean_over_the_masks(method, draws, trial, digits):
    given = trial(method)
    pack = packs.assemble([given], networks.build(given, digits.shape, digits.classes), CPU)
    batches, how = Batches(digits, [given], CPU), methods.load(given)
    how.begin(pack, 0, batches)
    each = [evaluate_once(pack, batches, "test") for _ in how.evaluated(pack)]
    assert len(each) == draws
    for name in ("loss", "accuracy"):
        of_masks = [getattr(one, name).item() for one in each]
        assert len(set(of_masks)) > 1 or draws == 1
        mean = getattr(evaluate(pack, how, batches, "test"), name).item()
        assert mean == pytest.approx(sum(of_masks) / draws, rel=1e-12)
        assert mean != of_masks[0] or draws == 1
    assert torch.equal(evaluate(pack, how, batches, "test").correct, each[0].correct)


def test_an_evaluation_leaves_batch_normalisation_as_it_was_and_in_training(trial, digits):
    given = trial("dense", network="resnet8", width=0.2)
    pack = packs.assemble([given], networks.build(given, digits.shape, digits.classes), CPU)
    batches, how = Batches(digits, [given], CPU), methods.load(given)
    how.begin(pack, 0, batches)
    evaluate(pack, how, batches, "validation")
    (norms,) = pack.norms
    assert all(norm.training for norm in norms)
    assert all(norm.num_batches_tracked == 0 for norm in norms)


def test_a_network_with_one_constant_class_is_not_constant(trial, digits):
    given = trial("dense")
    pack = packs.assemble([given], networks.build(given, digits.shape, digits.classes), CPU)
    batches = Batches(digits, [given], CPU)
    methods.load(given).begin(pack, 0, batches)
    pack.layers[-1].effective.detach()[:, 0] = 0.0
    assert not evaluate_once(pack, batches, "test").constant


class Emptied(Method):
    """Is evaluated without a connection first, and then as it is."""

    def evaluated(self, pack):
        weights = [layer.effective.detach().clone() for layer in pack.layers]
        for factor in (0.0, 1.0):
            for layer, weight in zip(pack.layers, weights, strict=True):
                layer.effective.detach().copy_(factor * weight)
            yield


def test_a_network_is_constant_only_if_it_is_under_every_mask(trial, digits):
    given = trial("dense")
    pack = packs.assemble([given], networks.build(given, digits.shape, digits.classes), CPU)
    batches, how = Batches(digits, [given], CPU), Emptied()
    how.begin(pack, 0, batches)
    assert [bool(evaluate_once(pack, batches, "test").constant) for _ in how.evaluated(pack)] == [
        True,
        False,
    ]
    assert not evaluate(pack, how, batches, "test").constant
