"""Finds how many trials a GPU trains side by side: as many as fit and still raise the speed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import cycle, islice

import torch

from studies.roles import Role
from studies.trial import Trial, fields_with
from trainers import engines, methods, networks, pack_key, packs
from trainers.batches import Batches
from trainers.datasets import Dataset

#: Fraction of its share of the memory that a worker may fill.
_FILLED = 0.8
#: Trials that agree in these fields, and in their method's, are measured once.
_SHAPE = fields_with(Role.SHAPE)
#: The least factor in trials per second for which the number of trials is doubled.
_GAIN = 1.15
#: Training steps that are timed, after as many that are not.
_STEPS = 20

#: The numbers found so far, by device and shape.
_sizes: dict[tuple[object, ...], int] = {}


def fitting(trials: Sequence[Trial], data: Dataset, device: str, share: float) -> int:
    """Return how many trials like these to train side by side, measured once per process.

    What a trial takes depends on its method: weights that are trained need less memory than scores
    beside them. So each of the methods is measured, and the one that takes most of the memory
    decides. On a CPU the number does not change the speed, so it is `pack_key.MOST`.

    Args:
        trials: some that may share a pack.
        data: their data set.
        device: the device, as torch names it.
        share: the fraction of the GPU that this worker gets.
    """
    if device == "cpu":
        return pack_key.MOST
    arms = {pack_key.arm_key(trial): trial for trial in trials}
    return min(_fitting(trial, data, device, share) for trial in arms.values())


def _fitting(trial: Trial, data: Dataset, device: str, share: float) -> int:
    """Return how many trials of one method to train side by side; see `fitting`."""
    shape = tuple(getattr(trial, name) for name in _SHAPE)
    key = (device, *shape, pack_key.arm_key(trial))
    if key not in _sizes:
        torch.cuda.reset_peak_memory_stats(device)
        _measure(trial, data, device, 1)
        _, memory = torch.cuda.mem_get_info(device)
        per_trial = torch.cuda.max_memory_allocated(device)
        most = min(pack_key.MOST, max(1, int(_FILLED * share * memory / per_trial)))
        _sizes[key] = best(most, lambda count: _measure(trial, data, device, count))
    return _sizes[key]


def best(most: int, seconds: Callable[[int], float]) -> int:
    """Return the number of trials side by side beyond which doubling gains little.

    Args:
        most: the largest number to try.
        seconds: gives the seconds of a step with a number of trials; infinite if they do not fit.
    """
    timed = cache(seconds)
    count = 1
    while 2 * count <= most and 2 * timed(count) / timed(2 * count) >= _GAIN:
        count *= 2
    return count


def _measure(trial: Trial, data: Dataset, device: str, count: int) -> float:
    """Return the seconds of a training step of `count` trials, timed after an evaluation."""
    trials = [replace(trial, seed=seed) for seed in range(count)]
    torch_device = torch.device(device)
    try:
        network = networks.build(trial, data.shape, data.classes)
        pack = packs.assemble(trials, network, torch_device)
        batches, method = Batches(data, trials, torch_device), methods.of(trials)
        method.begin(pack, 0, batches)
        with torch.no_grad():
            pack.logits(next(batches.evaluation("test", network.evaluation_batch))[0])
        engine = engines.start(pack, method, 10**6)
        steps = cycle(list(islice(batches.training(1), 4)))
        for images, labels in islice(steps, _STEPS):
            engine.step(images, labels)
        torch.cuda.synchronize(torch_device)
        started = time.perf_counter()
        for images, labels in islice(steps, _STEPS):
            engine.step(images, labels)
        torch.cuda.synchronize(torch_device)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return float("inf")
    return (time.perf_counter() - started) / _STEPS
