import pytest
import torch

from studies.errors import UserError
from trainers import check
from trainers.networks import build


@pytest.mark.parametrize(
    ("network", "shape", "connections"),
    [
        ("lenet-300-100", (1, 28, 28), 784 * 300 + 300 * 100 + 100 * 10),  # 266,200
        ("lenet-300-100", (1, 8, 8), 64 * 300 + 300 * 100 + 100 * 10),
        ("lenet-7", (3, 2, 2), 12 * 7 + 7 * 10),
    ],
)
def test_connections(network, shape, connections, trial):
    layers = build(trial(network=network), shape, 10).layers
    assert sum(torch.Size(layer.shape).numel() for layer in layers) == connections
    assert [layer.fan_in for layer in layers] == [layer.shape[1] for layer in layers]


def test_the_forward_pass_equals_plain_pytorch(trial):
    network = build(trial(network="lenet-30-20"), (1, 8, 8), 10)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(5, 1, 8, 8, generator=generator)
    weights = [torch.randn(2, *layer.shape, generator=generator) for layer in network.layers]
    logits = network.forward(weights, images.expand(2, *images.shape))
    for replica in range(2):
        linears = [torch.nn.Linear(w.shape[2], w.shape[1], bias=False) for w in weights]
        for linear, weight in zip(linears, weights, strict=True):
            linear.weight.data = weight[replica]
        plain = torch.nn.Sequential(
            torch.nn.Flatten(), linears[0], torch.nn.ReLU(), linears[1], torch.nn.ReLU(), linears[2]
        )
        torch.testing.assert_close(logits[replica], plain(images))


@pytest.mark.parametrize("name", ["lenet", "lenet-", "lenet-0", "lenet-03", "lenet-a", "LeNet-5"])
def test_names_that_are_no_network(name, trial):
    with pytest.raises(UserError, match=r"unknown network .*lenet-300-100"):
        check(trial(network=name))
