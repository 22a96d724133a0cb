"""How many trials a GPU trains side by side: by its memory, and by what more of them still gain."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import cycle, islice

import torch

from studies.roles import Role
from studies.trial import Trial, fields_with
from trainers import engines, networks, pack_key, packs
from trainers.batches import Batches
from trainers.datasets import Dataset
from trainers.methods import of as method_of

#: How much of its share of the memory a worker may fill.
_FILLED = 0.8
#: Trials that agree in these fields are measured once.
_SHAPE = fields_with(Role.SHAPE)
#: What twice as many must gain in trials per second to be worth it.
_GAIN = 1.15
_STEPS = 20

_found: dict[tuple[object, ...], int] = {}


def fitting(trial: Trial, data: Dataset, device: str, share: float) -> int:
    """How many trials like this one are trained side by side, found out once per process.

    On a CPU, which gains nothing from it, as many as are asked for, up to a bound.

    Args:
        trial: any of them.
        data: its data set.
        device: as torch names it.
        share: of the GPU that this worker gets.
    """
    if device == "cpu":
        return pack_key.MOST
    shape = {name: getattr(trial, name) for name in _SHAPE}
    plain = Trial(**shape, method="dense", weights="he-constant", seed=0, epochs=1)
    key = (device, *shape.values())
    if key not in _found:
        torch.cuda.reset_peak_memory_stats(device)
        _measure(plain, data, device, 1)
        _, memory = torch.cuda.mem_get_info(device)
        one = torch.cuda.max_memory_allocated(device)
        most = min(pack_key.MOST, max(1, int(_FILLED * share * memory / one)))
        _found[key] = best(most, lambda count: _measure(plain, data, device, count))
    return _found[key]


def best(most: int, seconds: Callable[[int], float]) -> int:
    """The number of trials side by side beyond which twice as many gain little.

    Args:
        most: to be tried.
        seconds: of a step with so many; infinite where they do not fit.
    """
    timed = cache(seconds)
    count = 1
    while 2 * count <= most and 2 * timed(count) / timed(2 * count) >= _GAIN:
        count *= 2
    return count


def _measure(trial: Trial, data: Dataset, device: str, count: int) -> float:
    """Seconds of a training step of so many trials, an evaluation having been done before."""
    trials = [replace(trial, seed=seed) for seed in range(count)]
    where = torch.device(device)
    try:
        network = networks.build(trial, data.shape, data.classes)
        pack = packs.assemble(trials, network, where)
        batches, method = Batches(data, trials, where), method_of(trials)
        method.begin(pack, 0, batches)
        with torch.no_grad():
            pack.logits(next(batches.evaluation("test", network.evaluation_batch))[0])
        engine = engines.start(pack, method, 10**6)
        steps = cycle(list(islice(batches.training(1), 4)))
        for images, labels in islice(steps, _STEPS):
            engine.step(images, labels)
        torch.cuda.synchronize(where)
        started = time.perf_counter()
        for images, labels in islice(steps, _STEPS):
            engine.step(images, labels)
        torch.cuda.synchronize(where)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return float("inf")
    return (time.perf_counter() - started) / _STEPS
