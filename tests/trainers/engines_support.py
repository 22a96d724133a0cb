"""What the tests of engines share."""

import itertools

import torch

from studies.schemas import science
from trainers import engines, methods, networks, packs
from trainers.batches import Batches

CPU = torch.device("cpu")


def begun(trials, data, kind=None):
    """An engine with a pack that its methods have begun."""
    network = networks.build(trials[0], data.shape, data.classes)
    pack = packs.assemble(trials, network, CPU)
    method, batches = methods.of(trials), Batches(data, trials, CPU)
    method.begin(pack, 0, batches)
    return (kind or engines.choose(pack))(pack, method, 100), batches


def stepped(trials, data, kind, steps):
    """What is trained after some steps, and the logits of the last one."""
    engine, batches = begun(trials, data, kind)
    for images, labels in itertools.islice(batches.training(1), steps):
        logits = engine.step(images, labels)
    return [layer.trained.clone() for layer in engine.pack.layers], logits


SETTINGS = [
    {"method": "dense"},
    {"method": "dense", "learning_rate": 3e-3, "seed": 2},
    {"method": "minimal-flipping", "weights": "he-constant", "positive_fraction": 0.8},
    {"method": "maximal-pruning", "rescaling": "dynamic", "learning_rate": 3e-3},
    {"method": "minimal-pruning", "penalty": 2.0, "adam_epsilon": 1e-6},
]


def figures(records, trial):
    """Everything of a trial's records that must be equal to the bit."""
    found = [r for r in records if r.trial == trial]
    epochs = [{k: v for k, v in r.epoch.items() if k in science("epochs")} for r in found]
    return repr((epochs, [list(r.layers) for r in found], found[-1].final))
