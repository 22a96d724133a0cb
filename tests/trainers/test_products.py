"""Products through oneDNN: their numbers against float64, and the engines that use them."""

import itertools

import pytest
import torch
from engines_support import SETTINGS, figures, stepped
from torch import Tensor

from studies.errors import UserError
from trainers import devices, engines, networks, products
from trainers.engines.autograd import Autograd, OneDnnAutograd
from trainers.engines.mlp import OneDnnMlp
from trainers.loop import train
from trainers.methods.free_pruning import FreePruning
from trainers.methods.minimal_pruning import METHOD as MINIMAL

if not products._has_onednn():
    pytest.skip("PyTorch here has no products through oneDNN", allow_module_level=True)

ONEDNN = products.by_name("onednn")
#: 25 images of 64 pixels times 700 units are enough for oneDNN; the smaller layers are not.
WIDE = {"network": "lenet-700-20"}


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def error(found: Tensor, exact: Tensor) -> float:
    """The largest difference, in ratio to the root mean square."""
    return float((found.double() - exact).abs().max() / exact.square().mean().sqrt())


@pytest.mark.parametrize("shape", [(25, 784, 300), (128, 784, 300), (100, 200, 60), (25, 4096, 12)])
def test_a_layer_and_its_gradients_are_those_of_float64(shape):
    batch, inputs, outputs = shape
    x, weight, d = drawn(batch, inputs), drawn(outputs, inputs), drawn(batch, outputs)
    found = []
    for dtype, linear in ((torch.float32, ONEDNN.linear), (torch.float64, products.OWN.linear)):
        leaves = [t.to(dtype).requires_grad_() for t in (x, weight)]
        y = linear(*leaves)
        first = torch.autograd.grad((y * d).sum(), leaves, create_graph=True)
        # GraSP differentiates once more.
        second = torch.autograd.grad(sum(g.square().sum() for g in first), leaves)
        found.append([y, *first, *second])
    for ours, exact in zip(*found, strict=True):
        assert error(ours.detach(), exact.detach()) < 2e-5


def test_a_factor_inside_the_product_is_one_after_it_to_the_bit():
    d, x, factor = drawn(300, 25), drawn(784, 25), drawn(300, 784)
    plain = ONEDNN.times(d, x, None)
    assert torch.equal(ONEDNN.times(d, x, None, factor), plain * factor)
    assert error(plain, d.double() @ x.double().mT) < 1e-5
    small = drawn(20, 25), drawn(30, 25)
    assert torch.equal(ONEDNN.times(*small, None), small[0] @ small[1].mT)


def test_the_size_of_a_product_alone_decides_what_computes_it(monkeypatch):
    asked = []
    monkeypatch.setattr(products, "_onednn", lambda a, b: asked.append((a.shape, b.shape)) or a)
    for rows in (1023, 1024):
        ONEDNN.times(drawn(rows, 32), drawn(32, 32), None)
    assert asked == [((1024, 32), (32, 32))]  # 1024 * 32 * 32 = 2^20
    doubles = drawn(1024, 32).double()
    assert ONEDNN.linear(doubles, doubles[:32]).dtype == torch.float64
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("dense", {}),
        ("free-pruning", {}),
        ("minimal-flipping", {"penalty": 0.5}),
        ("free-pruning", {"weights": "binary(scaled)"}),
        ("free-pruning", {"rescaling": "scale-fan"}),
        ("supermask", {}),
        ("random-pruning", {"density": 0.5}),
    ],
)
def test_the_engine_takes_the_steps_of_autograd(method, values, trial, digits, monkeypatch):
    given = [trial(method, **WIDE, **values)]
    for steps in (1, 10):
        slow, slow_logits = stepped(given, digits, Autograd, steps)
        with monkeypatch.context() as patch:
            through_onednn(patch)
            fast, fast_logits = stepped(given, digits, OneDnnMlp, steps)
        for one, other in zip(fast, slow, strict=True):
            close = (one - other).abs() <= 1e-6
            assert close.float().mean() > (1 - 1e-4 if steps == 1 else 0.998)
        torch.testing.assert_close(fast_logits, slow_logits, rtol=1e-3, atol=1e-4)


def through_onednn(patch):
    """Have every network use oneDNN."""
    build = networks.build
    patch.setattr(networks, "build", lambda trial, *data: build(trial, *data, ONEDNN))


def test_a_method_whose_gradient_is_a_product_says_by_what(trial, digits, monkeypatch):
    asked = []

    class Own(FreePruning):
        def gradient(self, pack, layer, gradient):
            asked.append(layer.name)
            return super().gradient(pack, layer, gradient)

    through_onednn(monkeypatch)
    expected, _ = stepped([trial(**WIDE)], digits, OneDnnMlp, 3)
    monkeypatch.setattr("trainers.methods.free_pruning.METHOD", Own())
    found, _ = stepped([trial(**WIDE)], digits, OneDnnMlp, 3)
    assert asked == ["fc1", "fc2", "fc3"] * 3  # a method that overrides `gradient` is asked
    assert all(itertools.starmap(torch.equal, zip(found, expected, strict=True)))
    assert MINIMAL.gradient_factor(None, None) is None


@pytest.mark.parametrize("network", ["lenet-700-20", "conv2"])
def test_packed_equals_alone_and_twice_equals_once_to_the_bit(network, trial, digits):
    width = 0.25 if network == "conv2" else 1.0  # its first dense layer has 1024 inputs
    chosen = SETTINGS[:2] if network == "conv2" else SETTINGS
    trials = [trial(network=network, epochs=1, width=width, **values) for values in chosen]
    alone = {t: figures(list(train([t], digits, products=ONEDNN)), t) for t in trials}
    again = list(train(trials[:1], digits, products=ONEDNN))
    assert figures(again, trials[0]) == alone[trials[0]]
    packed = list(train(trials, digits, products=ONEDNN))
    assert {t: figures(packed, t) for t in trials} == alone


def test_trials_end_at_about_the_same_accuracy_and_name_their_engine(trial, digits):
    trials = [trial(seed=seed, epochs=3, **WIDE) for seed in (1, 2, 3)]
    accuracy, recorded = {}, {}
    for by in (products.OWN, ONEDNN):
        finals = [r.final for t in trials for r in train([t], digits, products=by) if r.final]
        recorded[by.name] = {final["engine"] for final in finals}
        accuracy[by.name] = sum(final["test_accuracy"] for final in finals) / len(finals)
    assert recorded == {"mm": {"mlp"}, "onednn": {"mlp-onednn"}}
    assert abs(accuracy["mm"] - accuracy["onednn"]) < 0.01
    assert OneDnnAutograd.name == "leaf-onednn"
    assert {
        kind.name: devices.products_of(kind.name) == by
        for by, kinds in engines._ENGINES.items()
        for kind in kinds
    } == dict.fromkeys(("mlp", "leaf", "mlp-onednn", "leaf-onednn"), True)


def test_products_that_pytorch_lacks_are_refused(monkeypatch):
    monkeypatch.setattr(products, "_has_onednn", lambda: False)
    with pytest.raises(UserError, match="cannot multiply through oneDNN; give --engine mm"):
        products.by_name("onednn")
    assert products.by_name("mm") is products.OWN


AVX512 = "fma avx2 avx512f avx512bw avx512dq avx512vl"
ZEN_5 = {"vendor_id": "AuthenticAMD", "cpu family": "26", "flags": AVX512}


@pytest.mark.parametrize(
    ("cpu", "limit", "expected"),
    [
        (ZEN_5, "", "onednn"),
        (ZEN_5 | {"cpu family": "27"}, "", "onednn"),
        (ZEN_5 | {"cpu family": "25"}, "", "mm"),  # Zen 4: 512 bits take two turns
        (ZEN_5 | {"cpu family": "?"}, "", "mm"),
        (ZEN_5 | {"flags": "fma avx2"}, "", "mm"),
        (ZEN_5, "avx2", "mm"),
        (ZEN_5 | {"vendor_id": "GenuineIntel"}, "", "mm"),
        ({}, "", "mm"),
    ],
)
def test_the_processor_alone_decides_what_is_preferred(cpu, limit, expected, monkeypatch):
    monkeypatch.setattr(devices, "cpuinfo", lambda: cpu)
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    if limit:
        monkeypatch.setenv("ATEN_CPU_CAPABILITY", limit)
    assert devices.preferred_products() == expected
