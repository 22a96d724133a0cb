import json

import pytest
import safetensors.torch
import torch
from checkpoint_support import Memory

from studies.schemas import science
from trainers import registry
from trainers.loop import train

CASES = {
    "dense": {"method": "dense"},
    "connections": {"method": "minimal-flipping", "schedule": "cosine"},
    "moving": {"augmentation": "shift-mirror", "rescaling": "dynamic"},
    "edge-popup": {"method": "edge-popup", "density": 0.5},
    "global edge-popup": {"method": "edge-popup(global)", "density": 0.5},
    "sgd": {"method": "edge-popup-official", "density": 0.5, "optimizer": "sgd", "momentum": 0.9},
    "decoupled decay": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True}
    | {"learning_rate": 0.1, "decoupled_decay": 1e-3, "schedule": "exponential"},
    "biprop": {"method": "biprop", "density": 0.3, "rescaling": "scale-fan"},
    "bop": {"method": "bop(tau=0.001)", "optimizer": "sgd", "learning_rate": 0.1},
    "soft mask": {"method": "continuous-sparsification", "learning_rate": 0.01},
    "soft mask in rounds": {"method": "continuous-sparsification(rounds=3)", "epochs": 2},
    "gates": {"method": "hard-concrete", "learning_rate": 0.1},
    "gem-miner": {"method": "gem-miner(period=1)", "density": 0.3},
    "supermask": {"method": "supermask", "rescaling": "dynamic"},
    "signed supermask": {"method": "signed-supermask(tau=0.75)", "learning_rate": 0.01},
    "snip": {"method": "snip", "density": 0.5},
    "magnitude": {"method": "magnitude-pruning", "density": 0.5},
    "learned mask": {"method": "free-pruning-weights(shuffled)"},
    "learned signs": {"method": "free-flipping-weights"},
    "output alone": {"method": "minimal-pruning", "trained_layers": "output"},
    "lottery": {"method": "lottery-ticket", "density": 0.8, "epochs": 2},
    "late lottery": {"method": "lottery-ticket(rewind=1)", "density": 0.7, "epochs": 2},
    "lottery with batch norm": {
        "method": "lottery-ticket(rewind=1)",
        "density": 0.8,
        "epochs": 2,
        "network": "resnet8",
        "width": 0.2,
        "affine": True,
        "batch_size": 200,
    },
    "batch norm": {"network": "resnet8", "width": 0.2, "affine": True, "batch_size": 200},
    "alone": {"method": "frozen", "network": "resnet8", "width": 0.2, "batch_size": 200},
}


def figures(records):
    """Everything of the records that must be equal to the bit."""
    epochs = [{k: v for k, v in r.epoch.items() if k in science("epochs")} for r in records]
    return repr((epochs, [list(r.layers) for r in records], [r.final for r in records]))


def stop_after(trials, data, epochs, keeper):
    """Train for a number of epochs, epoch 0 included, then stop as a worker does."""
    records = train(trials, data, checkpoint_store=keeper)
    for _ in range(epochs * len(trials)):
        next(records)
    records.close()


@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
@pytest.mark.parametrize("every", [True, False])
def test_a_training_that_was_stopped_goes_on_to_the_same_bits(values, every, trial, digits):
    given = trial(**{"epochs": 4} | values)
    keeper = Memory(every=every)
    stop_after([given], digits, 3, keeper)  # epochs 0, 1 and 2
    assert keeper.saved == (2 if every else 1)
    again = Memory(keeper.content)
    found = list(train([given], digits, checkpoint_store=again))
    assert again.continued_from == 2
    assert figures(found) == figures(list(train([given], digits)))
    assert [r.epoch["epoch"] for r in found] == list(range(len(found)))


def test_epochs_before_the_checkpoint_are_not_trained_again(trial, digits):
    keeper = Memory()
    stop_after([trial(epochs=4)], digits, 3, keeper)
    before = json.loads(bytes(safetensors.torch.load(keeper.content)["about"].numpy()))["records"]
    found = list(train([trial(epochs=4)], digits, checkpoint_store=keeper))
    assert [r.epoch["train_seconds"] for r in found[:3]] == [r[1]["train_seconds"] for r in before]


def test_a_pack_goes_on_as_one(trial, digits):
    trials = [trial(seed=s, epochs=3) for s in (1, 2)]
    keeper = Memory()
    stop_after(trials, digits, 2, keeper)
    assert figures(list(train(trials, digits, checkpoint_store=keeper))) == figures(
        list(train(trials, digits))
    )
    assert keeper.continued_from == 1


OTHER = [
    {"seed": 2},
    {"epochs": 5},
    {"method": "free-flipping"},
]


@pytest.mark.parametrize("change", OTHER)
def test_another_trials_checkpoint_is_passed_over(change, trial, digits):
    keeper = Memory()
    stop_after([trial(**{"epochs": 4})], digits, 3, keeper)
    other = trial(**{"epochs": 4} | change)
    again = Memory(keeper.content)
    assert figures(list(train([other], digits, checkpoint_store=again))) == figures(
        list(train([other], digits))
    )
    assert again.continued_from is None


def test_another_formats_checkpoint_is_passed_over(trial, digits, monkeypatch):
    keeper = Memory()
    stop_after([trial(epochs=2)], digits, 2, keeper)
    tensors = safetensors.torch.load(keeper.content)
    tensors["layer.0.other"] = tensors.pop("layer.0.trained")
    changed = Memory(safetensors.torch.save(tensors))
    list(train([trial(epochs=2)], digits, checkpoint_store=changed))
    assert changed.continued_from is None


def test_another_versions_checkpoint_is_passed_over(trial, digits, monkeypatch):
    keeper = Memory()
    stop_after([trial(epochs=2)], digits, 2, keeper)
    monkeypatch.setattr("trainers.runtime.versions", lambda: "torch=0.1")
    list(train([trial(epochs=2)], digits, checkpoint_store=keeper))
    assert keeper.continued_from is None


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\0\0\0\0\0\0\0{}      "])
def test_what_is_no_checkpoint_is_passed_over(content, trial, digits):
    keeper = Memory(content)
    found = list(train([trial(epochs=1)], digits, checkpoint_store=keeper))
    assert keeper.continued_from is None
    assert figures(found) == figures(list(train([trial(epochs=1)], digits)))


def test_a_finished_training_leaves_no_checkpoint_behind_it(trial, digits):
    keeper = Memory()
    list(train([trial(epochs=1)], digits, checkpoint_store=keeper))
    assert keeper.saved == 0


def test_rounds_and_masks_go_on(trial, digits, monkeypatch):
    """A method that prunes between its rounds, stopped in each of its epochs."""
    module = registry.load("method", "dense")[0]
    monkeypatch.setattr(module, "METHOD", _Rounds())
    given = trial("dense", epochs=4)
    whole = figures(list(train([given], digits)))
    for epochs in (1, 2, 3, 4):
        keeper = Memory()
        stop_after([given], digits, epochs, keeper)
        found = list(train([given], digits, checkpoint_store=keeper))
        assert figures(found) == whole
        assert keeper.continued_from == (epochs - 1 or None)


class _Rounds(type(registry.load("method", "dense")[0].METHOD)):
    def rounds(self, trial):
        return (2, 2)

    def begin(self, pack, number, batches):
        super().begin(pack, number, batches)
        if number == 1:
            for layer in pack.layers:
                layer.mask = (layer.trained.abs() > layer.trained.abs().median()).float()
                layer.trained.mul_(layer.mask)

    def gradient(self, pack, layer, gradient):
        return gradient if layer.mask is None else gradient * layer.mask


def test_batch_normalisation_is_trained_alone_and_the_weights_are_not(trial, digits):
    given = trial("frozen", network="resnet8", width=0.5, affine=True, epochs=4, batch_size=30)
    keeper = Memory()
    stop_after([given], digits, 4, keeper)
    tensors = safetensors.torch.load(keeper.content)
    shifts = [value for name, value in tensors.items() if name.endswith(".bias")]
    assert len(shifts) == 7
    assert all((shift != 0).all() for shift in shifts)
    plain = trial("frozen", network="resnet8", width=0.5, epochs=4, batch_size=30)
    losses = [list(train([t], digits))[-1].epoch["train_full_loss"] for t in (given, plain)]
    assert losses[0] < losses[1]
    start = Memory()
    stop_after([given], digits, 2, start)
    first = safetensors.torch.load(start.content)
    weights = [name for name in first if name.endswith("trained")]
    assert all(torch.equal(first[name], tensors[name]) for name in weights)
