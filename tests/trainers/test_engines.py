"""Engines against each other, the optimiser against PyTorch's, and packs against trials alone."""

from dataclasses import replace

import pytest
import torch
from engines_support import CPU, SETTINGS, begun, figures, stepped

from studies.trial import Trial
from trainers import engines, methods, networks, pack_key, packs, registry
from trainers.batches import Batches
from trainers.engines.autograd import Autograd
from trainers.engines.mlp import Mlp, _batched_times, _Lane
from trainers.loop import train
from trainers.methods import MaskedWeights, Method
from trainers.methods.free_pruning import FreePruning
from trainers.methods.random_pruning import RandomPruning
from trainers.methods.supermask import Supermask
from trainers.optimizers import Optimizer

DENSITY = {"density": 0.5}
WITH_BACKWARD = ["relu", "leaky-relu", "elu", "selu", "tanh", "sigmoid"]


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("dense", {}),
        ("free-pruning", {}),
        ("free-flipping", {"weights": "lognormal"}),
        ("minimal-pruning", {"penalty": 0.5}),
        ("minimal-flipping", {"network": "lenet-7"}),
        ("dense", {"network": "linear"}),
        ("minimal-pruning", {"network": "linear", "weights": "binary(scaled)"}),
        ("maximal-pruning", {"weights": "binary(scaled)"}),
        ("free-pruning", {"rescaling": "scale-fan"}),
        ("edge-popup", DENSITY),
        ("random-pruning", DENSITY),
        ("supermask", {}),
        ("frozen", {}),
        ("dense", {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 1e-4}),
        *[("free-pruning", {"activation": name}) for name in WITH_BACKWARD],
    ],
)
def test_the_written_backward_pass_gives_the_numbers_of_autograd(method, values, trial, digits):
    given = [trial(method, **values)]
    for steps in (1, 20):
        fast, fast_logits = stepped(given, digits, Mlp, steps)
        slow, slow_logits = stepped(given, digits, Autograd, steps)
        # Adam divides by the gradient's size: where that is of the size of its rounding, so is the
        # difference of the step.
        for one, other in zip(fast, slow, strict=True):
            close = (one - other).abs() <= 1e-6
            assert close.float().mean() > (1 - 1e-6 if steps == 1 else 0.999)
            torch.testing.assert_close(one, other, rtol=0, atol=2e-3)
        torch.testing.assert_close(fast_logits, slow_logits, rtol=1e-3, atol=1e-4)


def test_the_gradients_of_one_step_are_autograds(trial, digits):
    given = [trial("dense")]
    (fast, batches), (slow, _) = begun(given, digits, Mlp), begun(given, digits, Autograd)
    images, labels = next(batches.training(1))
    with torch.no_grad():
        flat = fast.backward(images, labels)[1][0]
        expected = slow.backward(images, labels)[1]
    written = torch.cat([gradient.flatten() for gradient in expected])
    assert flat.abs().sum() == pytest.approx(written.abs().sum().item(), rel=1e-6)
    for layer, gradient in zip(fast.pack.layers, expected, strict=True):
        at = layer.trained
        own = flat.as_strided(at.shape, at.stride(), at.storage_offset())
        torch.testing.assert_close(own, gradient, rtol=1e-5, atol=1e-8)


def test_an_epoch_of_both_engines_ends_at_about_the_same_accuracy(trial, digits, monkeypatch):
    trials = [trial("free-pruning", seed=seed, epochs=3) for seed in range(1, 6)]
    found = {}
    for kind in (Mlp, Autograd):
        monkeypatch.setattr(engines, "choose", lambda pack, kind=kind: kind)
        records = [r for given in trials for r in train([given], digits) if r.final]
        assert {r.final["engine"] for r in records} == {kind.name}
        found[kind] = sum(r.final["test_accuracy"] for r in records) / len(records)
    assert abs(found[Mlp] - found[Autograd]) < 0.01


def test_an_engine_is_chosen_by_network_and_activation(trial, digits):
    def chosen(**values):
        return type(begun([trial(**values)], digits)[0])

    assert {chosen(activation=name) for name in WITH_BACKWARD} == {Mlp}
    assert {chosen(method=m, network="lenet-7") for m in ("dense", "minimal-flipping")} == {Mlp}
    assert chosen(network="linear") is Mlp  # also without a hidden layer
    assert {chosen(activation="gelu"), chosen(network="conv2")} == {Autograd}


def test_every_activation_in_place_is_the_activation():
    x = torch.linspace(-3, 3, 31)
    for part in registry.components("activation"):
        module = part.load()
        if not hasattr(module, "backward_"):
            continue
        inputs = x.clone().requires_grad_()
        output = module.activation(inputs)
        output.backward(torch.full_like(x, 2.0))
        written = module.activate_(x.clone())
        torch.testing.assert_close(written, output.detach())
        before = module.backward_(torch.full_like(x, 2.0), written)
        torch.testing.assert_close(before, inputs.grad)


@pytest.mark.parametrize("network", ["lenet-30-20", "lenet-1", "linear", "conv2"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_packed_equals_alone_to_the_bit_with_mixed_methods(size, network, trial, digits):
    epochs = 1 if network == "conv2" else 2
    width = 0.05 if network == "conv2" else 1.0
    trials = [trial(network=network, epochs=epochs, width=width, **v) for v in SETTINGS]
    assert len({pack_key.pack_key(t) for t in trials}) == 1
    alone = {t: figures(list(train([t], digits)), t) for t in trials}
    assert len(set(alone.values())) == 5
    for start in range(0, 5, size):
        pack = trials[start : start + size]
        records = list(train(pack, digits))
        for given in pack:
            assert figures(records, given) == alone[given]
    backwards = list(train(trials[::-1], digits))
    assert {t: figures(backwards, t) for t in trials} == alone


def test_rescaled_and_mixed_trials_in_one_pack(trial, digits):
    trials = [trial("free-pruning", rescaling="dynamic"), trial("dense"), trial("free-flipping")]
    trials += [trial(m, density=0.3) for m in ("edge-popup(global)", "edge-popup", "biprop")]
    records = list(train(trials, digits))
    for given in trials:
        assert figures(records, given) == figures(list(train([given], digits)), given)


def test_which_trials_make_a_pack(trial):
    first = trial()
    mixing = ["free-flipping", "dense", "minimal-pruning", "maximal-pruning", "frozen"]
    mixing += ["edge-popup", "edge-popup-flipping", "edge-popup-official", "biprop"]
    alone = ["supermask", "snip", "lottery-ticket", "bop", "random-pruning"]
    key = pack_key.pack_key
    assert {key(replace(first, method=m)) for m in mixing} == {key(first)}
    assert len({key(replace(first, method=m)) for m in alone} | {key(first)}) == 6
    assert key(replace(first, method="snip", density=0.5)) != key(replace(first, method="snip"))
    for values in ({"network": "lenet-1"}, {"batch_size": 50}, {"schedule": "cosine"}):
        assert key(replace(first, **values)) != key(first)


def test_trials_of_one_pack_stand_together_and_in_it_those_of_one_method(trial):
    mixture = ["minimal-flipping", "snip", "dense", "supermask", "dense", "edge-popup"]
    order = pack_key.ordered([trial(m, seed=s) for s in (1, 2) for m in mixture])
    names = [given.method for given in order]
    assert names[:8] == ["dense"] * 4 + ["edge-popup"] * 2 + ["minimal-flipping"] * 2
    assert names[8:] == ["snip"] * 2 + ["supermask"] * 2


@pytest.mark.parametrize(
    ("optimizer", "values"),
    [
        ("adam", {}),
        ("sgd", {"momentum": 0.9, "weight_decay": 1e-3}),
        ("sgd", {"momentum": 0.9, "nesterov": True}),
    ],
)
def test_the_optimizer_is_pytorchs_fused_one_to_the_bit(optimizer, values):
    about = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "epochs": 1}
    rates = (1e-2, 1e-3, 1e-2)
    trials = [
        Trial(**about, method="dense", seed=1, optimizer=optimizer, learning_rate=rate, **values)
        for rate in rates
    ]
    generator = torch.Generator().manual_seed(0)
    starts = [[torch.randn(3, 5, generator=generator), torch.randn(7)] for _ in rates]
    ours = [[tensor.clone() for tensor in replica] for replica in starts]
    theirs = [[tensor.clone().requires_grad_() for tensor in replica] for replica in starts]
    optimizers = [
        torch.optim.SGD(replica, rate, **values, fused=True)
        if optimizer == "sgd"
        else torch.optim.Adam(replica, rate, eps=1e-7, fused=True)
        for replica, rate in zip(theirs, rates, strict=True)
    ]
    mine = Optimizer(trials, ours)
    for factor in (1.0, 0.5, 0.25):
        gradients = [[torch.randn(t.shape, generator=generator) for t in r] for r in starts]
        mine.scale_rates(factor)
        mine.step(gradients)
        for replica, given, rate, one in zip(theirs, gradients, rates, optimizers, strict=True):
            one.param_groups[0]["lr"] = rate * factor
            for parameter, gradient in zip(replica, given, strict=True):
                parameter.grad = gradient.clone()
            one.step()
    for replica, other in zip(ours, theirs, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(replica, other, strict=True))


def test_all_replicas_at_once_as_on_a_gpu_are_each_by_itself(trial, digits):
    trials = [trial("dense", seed=seed) for seed in (1, 2, 3)]
    engine, batches = begun(trials, digits, Mlp)
    images, labels = next(batches.training(1))
    x = images.flatten(start_dim=2)
    with torch.no_grad():
        alone = [
            lane.propagate(*given) for lane, *given in zip(engine._lanes, x, labels, strict=True)
        ]
        expected = [[g.clone() for g in lane.gradients] for lane in engine._lanes]
        weights = [layer.effective.detach() for layer in engine.pack.layers]
        gradients = [torch.empty_like(weight) for weight in weights]
        together = _Lane(engine._lanes[0].activation, _batched_times, weights, gradients)
        logits = together.propagate(x, labels)
    torch.testing.assert_close(logits, torch.stack(alone))
    for layer, gradient in enumerate(gradients):
        torch.testing.assert_close(gradient, torch.stack([each[layer] for each in expected]))


class _LaterSnip(MaskedWeights):
    """Ranks by a gradient between two rounds."""

    def rounds(self, trial):
        return (1, 1)

    def masks(self, pack, number, batches):
        if number == 0:
            return None
        images, labels = next(batches.training(1))
        logits = pack.logits(images).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits, labels.flatten())
        leaves = [layer.effective for layer in pack.layers]
        found = [g.abs() for g in torch.autograd.grad(loss, leaves)]
        return [(g > g.flatten(1).median(dim=1).values[:, None, None]).float() for g in found]


@pytest.mark.parametrize("kind", [Autograd, Mlp])
def test_a_later_round_may_take_a_gradient(kind, trial, digits):
    given, method = [trial("dense")], _LaterSnip()
    batches = Batches(digits, given, CPU)
    pack = packs.assemble(given, networks.build(given[0], digits.shape, 10), CPU)
    for number in (0, 1):
        method.begin(pack, number, batches)
        engine = kind(pack, method, batches.steps)
        for images, labels in batches.training(number + 1):
            engine.step(images, labels)
    for layer in pack.layers:
        assert 0.4 < layer.mask.mean() < 0.6
        assert (layer.trained[layer.mask == 0] == 0).all()


def test_what_a_method_promises_is_not_inherited_by_one_that_does_it_otherwise():
    class Other(FreePruning):
        def rebuild(self, pack, layer):
            super().rebuild(pack, layer)

    class Named(FreePruning):
        off = 0.5

    class Sure(FreePruning):
        elementwise = True

        def gradient(self, pack, layer, gradient):
            return gradient

    promised = [(kind.elementwise, kind.capturable) for kind in (FreePruning, Other, Named, Sure)]
    assert promised == [(True, True), (False, False), (True, True), (True, False)]
    assert not Method.elementwise
    assert not Supermask.capturable


@pytest.mark.parametrize("unfit", [RandomPruning, Supermask])
def test_a_method_that_cannot_be_mixed_is_refused(unfit, trial, digits, monkeypatch):
    trials = [trial("dense"), trial("free-pruning")]
    monkeypatch.setattr("trainers.methods.free_pruning.METHOD", unfit())
    with pytest.raises(TypeError, match="says MIXES = True, but"):
        methods.of(trials).begin(
            packs.assemble(trials, networks.build(trials[0], digits.shape, 10), CPU),
            0,
            Batches(digits, [replace(t, density=0.5) for t in trials], CPU),
        )
