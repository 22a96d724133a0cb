"""A GPU that is not there: torch's FakeTensorMode computes shapes and devices, and no numbers.

An operation on tensors of two devices raises here as it would on a GPU, and so does reading a
number of the device on the host, for which a real GPU would have to be waited for. Autograd's
backward pass and the fused optimisers ask for a real device, so checks of devices stand for them.
"""

from dataclasses import replace

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

import trainers
from studies.trial import Trial
from trainers import methods, networks, optimizers, pack_size, packs, registry, weights
from trainers.batches import Batches
from trainers.engines.mlp import Mlp
from trainers.measures import evaluation
from trainers.methods import _connections, synflow
from trainers.methods._masks import keep_top, keep_top_on_device, threshold

CUDA = torch.device("cuda")
#: Random pruning ranks its numbers on the host, with numpy, for which these tensors have none.
METHODS = [
    example
    for part in registry.components("method")
    for example in part.examples
    if example != "random-pruning"
]
NETWORKS = ["linear", "conv2", "resnet8"]
#: Methods that rank by the gradient of a batch. Restoring batch normalisation afterwards, they
#: replace a tensor's memory, which crashes with tensors that have none.
BY_A_BATCH = ("grasp", "snip", "synflow")


@pytest.fixture
def pretended(monkeypatch):
    """A mode in which the device ``cuda`` has tensors without numbers."""

    def gradients(outputs, inputs, **_):
        assert outputs.device.type == "cuda"
        return [torch.zeros_like(tensor) for tensor in inputs]

    def step(self, by_replica):
        for group in self._groups:
            given = [tensor for replica in group.replicas for tensor in by_replica[replica]]
            each = [*given, *group.trained, *group.first, *group.second, group.steps, group.rate]
            assert {tensor.device.type for tensor in each} == {"cuda"}
            assert [t.shape for t in given] == [t.shape for t in group.trained]

    def shares_memory(layer):
        return torch._C._is_alias_of(layer.trained, layer.effective)

    monkeypatch.setattr(torch.autograd, "grad", gradients)
    monkeypatch.setattr(optimizers.Optimizer, "step", step)
    monkeypatch.setattr(packs.Layer, "effective_is_trained", property(shares_memory))
    monkeypatch.setattr(weights, "_remembered", weights._drawn)  # nothing of the mode may stay
    monkeypatch.setattr(_connections, "_remembered_uniform", _connections._uniform)
    monkeypatch.setattr(synflow, "_ROUNDS", 2)
    with FakeTensorMode(allow_non_fake_inputs=False) as mode:
        yield mode


@pytest.fixture(scope="module")
def few(digits):
    """Some of the digits: two steps an epoch, the second of which is smaller."""
    sizes = {"train": 40, "validation": 20, "test": 30}
    cut = {
        name: {split: getattr(digits, name)[split][:n] for split, n in sizes.items()}
        for name in ("images", "labels")
    }
    return replace(digits, **cut)


def example(method, **values):
    """A trial with what its method needs."""
    part = registry.find("method", method).component
    about = {"network": "lenet-20-10", "dataset": "digits", "weights": "he-normal", "seed": 1}
    about |= {"density": 0.5} if "density" in part.reads else {}
    about |= dict(part.declared.get("NEEDS", {}))
    return trainers.check(Trial(**about | {"epochs": 20, "batch_size": 25} | values, method=method))


def begun(trials, data):
    network = networks.build(trials[0], data.shape, data.classes)
    pack, method = packs.assemble(trials, network, CUDA), methods.of(trials)
    batches = Batches(data, trials, CUDA)
    method.begin(pack, 0, batches)
    return pack, method, batches


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_begins_and_is_evaluated_on_a_gpu(method, network, few, pretended):
    if network == "resnet8" and method.startswith(BY_A_BATCH):
        pytest.skip("it replaces the memory of tensors that have none here")
    width = {} if network == "linear" else {"width": 0.05}
    trials = [example(method, network=network, seed=seed, **width) for seed in (1, 2)]
    pack, how, batches = begun(trials, few)
    found = evaluation.evaluate(pack, how, batches, "test")
    for tensor in (found.loss, found.accuracy, found.correct, found.constant, how.penalty(pack)):
        assert (tensor.device.type, len(tensor)) == ("cuda", 2)
    for layer in pack.layers:
        how.rebuild(pack, layer)
        mask = how.mask(pack, layer)
        assert (mask.device.type, mask.shape) == ("cuda", layer.weight.shape)
        turned = how.gradient(pack, layer, torch.zeros_like(layer.weight))
        assert (turned.device.type, turned.shape) == ("cuda", layer.weight.shape)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_the_steps_of_an_epoch_on_a_gpu(method, few, pretended):
    trials = [example(method, seed=seed) for seed in (1, 2, 3)]
    pack, how, batches = begun(trials, few)
    engine = Mlp(pack, how, 10)
    sizes = [25, 15]
    for (images, labels), size in zip(batches.training(1), sizes, strict=True):
        logits = engine.step(images, labels)
        assert (logits.device.type, logits.shape) == ("cuda", (3, size, 10))


def test_methods_that_mix_take_their_steps_side_by_side_on_a_gpu(few, pretended):
    mixing = [m for m in METHODS if registry.find("method", m).component.declared.get("MIXES")]
    assert {"dense", "free-pruning", "edge-popup", "biprop"} <= set(mixing)
    pack, how, batches = begun([example(method) for method in mixing], few)
    assert how.capturable
    engine = Mlp(pack, how, 10)
    for images, labels in batches.training(1):
        assert engine.step(images, labels).shape[0] == len(mixing)


def test_the_pretended_gpu_sees_what_it_is_there_for(few, pretended):
    there, here = torch.ones(3, device=CUDA), torch.ones(3)
    with pytest.raises(RuntimeError, match="device"):
        there + here
    with pytest.raises(DataDependentOutputException):  # the host waits for the device
        threshold(there, 2)


@pytest.mark.parametrize("density", [1.0, 0.9, 0.5, 0.3, 0.1])
def test_the_selection_on_a_device_is_that_on_the_host(density):
    """With many equal scores, of which the last are kept; here both on the CPU."""
    generator = torch.Generator().manual_seed(1)
    scores = torch.randint(-3, 4, (5, 97), generator=generator).float()
    values = torch.randn(5, 97, generator=generator)
    on_device, on_host = torch.empty_like(values), torch.empty_like(values)
    keep_top_on_device(values, scores, density, on_device)
    for r in range(5):
        keep_top(values[r], scores[r], density, on_host[r])
    assert torch.equal(on_device, on_host)


def test_a_pack_holds_as_many_trials_as_the_largest_of_its_methods_allows(few, monkeypatch):
    """A memory of 1000 bytes, of which 80% are filled: dense takes 50 a trial, the others 100."""
    measured = []

    def measure(trial, data, device, count):
        measured.append((trial.method, count))
        return 1.0

    monkeypatch.setattr(pack_size, "_sizes", {})
    monkeypatch.setattr(pack_size, "_measure", measure)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, 1000))
    monkeypatch.setattr(
        torch.cuda,
        "max_memory_allocated",
        lambda device: 50 if measured[-1][0] == "dense" else 100,
    )
    dense, free = example("dense"), example("free-pruning")
    assert pack_size.fitting([dense], few, "cuda", 1.0) == 16
    assert pack_size.fitting([dense, free, free], few, "cuda", 1.0) == 8
    assert [count for method, count in measured if method == "free-pruning"] == [1, 1, 2, 4, 8]
    before = len(measured)
    assert pack_size.fitting([free], few, "cuda", 1.0) == 8
    assert len(measured) == before
    assert pack_size.fitting([free], few, "cpu", 1.0) == 256
