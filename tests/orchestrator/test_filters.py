import contextlib

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli._filters import Condition
from studies.errors import UserError, unknown

ROWS = pd.DataFrame(
    {
        "method": ["dense", "free-pruning", "edge-popup"],
        "weights": ["lognormal(sigma=0.5)", "he-normal", "he-normal"],
        "density": [0.0, 0.0, 0.5],
        "seed": [1, 2, 3],
        "affine": [False, True, False],
        "train_full_accuracy": [0.5, None, 0.9],
        "layers_parts": [["1"], ["1"], ["2"]],
        "test_correct": [b"a", b"b", b"c"],
        "finished_at": pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01"], utc=True),
    }
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("method=dense", [1, 0, 0]),
        ("method != dense", [0, 1, 1]),
        ("weights=lognormal(sigma=0.50)", [1, 0, 0]),
        ("density>=0.5", [0, 0, 1]),
        ("density<5e-1", [1, 1, 0]),
        ("seed==2", [0, 1, 0]),
        ("seed>1.5", [0, 1, 1]),
        ("affine=true", [0, 1, 0]),
        ("train-full-accuracy!=0.5", [0, 0, 1]),
        ("train_full_accuracy<=1", [1, 0, 1]),
        ("finished_at>=2026-02-01", [0, 1, 1]),
    ],
)
def test_a_condition_holds_for_these_rows(text, holds):
    assert Condition.of(text).holds(ROWS).tolist() == [bool(value) for value in holds]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method", "give a column, one of = != < <= > >= and a value"),
        ("=dense", "give a column"),
        ("method=", "give a column"),
        ("methods=dense", "unknown column 'methods'; did you mean method"),
        ("method=dens", "unknown method 'dens'; did you mean dense"),
        ("method>dense", "method holds names; compare them with = or !="),
        ("method=dense; DROP TABLE trials", "unknown method 'dense; DROP TABLE trials'"),
        ("density>=half", "'half' is not a number"),
        ("density>=٣", "'٣' is not a number"),
        ("affine=1", "'1' is not true or false"),
        ("finished_at>noon", "'noon' is not a time"),
        ("finished_at>nat", "'nat' is not a time"),
        ("density>nan", "'nan' is not a number"),
        ("layers_parts>1", "layers_parts holds lists or bytes, which have no order"),
        ("test_correct=1", "test_correct holds lists or bytes"),
    ],
)
def test_an_invalid_condition_is_refused_with_close_matches(text, message):
    with pytest.raises(UserError) as refused:
        Condition.of(text).holds(ROWS)
    assert message in str(refused.value)


@given(st.text(max_size=30) | st.from_regex(r"(method|seed|density|affine)[=<>!]{1,2}.{1,9}"))
def test_any_text_is_a_condition_or_refused_in_one_line(text):
    with contextlib.suppress(UserError):
        assert len(Condition.of(text).holds(ROWS)) == len(ROWS)


def test_whole_numbers_beyond_those_of_floats_are_compared_exactly():
    seeds = pd.DataFrame({"seed": [2**53, 2**53 + 1, 2**63 - 1]})
    assert Condition.of(f"seed={2**53 + 1}").holds(seeds).tolist() == [False, True, False]
    assert Condition.of(f"seed>={2**63 - 1}").holds(seeds).tolist() == [False, False, True]
    assert Condition.of(f"seed<{2**70}").holds(seeds).all()


def test_of_many_names_an_error_lists_a_few():
    ids = [f"{number:012x}" for number in range(101)]
    message = str(unknown("trial_id", "abc", ids))
    assert message == (f"unknown trial_id 'abc'; known: {', '.join(ids[:10])} and 91 more")
    assert str(unknown("trial_id", "abc", ids[:100])).endswith(ids[99])
