"""The rounds of a training: which epochs are left, and with which data set and engine."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from trainers import engines
from trainers.batches import Batches
from trainers.engines import Engine, Graphed
from trainers.methods import Method
from trainers.packs import Pack


def remaining(
    pack: Pack,
    method: Method,
    stages: Sequence[Batches],
    done: int,
    engine_state: Mapping[str, Tensor],
) -> Iterator[tuple[int, Batches, Engine | Graphed]]:
    """Begin each round that is left, and its epochs, and yield these.

    Args:
        pack: begun by the method, and restored if a checkpoint is continued.
        method: of all its trials.
        stages: batches of the data sets that it is trained on one after another, one or two.
        done: epochs that the checkpoint has behind it; 0 without one.
        engine_state: of the checkpoint, see `Engine.state`.

    Yields:
        The epoch (from 1), the batches to train it on, and the engine that takes its steps.
    """
    ends = itertools.accumulate(method.rounds(pack.trial))
    for number, (first, last) in enumerate(itertools.pairwise([0, *ends])):
        if done >= last:
            continue
        pack.round, pack.epoch, batches = number, 0, stages[min(number, len(stages) - 1)]
        if number > 0 and done <= first:
            method.begin(pack, number, batches)
        engine = engines.start(pack, method, (last - first) * batches.steps)
        if done > first:
            engine.restore(engine_state)
        for epoch in range(max(first, done) + 1, last + 1):
            pack.epoch = epoch - first - 1
            method.begin_epoch(pack)
            yield epoch, batches, engine
