"""Files of trained networks: the same network to the bit, small, and refused where damaged."""

import json
import subprocess
import sys

import numpy as np
import pytest
import safetensors.torch
import torch

import trainers
from studies.errors import UserError
from trainers import methods, networks, registry
from trainers.batches import Batches
from trainers.loop import train
from trainers.measures.evaluation import evaluate, images_at_once
from trainers.network_files import export
from trainers.network_files import format as network_format
from trainers.network_files.format import network_from_bytes, read_network
from trainers.network_files.module import PlainNetwork
from trainers.recording import Keep

SETTINGS = {"density": 0.5, "learning_rate": 0.1}
METHODS = [example for part in registry.components("method") for example in part.examples]
NETWORKS = ["linear", "lenet-20-10", "conv2", "conv4", "conv6", "resnet8", "resnet14"]
#: Narrow where that is quick; residual networks are not: oneDNN corrupts memory there.
NARROW = {"conv2": 0.1, "conv4": 0.1, "conv6": 0.1}


def file_of(trial, data):
    """The file and the last record of a training."""
    record = list(train([trial], data, keep=Keep(networks=True)))[-1]
    return record.network, record.final


def with_method(trial, method, **values):
    found = registry.find("method", method)
    needs = dict(found.component.declared.get("NEEDS", {}))
    needs |= {"density": 0.5} if "density" in found.component.reads else {}
    needs["epochs"] = found.parameters.get("period", 1) + 1
    return trainers.check(trial(method, **needs | values))


def same_to_the_bit(trial, data):
    """Loaded, it scores what was recorded, and the ordinary module has the same logits."""
    content, final = file_of(trial, data)
    saved = network_from_bytes(content)
    pack, batches = saved.pack(), Batches(data, [trial], torch.device("cpu"))
    again = evaluate(pack, methods.load(trial), batches, "test")
    assert again.accuracy.item() == final["test_accuracy"] == saved.about["scores"]["test_accuracy"]
    assert again.loss.item() == final["test_loss"]
    assert np.packbits(again.correct[0].numpy()).tobytes() == final["test_correct"]
    if trial.method == "supermask":  # its module has the expected mask
        return
    size, module = images_at_once(pack), PlainNetwork(saved)
    pack.evaluating(True)
    with torch.no_grad():
        ours = [pack.logits(images)[0] for images, _ in batches.evaluation("test", size)]
        theirs = [module(x) for x in torch.from_numpy(data.images["test"]).split(size)]
    assert torch.equal(torch.cat(ours), torch.cat(theirs))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_comes_back_to_the_bit(method, trial, digits):
    same_to_the_bit(with_method(trial, method), digits)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_comes_back_to_the_bit(network, trial, digits):
    width = NARROW.get(network, 1.0)
    same_to_the_bit(trial(network=network, epochs=1, batch_size=200, width=width), digits)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_in_every_network_comes_back_to_the_bit(method, network, trial, digits):
    same_to_the_bit(with_method(trial, method, network=network, batch_size=200), digits)


@pytest.mark.parametrize(
    "values",
    [
        {"weights": "binary(scaled)"},
        {"rescaling": "dynamic"},
        {"rescaling": "scale-fan"},
        {"activation": "selu"},
        {"score_offset": 0.5},
        {"trained_layers": "output"},
        {"network": "resnet8", "affine": True, "batch_size": 200, "epochs": 1},
        {"width": 0.5},
    ],
)
def test_every_setting_comes_back_to_the_bit(values, trial, digits):
    same_to_the_bit(trial(**values), digits)


def test_supermask_is_loaded_with_its_expected_mask(trial, digits):
    content, final = file_of(trial("supermask", learning_rate=0.1, epochs=5), digits)
    module = PlainNetwork(network_from_bytes(content))
    right = module(torch.from_numpy(digits.images["test"])).argmax(dim=1).numpy()
    accuracy = (right == digits.labels["test"]).mean()
    assert accuracy == pytest.approx(final["expected_test_accuracy"], abs=1e-9)


@pytest.mark.parametrize("method", ["free-pruning", "minimal-flipping", "edge-popup"])
def test_a_connection_takes_a_bit(method, trial, digits):
    given = with_method(trial, method, network="lenet-300-100", epochs=1)
    content, _ = file_of(given, digits)
    connections = 64 * 300 + 300 * 100 + 100 * 10
    beside = 4 * 64 + 2048  # the mean image, and the header
    assert connections / 8 <= len(content) <= connections / 8 + beside


@pytest.fixture
def content(trial, digits):
    return file_of(trial(), digits)[0]


def changed(content, **about):
    """The file with something else in its JSON."""
    tensors = safetensors.torch.load(content)
    known = json.loads(network_format._metadata(content)["network"]) | about
    known["sha256"] = network_format._of_all(tensors, known)
    return safetensors.torch.save(tensors, {"network": json.dumps(known)})


def test_a_file_holds_what_its_network_is_and_scored(content, trial):
    saved = network_from_bytes(content)
    assert saved.trained.trial == trial()
    assert saved.about["dataset"] == "digits"
    assert set(saved.about["scores"]) >= {"test_accuracy", "outcome"}


def test_weights_that_are_drawn_otherwise_are_noticed(content):
    saved = network_from_bytes(changed(content, weights_sha256="0" * 64))
    with pytest.raises(UserError, match="weights are drawn otherwise here"):
        saved.pack()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: c[:-1], "not a network that untuned can read, or damaged"),
        (lambda c: c.replace(b"digits", b"digitz", 1), "damaged: it is not what was written"),
        (lambda c: c[:-3] + b"abc", "damaged: it is not what was written"),
        (lambda c: b"", "not a network that untuned can read"),
        (lambda c: b"PK" + c, "not a network that untuned can read"),
        (lambda c: changed(c, format=99), "written by a newer untuned"),
        (lambda c: changed(c, classes=3), "not a network that untuned can read"),
        (lambda c: changed(c, shape=[1, 10**5, 10**5]), "connections; at most"),
        (lambda c: changed(c, trial={"method": "dense"}), "the trial has no network"),
        (
            lambda c: safetensors.torch.save({"x": torch.ones(1)}),
            "not a network that untuned can read",
        ),
    ],
)
def test_what_is_damaged_or_foreign_is_refused_in_a_line(spoil, message, content, tmp_path):
    path = tmp_path / "network.safetensors"
    path.write_bytes(spoil(content))
    with pytest.raises(UserError, match=message) as error:
        trainers.load_network(path)
    assert str(error.value).startswith(f"network {path}: ")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        trainers.load_network(tmp_path / "none")


def test_a_state_dict_has_ordinary_weights(content):
    module = PlainNetwork(network_from_bytes(content))
    tensors = safetensors.torch.load(export.state_dict(module))
    assert {n: tuple(t.shape) for n, t in tensors.items() if n.endswith("weight")} == {
        "fc1.weight": (20, 64),
        "fc2.weight": (10, 20),
        "fc3.weight": (10, 10),
    }
    mine = torch.nn.Sequential(
        *(torch.nn.Linear(a, b, bias=False) for a, b in ((64, 20), (20, 10), (10, 10)))
    )
    for i, layer in enumerate(mine, start=1):
        layer.weight = torch.nn.Parameter(tensors[f"fc{i}.weight"])
    x = torch.rand(5, 1, 8, 8) * 16
    normal = ((x / tensors["white"] - tensors["mean"]) / tensors["std"]).flatten(1)
    by_hand = mine[2](mine[1](mine[0](normal).relu()).relu())
    assert torch.allclose(module(x), by_hand, atol=1e-5)


@pytest.mark.parametrize("network", ["resnet8"])
def test_pytorch_alone_runs_an_exported_program(network, trial, digits, tmp_path):
    content, _ = file_of(trial(network=network, epochs=1, batch_size=200), digits)
    module = PlainNetwork(network_from_bytes(content))
    images = torch.from_numpy(digits.images["test"][:50])
    (tmp_path / "net.pt2").write_bytes(export.program(module))
    torch.save({"images": images, "logits": module(images)}, tmp_path / "pair.pt")
    script = (
        "import torch, sys; net = torch.export.load('net.pt2').module();"
        "pair = torch.load('pair.pt', weights_only=True);"
        "assert torch.equal(net(pair['images']), pair['logits']);"
        "assert not {'trainers', 'studies'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("network", ["lenet-20-10", "resnet8"])
def test_onnx_computes_the_same(network, trial, digits):
    onnx = pytest.importorskip("onnx")
    reference = pytest.importorskip("onnx.reference")
    content, _ = file_of(trial(network=network, epochs=1, batch_size=200), digits)
    module = PlainNetwork(network_from_bytes(content))
    images = digits.images["test"][:7]
    model = reference.ReferenceEvaluator(onnx.load_from_string(export.onnx(module)))
    (logits,) = model.run(None, {"images": images})
    assert logits == pytest.approx(module(torch.from_numpy(images)).numpy(), abs=1e-3)


def test_networks_of_a_foreign_shape_are_reported(trial, digits):
    with pytest.raises(UserError, match="needs at least"):
        networks.build(trial(network="conv8"), (1, 8, 8), 10)


def test_a_pipe_is_no_network_and_is_not_waited_for():
    with pytest.raises(UserError, match=r"network /dev/null: cannot be read .it is a pipe or a"):
        read_network("/dev/null")
