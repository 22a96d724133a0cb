"""Softmax regression: one layer from the pixels to the classes, no hidden one.

A floor for what is claimed of networks with hidden layers.
"""

from dataclasses import replace

from trainers.networks import Network, NetworkSpec, lenet

REFUSES = ("width", "activation")


def build(wanted: NetworkSpec) -> Network:
    """LeNet without a hidden layer: on MNIST 784 * 10 = 7,840 connections."""
    return lenet.build(replace(wanted, numbers=()))
