"""Cutting a run's trials into work items, by hand and for any course of events."""

import math

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.execution.messages import WorkItem
from orchestrator.execution.work_queue import WorkQueue


def test_items_grow_to_some_seconds_and_shrink_towards_the_end():
    queue = WorkQueue(400, workers=2)
    first = queue.take()
    # A quarter, so that both workers get two; 2 s to find out.
    assert first == WorkItem(0, 100, 2.0)
    queue.give_back(first, at=4, seconds=2.0)  # half a second each
    assert queue.take() == WorkItem(4, 44, 20.0)  # not more than 20 s
    assert queue.take() == WorkItem(44, 84, 20.0)
    queue.give_back(WorkItem(4, 44, 20.0), at=44, seconds=20.0)
    assert queue.take() == WorkItem(84, 100, 20.0)  # the rest of what was given back stands first


def test_what_came_back_before_counts_half():
    queue = WorkQueue(1000, workers=1)
    queue.give_back(queue.take(), at=10, seconds=100.0)  # ten seconds each
    assert queue.take() == WorkItem(10, 12, 20.0)
    queue.give_back(WorkItem(10, 12, 20.0), at=12, seconds=4.0)
    # 5 + 2 trials took 50 + 4 seconds: in 20 seconds 2.6, rounded up
    assert queue.take() == WorkItem(12, 15, 20.0)


def test_the_last_items_hold_one_trial():
    queue = WorkQueue(5, workers=2)
    sizes = []
    while (item := queue.take()) is not None:
        sizes.append(item.stop - item.start)
        queue.give_back(item, item.stop, seconds=10.0)
    assert sizes == [2, 1, 1, 1]


def test_a_item_that_may_still_be_given_back_is_waited_for():
    queue = WorkQueue(1, workers=2)
    item = queue.take()
    assert queue.take() is None
    assert not queue.ended
    queue.give_back(item, at=0, seconds=0.5)  # stopped before its first trial began
    again = queue.take()
    assert (again.start, again.stop) == (0, 1)
    assert queue.lose(again, 0, 0, 1) == 0  # a suspect comes back only if it is asked for
    assert queue.take() is None
    assert queue.ended
    queue.retry(0)
    assert not queue.ended


def test_what_a_worker_was_at_is_a_suspect_only_if_it_could_be_at_nothing_else():
    queue = WorkQueue(10, workers=1, least=10)
    item = queue.take()
    assert (
        queue.lose(item, first_unwritten=0, at=2, until=3) is None
    )  # it may have gone on to the fourth
    taken = [queue.take() for _ in range(3)]
    assert [(p.start, p.stop) for p in taken] == [(2, 3), (0, 2), (3, 10)]
    assert queue.lose(taken[0], first_unwritten=2, at=2, until=3) == 2
    assert queue.lose(taken[2], first_unwritten=3, at=9, until=10) == 9


def test_of_a_lost_item_what_is_not_written_comes_next_and_side_by_side_in_halves():
    queue = WorkQueue(100, workers=1, least=50)
    item = queue.take()
    assert queue.lose(item, first_unwritten=10, at=20, until=28) is None
    stretches = [queue.take() for _ in range(4)]
    found = [(item.start, item.stop) for item in stretches]
    assert found == [(20, 24), (24, 28), (10, 20), (28, 50)]


def test_trials_that_failed_are_items_of_their_own_and_those_of_other_runs_passed_over():
    queue = WorkQueue(10, workers=1, least=10, alone=2)
    taken = [queue.take({3, 4, 7}.__contains__) for _ in range(5)]
    assert [(p.start, p.stop) for p in taken] == [(0, 1), (1, 2), (2, 3), (5, 7), (8, 10)]
    assert queue.take() is None
    for item in taken:
        queue.give_back(item, item.stop, 1.0)
    assert queue.ended


def test_what_other_runs_have_does_not_count_as_left():
    queue = WorkQueue(100, workers=1)
    item = queue.take(range(90).__contains__)
    assert (item.start, item.stop) == (90, 95)  # half of the ten that are left


def test_trials_side_by_side_are_handed_out_together():
    queue = WorkQueue(100, workers=1, least=64)
    assert queue.take().stop == 64
    assert queue.take() == WorkItem(64, 100, 2.0)


def test_what_comes_back_after_the_end_is_all_that_is_left():
    queue = WorkQueue(100, workers=1)
    item = queue.take()
    queue.clear()
    assert queue.take() is None
    queue.give_back(item, at=40, seconds=0.0)
    again = queue.take()
    assert (again.start, again.stop) == (40, 45)  # half of the ten


def test_nothing_to_do_has_ended():
    assert WorkQueue(0, workers=2).ended
    assert WorkQueue(0, workers=2).take() is None


@given(
    total=st.integers(0, 300),
    workers=st.integers(1, 8),
    least=st.integers(1, 70),
    seconds=st.lists(st.floats(0, 100), min_size=1, max_size=10),
    share=st.lists(st.floats(0.01, 1), min_size=1, max_size=7),
    dies=st.integers(0, 5),
)
def test_every_trial_is_handed_out_until_it_is_done_and_none_twice(
    total, workers, least, seconds, share, dies
):
    queue = WorkQueue(total, workers, least)
    done, out, lost, turn, every = [], [], [], 0, dies + 2
    while not queue.ended:
        while len(out) < workers and (item := queue.take()) is not None:
            assert item.stop - item.start >= 1
            assert item.seconds >= 0
            if len(out) % every == 0:  # its worker will not come to its end
                item = queue.shorten(item, item.start + math.ceil((item.stop - item.start) / 2))
            out.append(item)
        item = out.pop(turn % len(out))
        if dies and turn % dies == dies - 1:
            at = item.start + (item.stop - item.start) // 2
            done += range(item.start, at)
            suspect = queue.lose(item, at, at, min(at + 1 + turn % 3, item.stop))
            lost += [] if suspect is None else [suspect]
            turn += 1
            continue
        size = item.stop - item.start
        at = item.start + max(1, round(size * share[turn % len(share)]))
        done += range(item.start, at)
        queue.give_back(item, at, seconds[turn % len(seconds)])
        turn += 1
    assert sorted(done + lost) == list(range(total))
