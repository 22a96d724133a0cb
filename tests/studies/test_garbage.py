"""How often a process looks for objects that nothing reaches."""

import gc

import pytest

from studies import garbage


def test_a_command_leaves_the_intervals_of_the_process_that_calls_it():
    before = gc.get_threshold()
    within = []

    @garbage.collected_rarely()
    def command():
        within.append(gc.get_threshold()[0])
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            command()
    assert within == [50_000, 50_000]
    assert gc.get_threshold() == before
