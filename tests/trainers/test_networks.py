import math

import pytest
import torch
from torch import nn

from studies.errors import UserError
from trainers import check
from trainers.networks import build
from trainers.packs import assemble

CIFAR, MNIST, DIGITS = (3, 32, 32), (1, 28, 28), (1, 8, 8)


def connections(network, shape, trial, **values):
    layers = build(trial(network=network, **values), shape, 10).layers
    return sum(math.prod(layer.shape) for layer in layers)


@pytest.mark.parametrize(
    ("network", "shape", "expected"),
    [
        ("lenet-300-100", MNIST, 266_200),  # 784 * 300 + 300 * 100 + 100 * 10
        ("lenet-300-100", DIGITS, 64 * 300 + 300 * 100 + 100 * 10),
        ("lenet-7", (3, 2, 2), 12 * 7 + 7 * 10),
        ("linear", MNIST, 7_840),
        ("conv2", CIFAR, 4_300_992),
        ("conv4", CIFAR, 2_425_024),
        ("conv6", CIFAR, 2_261_184),
        # conv6 without its first fully connected layer, two more convolutions, one pooling more
        ("conv8", CIFAR, 2_261_184 - 4096 * 256 + 9 * 512 * (256 + 512) + 2048 * 256),
        ("conv2", MNIST, 9 * 64 * (1 + 64) + 14 * 14 * 64 * 256 + 256 * 256 + 2560),
        # 432 + 6 * 2304 + 4608 + 5 * 9216 + 512 + 18432 + 5 * 36864 + 2048 + 640
        ("resnet20", CIFAR, 270_896),
    ],
)
def test_connections(network, shape, expected, trial):
    assert connections(network, shape, trial) == expected


def test_width_is_a_factor_on_every_hidden_layer(trial):
    assert connections("lenet-300-100", MNIST, trial, width=0.1) == 784 * 30 + 30 * 10 + 10 * 10
    assert connections("lenet-3", DIGITS, trial, width=1.5) == 64 * 5 + 5 * 10  # 4.5 rounds up
    assert connections("lenet-3", DIGITS, trial, width=0.01) == 64 * 1 + 1 * 10  # at least one
    half = 9 * (3 * 32 + 32 * 32) + 16 * 16 * 32 * 128 + 128 * 128 + 128 * 10
    assert connections("conv2", CIFAR, trial, width=0.5) == half
    layers = build(trial(network="resnet8", width=2), CIFAR, 10).layers
    assert [layer.shape[0] for layer in layers if layer.name.endswith("conv2")] == [32, 64, 128]


def test_fans_are_counted_as_keras_does(trial):
    layers = {la.name: la for la in build(trial(network="conv2"), CIFAR, 10).layers}
    assert (layers["conv1"].fan_in, layers["conv1"].fan_out) == (27, 9 * 64)
    assert (layers["fc1"].fan_in, layers["fc1"].fan_out) == (16 * 16 * 64, 256)


def test_resnet20_has_the_22_layers_of_the_official_code(trial):
    network = build(trial(network="resnet20"), CIFAR, 10)
    assert len(network.layers) == 22
    assert [la.name for la in network.layers if la.name.endswith("shortcut")] == [
        "stage2.block1.shortcut",
        "stage3.block1.shortcut",
    ]
    assert network.channels == (16, *[16] * 6, *[32] * 6, *[64] * 6)


def test_the_logits_of_softmax_regression_by_hand(trial):
    network = build(trial(network="linear"), (1, 1, 2), 3)
    assert [(la.name, la.shape, la.fan_in, la.fan_out) for la in network.layers] == [
        ("fc1", (3, 2), 2, 3)
    ]
    weight = torch.tensor([[[1.0, -1.0], [0.5, 0.5], [0.0, -2.0]]])
    images = torch.tensor([[1.0, 2.0], [-3.0, 1.0]]).view(1, 2, 1, 1, 2)
    # No activation anywhere: logits may be negative.
    logits = network.forward([weight], images, [[]])
    assert logits.tolist() == [[[-1.0, 1.5, -4.0], [-4.0, -1.0, -2.0]]]


def plain_lenet(weights):
    sizes = [w.shape for w in weights]
    modules = [nn.Flatten()]
    for out, into in sizes:
        modules += [nn.Linear(into, out, bias=False), nn.ReLU()]
    return modules[:-1]


def plain_conv(weights):
    modules = []
    for number, weight in enumerate(weights[:-3], start=1):
        modules += [nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, bias=False)]
        modules += [nn.ReLU()] + ([nn.MaxPool2d(2)] if number % 2 == 0 else [])
    return modules + plain_lenet(weights[-3:])


class PlainBlock(nn.Module):
    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(into, out, 1, stride, bias=False) if stride == 2 else None
        self.norm1, self.norm2 = (nn.BatchNorm2d(out, eps=1e-3, affine=False) for _ in range(2))

    def forward(self, x):
        y = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(y + (x if self.shortcut is None else self.shortcut(x)))


def plain_resnet(weights):
    modules = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16, eps=1e-3, affine=False)]
    modules += [nn.ReLU(), PlainBlock(16, 16, 1), PlainBlock(16, 32, 2), PlainBlock(32, 64, 2)]
    return [*modules, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10, bias=False)]


@pytest.mark.parametrize(
    ("network", "shape", "plain"),
    [
        ("lenet-30-20", DIGITS, plain_lenet),
        ("linear", DIGITS, plain_lenet),
        ("conv2", CIFAR, plain_conv),
        ("conv4", MNIST, plain_conv),  # 28 -> 14 -> 7
        ("conv6", DIGITS, plain_conv),  # 8 -> 4 -> 2 -> 1
        ("conv8", (3, 17, 30), plain_conv),  # pixels that do not divide are cut off
        ("resnet8", CIFAR, plain_resnet),
    ],
)
@pytest.mark.parametrize("evaluating", [False, True])
@torch.no_grad()
def test_a_forward_pass_equals_plain_pytorch(network, shape, plain, evaluating, trial):
    trials = [trial(network=network, seed=seed) for seed in (1, 2)]
    pack = assemble(trials, build(trials[0], shape, 10), torch.device("cpu"))
    for layer in pack.layers:
        layer.effective = layer.weight
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 5, *shape, generator=generator)
    pack.evaluating(evaluating)
    logits = pack.logits(images)
    assert logits.shape == (2, 5, 10)
    for replica in range(2):
        weights = [layer.weight[replica] for layer in pack.layers]
        model = nn.Sequential(*plain(weights)).train(not evaluating)
        for parameter, weight in zip(model.parameters(), weights, strict=True):
            parameter.data = weight
        torch.testing.assert_close(logits[replica], model(images[replica]), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_batch_normalisation_is_kerass(trial):
    given = trial(network="resnet8")
    pack = assemble([given], build(given, CIFAR, 10), torch.device("cpu"))
    norm = pack.norms[0][0]
    assert norm.weight is None
    x = torch.randn(4, 16, 3, 3, generator=torch.Generator().manual_seed(0)) * 2 + 1
    mean, variance = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), correction=0)
    normal = (x - mean[:, None, None]) / (variance[:, None, None] + 1e-3).sqrt()
    torch.testing.assert_close(norm(x), normal)
    # Keras: moving = 0.99 moving + 0.01 batch, the variance with Bessel's correction (36 / 35)
    torch.testing.assert_close(norm.running_mean, 0.01 * mean)
    torch.testing.assert_close(norm.running_var, 0.99 + 0.01 * variance * 36 / 35)
    pack.evaluating(True)
    moved = (x - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + 1e-3).sqrt()
    torch.testing.assert_close(norm(x), moved)


@pytest.mark.parametrize(
    ("network", "shape", "least"),
    [("conv8", DIGITS, 16), ("conv2", (1, 1, 9), 2), ("resnet8", (3, 4, 4), 5)],
)
def test_pooling_that_runs_out_of_pixels(network, shape, least, trial):
    message = rf"network {network}: it halves images and needs at least {least}x{least} pixels"
    with pytest.raises(UserError, match=message):
        build(trial(network=network), shape, 10)


def test_a_network_that_no_machine_could_hold(trial):
    with pytest.raises(UserError, match=r"network lenet-99999-99999: .* connections; at most"):
        build(trial(network="lenet-99999-99999"), MNIST, 10)


@pytest.mark.parametrize(
    "name", ["lenet", "lenet-", "lenet-0", "lenet-03", "lenet-a", "LeNet-5", "conv3", "resnet18"]
)
def test_names_that_are_no_network(name, trial):
    with pytest.raises(UserError, match=r"unknown network .*lenet-300-100"):
        check(trial(network=name))


@pytest.mark.parametrize("change", [{"width": 2.0}, {"activation": "gelu"}])
def test_softmax_regression_refuses_what_hidden_layers_have(change, trial):
    message = "is given, but it makes no difference to the network linear; leave it out"
    with pytest.raises(UserError, match=message):
        check(trial(network="linear", **change))
    check(trial(network="linear"))


def test_affine_belongs_to_networks_with_batch_normalisation(trial):
    message = "affine: true is given, but the network conv2 does not use it; .*: resnet20"
    with pytest.raises(UserError, match=message):
        check(trial(network="conv2", affine=True))
    check(trial(network="resnet8", affine=True))
