"""Softmax regression: one layer from the pixels to the classes, and no hidden layer.

It is a baseline for claims about networks with hidden layers.
"""

from dataclasses import replace

from trainers.networks import Network, NetworkSpec, lenet

REFUSES = ("width", "activation")


def build(spec: NetworkSpec) -> Network:
    """Return LeNet without a hidden layer: on MNIST 784 * 10 = 7,840 connections."""
    return lenet.build(replace(spec, numbers=()))
