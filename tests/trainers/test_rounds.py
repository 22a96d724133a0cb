"""Which epochs are left, by hand: two rounds of two and three epochs."""

import pytest
import torch

from trainers import engines, networks, packs, rounds
from trainers.batches import Batches
from trainers.methods import Method

CPU = torch.device("cpu")


class TwoRounds(Method):
    """Notes the rounds that it begins."""

    def __init__(self):
        self.begun, self.epochs = [], []

    def rounds(self, trial):
        return (2, 3)

    def begin(self, pack, number, batches):
        super().begin(pack, number, batches)
        self.begun.append((number, pack.round, batches))

    def begin_epoch(self, pack):
        self.epochs.append((pack.round, pack.epoch))


@pytest.mark.parametrize(
    ("done", "epochs", "begun"),
    [
        (0, [1, 2, 3, 4, 5], [1]),
        (1, [2, 3, 4, 5], [1]),
        (2, [3, 4, 5], [1]),  # the checkpoint is from before the second round
        (3, [4, 5], []),  # in the second round, which the checkpoint holds
        (5, [], []),
    ],
)
def test_epochs_and_rounds_that_are_left(done, epochs, begun, trial, digits):
    given = [trial("dense", schedule="cosine")]
    network = networks.build(given[0], digits.shape, digits.classes)
    pack, method = packs.assemble(given, network, CPU), TwoRounds()
    stages = [Batches(digits, given, CPU), Batches(digits, given, CPU)]
    method.begin(pack, 0, stages[0])
    state = engines.start(pack, method, 1).state()
    state = {name: tensor.clone() for name, tensor in state.items()} | {"taken": torch.tensor(7)}
    left = list(rounds.remaining(pack, method, stages, done, state))
    assert [epoch for epoch, _, _ in left] == epochs
    in_rounds = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]
    assert method.epochs == [in_rounds[epoch - 1] for epoch in epochs]
    assert [number for number, _, _ in method.begun] == [0, *begun]
    for number, at, batches in method.begun:
        assert at == number
        assert batches is stages[number]
    steps = stages[0].steps
    for epoch, batches, engine in left:
        second = epoch > 2
        assert batches is stages[second]
        assert engine._steps == steps * (3 if second else 2)
        continued = done in (1, 3) and second == (done == 3)
        assert engine._steps_taken == (7 if continued else 0)
