import math

import pytest

from studies.traits import TRAITS, MethodTraits, default_of, traits_of

RECORDED = {
    "needs_density": True,
    "random_mask": False,
    "trains_weights": False,
    "by_mask": True,
    "flips": True,
    "sets_kept_share": True,
}


def test_the_traits_are_these():
    of_before = ("needs_density", "random_mask", "trains_weights", "by_mask", "flips")
    assert (*of_before, "sets_kept_share") == TRAITS
    assert tuple(RECORDED) == TRAITS


def test_recorded_traits_count_whatever_the_name():
    for method in ("mine", "free-pruning", "dense"):
        assert traits_of({"method": method, "density": 0.5, **RECORDED}) == MethodTraits(**RECORDED)


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_row_without_them_is_known_by_its_method(missing):
    null = dict.fromkeys(TRAITS, missing)
    flipping = MethodTraits(trains_weights=False, by_mask=True, flips=True)
    assert traits_of({"method": "free-flipping", **null}) == flipping
    assert traits_of({"method": "free-flipping"}) == flipping
    assert traits_of("free-flipping") == flipping


def test_parameters_of_a_method_change_no_trait():
    with_density = MethodTraits(needs_density=True, sets_kept_share=True)
    assert traits_of("snip(shuffled)") == traits_of("snip") == with_density
    assert traits_of("lottery-ticket(rewind=2)") == traits_of("lottery-ticket")


def test_no_beginning_of_a_name_decides():
    for name in ("edge-popup-of-mine", "supermask2", "my-flipping"):
        assert traits_of(name) == MethodTraits()


def test_a_method_that_is_not_known_needs_a_density_if_its_row_has_one():
    assert traits_of({"method": "mine", "density": 0.0}) == MethodTraits()
    with_density = MethodTraits(needs_density=True, sets_kept_share=True)
    assert traits_of({"method": "mine", "density": 0.3}) == with_density


def test_a_row_from_before_a_trait_was_recorded_keeps_those_that_it_records():
    before = {name: value for name, value in RECORDED.items() if name != "sets_kept_share"}
    assert traits_of({"method": "mine", **before}) == MethodTraits(**RECORDED)
    free = before | {"needs_density": False}
    assert traits_of({"method": "mine", **free}) == MethodTraits(**free)
    assert traits_of({"method": "minimal-pruning", **free}).sets_kept_share
    assert not traits_of({"method": "free-pruning", **free}).sets_kept_share


def test_the_default_of_a_parameter_is_that_of_the_method_whatever_its_others():
    assert default_of("gem-miner", "l2") == 1e-5
    assert default_of("gem-miner(period=3)", "l2") == 1e-5
    assert math.isnan(default_of("gem-miner", "tau"))
    assert math.isnan(default_of("mine", "tau"))
