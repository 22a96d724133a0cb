"""Seeds as a study file and --seeds give them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies import seeds
from studies.errors import UserError


@pytest.mark.parametrize(
    ("given", "listed"),
    [(3, [1, 2, 3]), ("1001-1003", [1001, 1002, 1003]), ("7-7", [7]), ([5, 0], [5, 0])],
)
def test_a_number_a_range_and_a_list_stand_for_seeds(given, listed):
    assert seeds.listed(seeds.check(given)) == listed


@given(st.integers(0, 2**63 - 1), st.integers(1, 50))
def test_a_range_has_its_ends_and_all_between(first, count):
    if first + count - 1 < 2**63:
        assert seeds.listed(f"{first}-{first + count - 1}") == list(range(first, first + count))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (0, "0 is not a number of seeds from 1 to 1000000"),
        (1_000_001, "1000001 is not a number of seeds"),
        ([], "[] is an empty grid; give at least one seed"),
        ([1, -1], "seed: -1 is not a whole number, at least 0"),
        ("5", "'5' is neither a number such as 15, nor a range such as 1001-1015, nor a list"),
        ("1015-1001", "1015-1001: a range begins with its smaller seed; give 1001-1015"),
        ("1-1000001", "1-1000001: these are 1,000,001 seeds, at most 1,000,000 are allowed"),
        ("0-9223372036854775808", "the largest seed is 9223372036854775807"),
        ("1 - 3", "is neither a number"),
        ("-1-3", "is neither a number"),
        (2.5, "2.5 is neither a number"),
        (True, "True is neither a number"),
        (None, "None is neither a number"),
    ],
)
def test_other_seeds_are_refused(given, message):
    with pytest.raises(UserError) as error:
        seeds.check(given)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "3 is neither a list of seeds, nor a range such as 2001-2015, nor seed + 1000"),
        ("seed + 0", "seed + 0: add a number from 1 to"),
        ("seed+1000", "'seed+1000' is neither"),
        ([], "[] is an empty grid"),
    ],
)
def test_other_tuning_seeds_are_refused(given, message):
    with pytest.raises(UserError) as error:
        seeds.check_tuning(given)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("new", "old", "seeds_then"),
    [
        (3, 5, 3),
        (3, [901, 902], 3),
        (3, "1001-1015", "1001-1003"),
        (20, "1001-1015", "1001-1020"),
        ("7-8", "1001-1015", "7-8"),
        ("7-8", 5, "7-8"),
    ],
)
def test_a_number_of_new_seeds_counts_from_the_first_of_a_range(new, old, seeds_then):
    assert seeds.instead(new, old) == seeds_then


def test_a_text_of_the_command_line_is_a_number_or_a_range():
    assert seeds.parsed("15") == 15
    assert seeds.parsed("1001-1015") == "1001-1015"
    for text in ("x", "", "1,2", "1001-", "²", "1e3"):
        with pytest.raises(UserError, match="neither a number such as 15 nor a range such as"):
            seeds.parsed(text)
    with pytest.raises(UserError, match="-3 is not a number of seeds"):
        seeds.parsed("-3")
