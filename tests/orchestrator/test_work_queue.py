"""Cutting a run's trials into packs, by hand and for any course of events."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.execution.work_queue import WorkItem, WorkQueue


def test_packs_grow_to_some_seconds_and_shrink_towards_the_end():
    shares = WorkQueue(400, workers=2)
    first = shares.take()
    assert first == WorkItem(
        0, 100, 2.0
    )  # a quarter, so that both workers get two; 2 s to find out
    shares.give_back(first, at=4, seconds=2.0)  # half a second each
    assert shares.take() == WorkItem(4, 44, 20.0)  # not more than 20 s
    assert shares.take() == WorkItem(44, 84, 20.0)
    shares.give_back(WorkItem(4, 44, 20.0), at=44, seconds=20.0)
    assert shares.take() == WorkItem(84, 100, 20.0)  # the rest of what was given back stands first


def test_the_last_packs_hold_one_trial():
    shares = WorkQueue(5, workers=2)
    sizes = []
    while (pack := shares.take()) is not None:
        sizes.append(pack.stop - pack.start)
        shares.give_back(pack, pack.stop, seconds=10.0)
    assert sizes == [2, 1, 1, 1]


def test_a_pack_that_may_still_be_given_back_is_waited_for():
    shares = WorkQueue(1, workers=2)
    pack = shares.take()
    assert shares.take() is None
    assert not shares.ended
    shares.give_back(pack, at=0, seconds=0.5)  # stopped before its first trial began
    again = shares.take()
    assert (again.start, again.stop) == (0, 1)
    assert shares.lose(again, 0, 0, 1) == 0  # a suspect comes back only if it is asked for
    assert shares.take() is None
    assert shares.ended
    shares.again(0)
    assert not shares.ended


def test_what_a_worker_was_at_is_a_suspect_only_if_it_could_be_at_nothing_else():
    shares = WorkQueue(10, workers=1, least=10)
    pack = shares.take()
    assert shares.lose(pack, written=0, at=2, stop=3) is None  # it may have gone on to the fourth
    taken = [shares.take() for _ in range(3)]
    assert [(p.start, p.stop) for p in taken] == [(2, 3), (0, 2), (3, 10)]
    assert shares.lose(taken[0], written=2, at=2, stop=3) == 2
    assert shares.lose(taken[2], written=3, at=9, stop=10) == 9


def test_of_a_lost_pack_what_is_not_written_comes_next_and_side_by_side_in_halves():
    shares = WorkQueue(100, workers=1, least=50)
    pack = shares.take()
    assert shares.lose(pack, written=10, at=20, stop=28) is None
    stretches = [shares.take() for _ in range(4)]
    found = [(pack.start, pack.stop) for pack in stretches]
    assert found == [(20, 24), (24, 28), (10, 20), (28, 50)]


def test_trials_that_failed_are_packs_of_their_own_and_those_of_other_runs_passed_over():
    shares = WorkQueue(10, workers=1, least=10, alone=2)
    taken = [shares.take({3, 4, 7}.__contains__) for _ in range(5)]
    assert [(p.start, p.stop) for p in taken] == [(0, 1), (1, 2), (2, 3), (5, 7), (8, 10)]
    assert shares.take() is None
    for pack in taken:
        shares.give_back(pack, pack.stop, 1.0)
    assert shares.ended


def test_trials_side_by_side_are_handed_out_together():
    shares = WorkQueue(100, workers=1, least=64)
    assert shares.take().stop == 64
    assert shares.take() == WorkItem(64, 100, 2.0)


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
    shares = WorkQueue(total, workers, least)
    done, out, lost, turn = [], [], [], 0
    while not shares.ended:
        while len(out) < workers and (pack := shares.take()) is not None:
            assert pack.stop - pack.start >= 1
            assert pack.seconds >= 0
            out.append(pack)
        pack = out.pop(turn % len(out))
        if dies and turn % dies == dies - 1:
            at = pack.start + (pack.stop - pack.start) // 2
            done += range(pack.start, at)
            suspect = shares.lose(pack, at, at, min(at + 1 + turn % 3, pack.stop))
            lost += [] if suspect is None else [suspect]
            turn += 1
            continue
        size = pack.stop - pack.start
        at = pack.start + max(1, round(size * share[turn % len(share)]))
        done += range(pack.start, at)
        shares.give_back(pack, at, seconds[turn % len(seconds)])
        turn += 1
    assert sorted(done + lost) == list(range(total))
