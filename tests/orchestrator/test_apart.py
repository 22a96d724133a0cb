"""The order in which runs that join each other take a study's trials."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.execution.session import apart


def test_the_first_goes_forward_the_second_backward_and_the_others_from_between():
    trials = [*range(8)]
    assert apart(trials, 0, 1) == trials
    assert apart(trials, 0, 2) == trials
    assert apart(trials, 1, 2) == trials[::-1]
    assert apart(trials, 2, 4) == [4, 5, 6, 7, 0, 1, 2, 3]
    assert apart(trials, 3, 4) == [3, 2, 1, 0, 7, 6, 5, 4]
    assert apart([], 3, 4) == []


@given(runs=st.integers(1, 40), more=st.integers(0, 100))
def test_no_two_runs_begin_with_the_same_trial(runs, more):
    trials = [*range(runs + 1 + more)]
    orders = [apart(trials, rank, runs) for rank in range(runs)]
    assert len({order[0] for order in orders}) == runs
    assert all(sorted(order) == trials for order in orders)
