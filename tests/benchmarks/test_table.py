"""The benchmarks' own arithmetic and file; what they measure is not asserted anywhere."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import table
from table import AT_LEAST, AT_MOST, Row, ratios


def test_a_row_is_the_median_with_quartiles():
    row = Row.of("group", "measure", [4.0, 1.0, 2.0, 3.0, 5.0], "x")
    assert (row.low, row.value, row.high) == (1.5, 3.0, 4.5)
    alone = Row.of("group", "measure", [2.0], "x")
    assert (alone.low, alone.value, alone.high) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [("", None), (f"{AT_MOST} 2", True), (f"{AT_MOST} 1.9", False), (f"{AT_LEAST} 2.1", False)],
)
def test_a_row_knows_whether_it_is_as_wanted(wanted, reached):
    assert Row.of("group", "measure", [2.0], "x", wanted).reached is reached


def test_ratios_are_taken_round_by_round():
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]


def test_rows_are_appended_and_the_last_values_of_this_machine_given_back(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "FILE", tmp_path / "results" / "benchmarks.parquet")
    first, second = (Row.of("group", "measure", [value], "x") for value in (1.0, 2.0))
    assert table.keep([first], quick=True) == {}
    assert table.keep([second], quick=True) == {("group", "measure"): 1.0}
    assert table.keep([first], quick=False) == {}  # another kind of run
    monkeypatch.setattr(table, "machine", lambda: "another")
    assert table.keep([first], quick=True) == {}
    monkeypatch.undo()
    monkeypatch.setattr(table, "FILE", tmp_path / "results" / "benchmarks.parquet")
    assert table.keep([first], quick=True) == {("group", "measure"): 2.0}
