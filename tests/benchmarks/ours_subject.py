"""A checkout of this project, of any commit since `make bench` exists, as a subject.

    python -P ours_subject.py

The checkout and its benchmarks, which know its insides, must be the first on Python's path.
"""

import time
from functools import cache

import epochs
import steps
from subjects import serve
from table import noise, trial

from trainers import runtime

#: Batches of different images that a trial goes through again and again.
_BATCHES = 40


@cache
def in_training(method, network, batch_size):
    """A trial that is stepped on from one request to the next."""
    shape = (1, 28, 28) if network.startswith("lenet") else steps.CIFAR
    given = trial(method, network=network, batch_size=batch_size)
    return steps.Ours(given, noise(shape, (batch_size * _BATCHES, 50, 50)))


@cache
def in_shape_of_mnist(images):
    """Random images in MNIST's shape, with MNIST's numbers for validation and test."""
    return noise((1, 28, 28), (images, 5_000, 10_000))


def answer(what, method, network, batch_size, count):
    """Seconds, by what they are spent on.

    Args:
        what: ``step`` or ``trial``.
        method: the trial's.
        network: the trial's.
        batch_size: the trial's.
        count: steps; or epochs and images of a trial.
    """
    if what == "step":
        return {"step": in_training(method, network, batch_size).seconds(count)}
    number, images = count
    given = trial(method, network=network, batch_size=batch_size, epochs=number)
    data = in_shape_of_mnist(images)
    started = time.perf_counter()
    records = list(epochs.train([given], data))
    taken = time.perf_counter() - started
    return {"all": taken, "training": sum(r.epoch["train_seconds"] for r in records)}


runtime.settle()
serve(answer)
