"""The roles of a trial's fields give the lists that were once kept by hand, to the letter."""

import inspect

import pytest

from analysis import cells
from orchestrator import estimate
from studies import trial as trials
from studies.roles import Role
from studies.trial import FIELDS, Trial, fields_with
from trainers import checking, pack_key, pack_size, registry

#: As each list stood in the code of version 0.1.0, and the fields that were added since.
COMMON = {
    "network",
    "dataset",
    "method",
    "weights",
    "seed",
    "epochs",
    "positive_fraction",
    "activation",
    "batch_size",
    "learning_rate",
    "adam_epsilon",
    "width",
    "augmentation",
    "schedule",
    "optimizer",
    "momentum",
    "weight_decay",
    "labels",
    "source",
    "trained_layers",
    "order_seed",
    "rounding",
    "nesterov",
    "decoupled_decay",
    "revisions",
}
REPLICA = {
    "seed",
    "score_seed",
    "order_seed",
    "rounding",
    "weights",
    "positive_fraction",
    "learning_rate",
    "adam_epsilon",
}
ARM = (
    "method",
    "penalty",
    "score_low",
    "score_high",
    "score_offset",
    "density",
    "rescaling",
    "revisions",
)
PACK = (
    "network",
    "dataset",
    "epochs",
    "activation",
    "batch_size",
    "width",
    "affine",
    "augmentation",
    "schedule",
    "optimizer",
    "momentum",
    "weight_decay",
    "labels",
    "source",
    "trained_layers",
    "nesterov",
    "decoupled_decay",
)
SHAPE = {"network", "width", "dataset", "batch_size", "activation", "augmentation", "affine"}
COST = {"network", "width", "dataset", "batch_size", "method"}
METHOD = {
    "score_low",
    "score_high",
    "score_offset",
    "score_seed",
    "penalty",
    "rescaling",
    "density",
}
CONTROL = ("labels", "source", "trained_layers", "score_seed", "order_seed", "rounding")
RECIPE = {
    "learning_rate",
    "batch_size",
    "schedule",
    "optimizer",
    "momentum",
    "weight_decay",
    "adam_epsilon",
    "nesterov",
    "decoupled_decay",
}
TASK = (
    "network",
    "dataset",
    "weights",
    "seed",
    "epochs",
    "positive_fraction",
    "activation",
    "batch_size",
    "learning_rate",
    "adam_epsilon",
    "width",
    "affine",
    "augmentation",
    "schedule",
    "optimizer",
    "momentum",
    "weight_decay",
    "labels",
    "source",
    "trained_layers",
    "order_seed",
    "rounding",
    "nesterov",
    "decoupled_decay",
)

FREE = {
    "network": "lenet-300-100",
    "dataset": "mnist",
    "method": "free-pruning",
    "weights": "he-normal",
    "seed": 1,
    "epochs": 10,
}


@pytest.mark.parametrize(
    ("derived", "before"),
    [
        (checking._COMMON, COMMON),
        (fields_with(Role.REPLICA), REPLICA),
        (pack_size._SHAPE, SHAPE),
        (estimate._COSTLY, COST),
        (cells.METHOD_ONLY, METHOD),
        (cells.RECIPE, RECIPE),
        (fields_with(Role.DATA), {"dataset", "source"}),
        (fields_with(Role.COMPONENT), {*registry.KINDS, "source"}),
    ],
)
def test_lists_whose_order_does_not_matter(derived, before):
    assert set(derived) == before
    assert len(derived) == len(before)


@pytest.mark.parametrize(
    ("derived", "before"),
    [
        (pack_key._ARM, ARM),
        (pack_key._PACK, PACK),
        (cells.CONTROL, CONTROL),
        (cells.TASK, TASK),
        (cells.TASK_CELL, tuple(name for name in TASK if name != "seed")),
    ],
)
def test_lists_whose_order_sorts_or_is_shown(derived, before):
    assert tuple(derived) == before


def test_the_key_of_a_pack_is_the_one_of_before():
    trial = Trial(**FREE, penalty=0.5, score_offset=0.25, batch_size=50)
    common = ("lenet-300-100", "mnist", 10, "relu", 50, 1.0, False, "none", "constant", "adam")
    common += (0.0, 0.0, "given", "", "all", False, 0.0)
    arm = ("free-pruning", 0.5, 0.01, 0.1, 0.25, 0.0, "none", "")
    assert pack_key.pack_key(trial) == common
    assert pack_key.arm_key(trial) == arm


def test_a_field_differs_in_a_pack_in_exactly_one_way():
    for name, field in FIELDS.items():
        ways = [r for r in (Role.PACK, Role.ARM, Role.REPLICA) if r in field.metadata["roles"]]
        assert len(ways) == 1, name


def test_a_new_field_has_to_state_its_roles():
    roles = inspect.signature(trials._trial_field).parameters["roles"]
    assert roles.default is inspect.Parameter.empty
    with pytest.raises(TypeError, match="roles"):
        trials._trial_field("a field", default=1)
