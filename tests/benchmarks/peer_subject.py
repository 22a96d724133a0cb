"""A peer's own training loop on LeNet-300-100 and MNIST, as a subject.

    python -P peer_subject.py NAME DATA

A copy of the peer's code that runs with today's libraries (see `peers.py`) must be the first on
Python's path. DATA holds torchvision's MNIST in the folder `mnist`. Each answer is the time of an
epoch.
"""

import argparse
import itertools
import sys
import tempfile
import time
from functools import cache

import torch
from subjects import serve

NAME, DATA = sys.argv[1:]


@cache
def open_lth(batch_size):
    """open_lth: dense training by `training.train.train`, with the model and data of its own."""
    import datasets.registry
    import models.registry
    from platforms import base, platform
    from training.train import train

    class Here(base.Platform):
        root = dataset_root = imagenet_root = DATA

    platform._PLATFORM = Here(num_workers=0)
    asked = models.registry.get_default_hparams("mnist_lenet_300_100")
    asked.dataset_hparams.batch_size, asked.training_hparams.training_steps = batch_size, "1ep"
    loader = datasets.registry.get(asked.dataset_hparams, train=True)

    def epoch():
        with tempfile.TemporaryDirectory() as output:
            train(asked.training_hparams, models.registry.get(asked.model_hparams), loader, output)

    return epoch


@cache
def hidden_networks(batch_size):
    """hidden-networks: edge-popup by `simple_mnist_example.train`, on layers of its own."""
    import simple_mnist_example as example
    from torch import nn
    from torchvision import datasets, transforms

    example.args = argparse.Namespace(sparsity=0.5, log_interval=1_000_000)
    sizes, layers = (784, 300, 100, 10), [nn.Flatten()]
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [example.SupermaskLinear(inputs, outputs, bias=False), nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    scores = [parameter for parameter in net.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(scores, lr=0.1, momentum=0.9, weight_decay=0.0005)
    normal = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.1307, 0.3081)])
    images = datasets.MNIST(f"{DATA}/mnist", train=True, transform=normal)
    loader = torch.utils.data.DataLoader(images, batch_size=batch_size, shuffle=True)
    device, loss = torch.device("cpu"), nn.CrossEntropyLoss()
    return lambda: example.train(net, device, loader, optimizer, loss, 1)


def answer(batch_size):
    """Seconds of an epoch."""
    epoch = {"open_lth": open_lth, "hidden-networks": hidden_networks}[NAME](batch_size)
    started = time.perf_counter()
    epoch()
    return {"training": time.perf_counter() - started}


torch.set_num_threads(1)
serve(answer)
