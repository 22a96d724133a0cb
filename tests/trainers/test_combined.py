"""Methods that are made of other methods."""

import inspect

import pytest
import torch

from trainers.methods import Method
from trainers.methods._combined import Combined
from trainers.methods._learned import LearnedMask
from trainers.methods._mixed import Mixed
from trainers.methods._staged import Staged
from trainers.methods.dense import METHOD as DENSE
from trainers.methods.free_pruning import METHOD as FREE_PRUNING
from trainers.methods.supermask import METHOD as SUPERMASK
from trainers.packs import Layer, Pack

PROTOCOL = [name for name, _ in inspect.getmembers(Method, inspect.isfunction) if name[0] != "_"]
PROMISES = ["by_mask", "capturable", "elementwise"]
TRAITS = ["flips", "sets_kept_share", "trains_weights"]


class Recording(Method):
    """Records each call of the protocol and returns a value of its own."""

    def __init__(self):
        self.calls = []


def _recorded(name):
    def call(self, *arguments):
        self.calls.append((name, arguments))
        return name

    return call


for protocol_name in PROTOCOL:
    setattr(Recording, protocol_name, _recorded(protocol_name))


class Second(Combined):
    """The second method is always active."""

    def active(self, pack):
        return self.methods[1]


def test_the_protocol_is_what_the_loop_calls():
    public = {name for name in vars(Method) if not name.startswith("_")}
    assert public == {*PROTOCOL, *PROMISES, *TRAITS}
    assert {"rounds", "begin", "gradient", "rebuild", "mask", "penalty"} <= public


@pytest.mark.parametrize("name", PROTOCOL)
def test_every_method_of_the_protocol_is_forwarded(name):
    assert name in vars(Combined)  # not inherited from Method, which would train dense
    first, second = Recording(), Recording()
    signature = inspect.signature(getattr(Method, name))
    arguments = tuple(object() for _ in range(len(signature.parameters) - 1))
    returned = getattr(Second(first, second), name)(*arguments)
    assert returned == (None if signature.return_annotation is None else name)
    receiver, other = (first, second) if name == "rounds" else (second, first)
    assert receiver.calls == [(name, arguments)]  # with the very same arguments
    assert other.calls == []


@pytest.mark.parametrize("name", PROTOCOL)
def test_methods_side_by_side_join_what_each_replica_gets(name):
    # All methods that mix have one round and Method's own states of evaluation.
    assert (name in vars(Mixed)) != (name in ("rounds", "evaluated", "deployed", "expected"))


class Doubling(Method):
    """Returns a gradient of its own, and notes the packs whose epochs it sets up."""

    def __init__(self):
        self.packs = []

    def begin_epoch(self, pack):
        self.packs.append([trial.seed for trial in pack.trials])

    def gradient(self, pack, layer, gradient):
        return 2 * gradient


def test_each_method_gets_its_own_replicas_alone(trial):
    first, second = Doubling(), Doubling()
    mixed = Mixed([(first, 1), (DENSE, 1), (second, 2)])
    layer = Layer("fc1", torch.zeros(4, 1, 2))
    layer.trained, layer.effective = torch.zeros(4, 1, 2), torch.zeros(4, 1, 2)
    pack = Pack([trial(seed=seed) for seed in (1, 2, 3, 4)], None, [layer])
    mixed.begin_epoch(pack)
    assert (first.packs, second.packs) == ([[1]], [[3, 4]])
    gradient = torch.arange(8.0).view(4, 1, 2)
    assert mixed.gradient(pack, layer, gradient) is gradient  # the engine's own tensor
    assert gradient.flatten().tolist() == [0, 2, 2, 3, 8, 10, 12, 14]


def test_replicas_of_a_layer_know_its_place_and_its_steps():
    """Masks that are drawn anew depend on both."""
    layer = Layer("fc2", torch.arange(6.0).view(3, 1, 2), index=1, steps=7)
    layer.trained = layer.effective = layer.weight
    part = layer.replicas(slice(1, 3))
    assert (part.name, part.index, part.steps) == ("fc2", 1, 7)
    assert part.weight.flatten().tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize("name", TRAITS)
def test_a_combination_has_the_traits_that_one_of_its_methods_has(name):
    class With(Method):
        flips = sets_kept_share = trains_weights = True

    class Without(Method):
        flips = sets_kept_share = trains_weights = False

    assert getattr(Combined(Without(), With()), name) is True
    assert getattr(Combined(Without(), Without()), name) is False


@pytest.mark.parametrize("name", PROMISES)
def test_a_combination_promises_what_all_of_its_methods_promise(name):
    class Sure(Method):
        elementwise = capturable = by_mask = True

    class Unsure(Method):
        pass

    assert getattr(Combined(Sure(), Sure()), name) is True
    assert getattr(Combined(Sure(), Unsure()), name) is False
    assert getattr(Mixed([(Sure(), 1), (Sure(), 2)]), name) is True
    assert getattr(Mixed([(Sure(), 1), (Unsure(), 2)]), name) is False


def test_what_the_shipped_combinations_promise(trial):
    def promises(method):
        return [getattr(method, name) for name in PROMISES]

    assert promises(FREE_PRUNING) == [True, True, True]
    assert promises(LearnedMask(FREE_PRUNING)) == [False, True, False]
    assert promises(Staged(FREE_PRUNING, trial(source="digits"))) == [True, True, True]
    assert promises(Staged(FREE_PRUNING, trial(trained_layers="output"))) == [True, True, False]
    assert promises(Staged(SUPERMASK, trial(source="digits"))) == [False, False, False]
    assert promises(Mixed([(DENSE, 1), (FREE_PRUNING, 1)])) == [False, True, True]
