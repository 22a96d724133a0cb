"""What a learned mask is worth: moved without training, and with weights trained under it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from studies.schemas import CONTROLS
from trainers import methods, networks, packs, weights
from trainers.batches import Batches
from trainers.loop import train
from trainers.measures.evaluation import evaluate
from trainers.measures.mask_controls import controls, take_statistics
from trainers.network_files.trained import Trained

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network():
    return lambda trial, data: networks.build(trial, data.shape, data.classes)


def trained(trial, data):
    """Half of the connections kept, by their places."""
    layers = networks.build(trial, data.shape, data.classes).layers
    kept = tuple((torch.arange(np.prod(la.shape)) % 2 == 0).view(la.shape) for la in layers)
    return Trained(trial, kept, (), (0,) * len(layers), {})


@pytest.mark.parametrize(("method", "off"), [("free-pruning", 0), ("free-flipping", -1)])
def test_a_network_follows_from_its_mask(method, off, trial, digits, network):
    given = trial(method)
    left = trained(given, digits)
    pack = left.pack(network(given, digits), CPU)
    for layer, kept in zip(pack.layers, left.kept, strict=True):
        by_hand = layer.weight[0] * torch.where(kept, 1.0, float(off))
        assert torch.equal(layer.effective[0], by_hand)


def test_each_control_moves_what_it_says(trial, digits, network):
    given = trial()
    left = trained(given, digits)
    other = weights.redrawn(given)
    assert other == replace(given, seed=other.seed) != given
    assert other.seed != weights.redrawn(trial(seed=2)).seed
    order = methods.shuffled([given], 0, left.kept[0][None])[0]
    assert order.sum() == left.kept[0].sum()
    assert not torch.equal(order, left.kept[0])
    own = packs.assemble([given], network(given, digits), CPU)
    found = controls(left, own, Batches(digits, [given], CPU))
    assert tuple(found) == CONTROLS
    # The same by hand: the mask permuted in each layer, the weights drawn anew, and both.
    by_hand = {}
    for name, weights_of, moves in zip(
        CONTROLS, (given, other, other), (True, False, True), strict=True
    ):
        pack = packs.assemble([weights_of], network(given, digits), CPU)
        methods.load(given).begin(pack, 0, Batches(digits, [given], CPU))
        for layer, kept in zip(pack.layers, left.kept, strict=True):
            mask = methods.shuffled([given], layer.index, kept[None]) if moves else kept[None]
            layer.effective = (layer.weight * mask).requires_grad_()
        evaluation = evaluate(pack, methods.load(given), Batches(digits, [given], CPU), "test")
        by_hand[name] = evaluation.accuracy.item()
    assert found == by_hand
    assert len(set(found.values())) == 3  # none stands for another


def test_a_mask_carries_the_function_and_its_densities_do_not(trial, digits):
    final = list(train([trial(network="lenet-300-100", epochs=10)], digits))[-1].final
    assert final["test_accuracy"] > 0.9
    assert all(final[name] < 0.4 for name in CONTROLS)


@pytest.mark.parametrize("method", ["dense", "supermask", "free-pruning-weights"])
def test_methods_without_a_mask_of_their_own_have_no_such_controls(method, trial, digits):
    final = list(train([trial(method)], digits))[-1].final
    assert not {*CONTROLS} & final.keys()


def test_moved_masks_of_residual_networks_take_their_own_statistics(trial, digits, network):
    given = trial(network="resnet8")
    net = network(given, digits)
    norms = packs.norms(given, net).state_dict()
    for statistics in norms.values():
        statistics.fill_(9)  # those of the trained network, which do not count
    left = replace(trained(given, digits), norms=norms)
    pack = left.on(packs.assemble([weights.redrawn(given)], net, CPU))
    take_statistics(pack, Batches(digits, [given], CPU))
    first = pack.norms[0][0]
    assert first.num_batches_tracked == 20
    images = torch.from_numpy(digits.images["train"][:1000])  # 20 batches of 50
    x = (images / 16 - torch.from_numpy(digits.mean)) / digits.std
    into = torch.nn.functional.conv2d(x, pack.layers[0].used[0].detach(), padding=1)
    assert first.running_mean == pytest.approx(into.mean(dim=(0, 2, 3)).numpy(), abs=1e-5)


@pytest.mark.parametrize("kind", ["pruning", "flipping"])
def test_the_first_round_is_the_training_of_the_mask(kind, trial, digits):
    mask = list(train([trial(f"free-{kind}")], digits))
    both = list(train([trial(f"free-{kind}-weights")], digits))
    names = ("test_loss", "test_accuracy", "changed", "train_loss")
    for ours, theirs in zip(both[:3], mask, strict=True):
        assert [ours.epoch[n] for n in names] == [theirs.epoch[n] for n in names]
    assert both[-1].final["last_epoch"] == 4
    assert both[-1].epoch["train_loss"] < mask[-1].epoch["train_loss"]


def test_flipped_weights_are_trained_like_the_rest(trial, digits, network):
    given = trial("free-flipping-weights")
    method, batches = methods.load(given), Batches(digits, [given], CPU)
    pack = packs.assemble([given], network(given, digits), CPU)
    method.begin(pack, 0, batches)
    pack.layers[0].trained[:, ::2] -= 1
    pack.round = 1
    method.begin(pack, 1, batches)
    gradient = torch.randn(pack.layers[0].weight.shape)
    assert torch.equal(method.gradient(pack, pack.layers[0], gradient.clone()), gradient)


def test_each_replica_has_a_permutation_and_new_weights_of_its_own(trial, digits, network):
    trials = [trial("free-pruning-weights(redrawn,shuffled)", seed=seed) for seed in (1, 2)]
    weights_of, masks_of = [], []
    for given in (trials, trials[:1], trials[1:]):
        pack = packs.assemble(given, network(given[0], digits), CPU)
        method, batches = methods.of(given), Batches(digits, given, CPU)
        method.begin(pack, 0, batches)
        for layer in pack.layers:  # the same mask for each seed
            count = layer.weight[0].numel()
            layer.trained.copy_((torch.arange(count) - count // 2).view_as(layer.weight[0]))
        pack.round = 1
        method.begin(pack, 1, batches)
        weights_of.append([layer.trained for layer in pack.layers])
        masks_of.append([layer.mask for layer in pack.layers])
    for both, *alone in (weights_of, masks_of):
        for together, first, second in zip(both, *alone, strict=True):
            assert torch.equal(together, torch.cat([first, second]))
            assert not torch.equal(first, second)


@pytest.mark.parametrize("form", ["", "(shuffled)", "(redrawn)", "(redrawn,shuffled)"])
def test_weights_start_as_the_mask_leaves_them(form, trial, digits):
    given = trial(f"free-pruning-weights{form}")
    method, net = methods.load(given), networks.build(given, digits.shape, digits.classes)
    batches, pack = Batches(digits, [given], CPU), packs.assemble([given], net, CPU)
    method.begin(pack, 0, batches)
    for layer in pack.layers:  # some scores fall below zero
        layer.trained[:, ::2] -= 1
    masks = [method.mask(pack, layer) for layer in pack.layers]
    pack.round = 1
    method.begin(pack, 1, batches)
    drawn = weights.redrawn(given) if "redrawn" in form else given
    for layer, mask, shape in zip(pack.layers, masks, net.layers, strict=True):
        moved = methods.shuffled([given], layer.index, mask) if "shuffled" in form else mask
        assert torch.equal(method.mask(pack, layer), moved)
        assert torch.equal(layer.trained[0], weights.draw(drawn, layer.index, shape) * moved[0])
