import itertools

from hypothesis import given
from hypothesis import strategies as st

from studies.pairwise import _in_most, pairwise


def test_two_axes_are_multiplied_out():
    assert pairwise({"a": [1, 2], "b": ["x", "y"]}) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def test_one_axis_is_listed_and_none_gives_one_row():
    assert pairwise({"a": [1, 2]}) == [{"a": 1}, {"a": 2}]
    assert pairwise({}) == [{}]


def test_three_axes_of_two_values_take_four_rows_instead_of_eight():
    # The smallest design there is: each pair of axes needs its four pairs of values.
    assert len(pairwise({"a": [1, 2], "b": [1, 2], "c": [1, 2]})) == 4


def test_a_row_takes_what_brings_most_and_then_what_was_used_least():
    rows = pairwise({"a": [1, 2, 3], "b": [1, 2], "c": [1, 2]})
    assert [tuple(row.values()) for row in rows] == [
        (1, 1, 1),  # both of c bring two pairs: the first
        (1, 2, 2),  # c = 1 would bring one pair, since (a, c) = (1, 1) is there
        (2, 1, 2),
        (2, 2, 1),
        (3, 1, 1),  # both of c bring one pair and were used twice: the first
        (3, 2, 2),
    ]


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5))
def test_every_pair_meets_and_the_design_is_small(sizes):
    axes = {f"axis{i}": list(range(size)) for i, size in enumerate(sizes)}
    rows = pairwise(axes)
    for a, b in itertools.combinations(axes, 2):
        assert {(r[a], r[b]) for r in rows} == set(itertools.product(axes[a], axes[b]))
    first, second = sorted(sizes)[-2:]
    assert first * second <= len(rows) <= 2 * first * second + 1
    assert pairwise(axes) == rows


def test_members_of_most_sets_by_hand():
    # bits 0, 1 and 2 are in 1, 3 and 2 of the sets; bits 3 and 4 in none
    assert _in_most([0b111, 0b110, 0b010], 0b11111) == 0b010
    assert _in_most([0b011, 0b101], 0b11111) == 0b001
    assert _in_most([0, 0], 0b11) == 0b11


@given(st.lists(st.integers(0, 2**9 - 1), max_size=9))
def test_members_of_most_sets_are_those_that_are_counted(sets):
    counts = [sum(one >> bit & 1 for one in sets) for bit in range(9)]
    wanted = sum(1 << bit for bit in range(9) if counts[bit] == max(counts))
    assert _in_most(sets, 2**9 - 1) == wanted
