"""What two places recorded of a study, joined: which trials were known when it was defined."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from studies.store.definitions import Finish, Recorded
from studies.store.registers import Register, joined
from studies.study import from_mapping


def study(name="own", epochs=1):
    axes = {"network": "lenet-5", "dataset": "digits", "method": "dense", "weights": "he-normal"}
    values = {"name": name, "seeds": 3, "axes": {**axes, "epochs": epochs}}
    return from_mapping(values, "test")


def hour(number):
    return datetime(2026, 1, 1, number, tzinfo=UTC)


def recorded(at, known=None, **values):
    ids = {seed: frozenset(of_seed) for seed, of_seed in (known or {}).items()}
    return Recorded(study(**values), ids, hour(at).isoformat())


def place(*definitions, **finishes):
    """Return a register; finishes are trials with their seed and hour."""
    return Register(definitions, {t: Finish(s, hour(at)) for t, (s, at) in finishes.items()})


def known(definitions):
    return [(one.at, {s: set(ids) for s, ids in one.known.items() if ids}) for one in definitions]


def test_a_definition_of_one_place_does_not_know_the_trials_that_came_later():
    here, there = place(recorded(2), a=(1, 3)), place(b=(1, 4))
    assert known(joined(here, there)) == [(hour(2).isoformat(), {})]
    assert known(joined(there, here)) == [(hour(2).isoformat(), {})]


def test_a_definition_of_one_place_knew_the_trials_that_the_other_had_finished():
    here, there = place(recorded(5)), place(b=(1, 4), c=(2, 6), other_seed=(9, 1))
    assert known(joined(here, there)) == [(hour(5).isoformat(), {1: {"b"}})]
    assert known(joined(there, here)) == [(hour(5).isoformat(), {1: {"b"}})]


def test_of_two_records_the_earlier_counts_with_what_was_known_then():
    here = place(recorded(2, {3: ["z"]}), a=(1, 3), z=(3, 1))
    # There it was recorded after `b` and `c` were finished; only `c` was before the earlier record.
    there = place(recorded(8, {1: ["b"], 2: ["c"]}), b=(1, 7), c=(2, 1))
    expected = [(hour(2).isoformat(), {2: {"c"}, 3: {"z"}})]
    assert known(joined(here, there)) == known(joined(there, here)) == expected


def test_a_trial_whose_time_is_lost_was_known():
    here, there = place(recorded(2)), place(recorded(8, {1: ["lost"]}))
    assert known(joined(here, there)) == [(hour(2).isoformat(), {1: {"lost"}})]


def test_a_copy_adds_nothing_but_what_either_lists():
    here = place(recorded(2, {1: ["a"]}), new=(2, 1))
    there = place(recorded(2, {3: ["b"]}))
    assert known(joined(here, there)) == [(hour(2).isoformat(), {1: {"a"}, 3: {"b"}})]


def test_what_was_not_kept_stays_unknown():
    older = Recorded(study(), None, hour(1).isoformat())
    (one,) = joined(place(older), place(recorded(2)))
    assert (one.known, one.at) == (None, hour(1).isoformat())


def test_different_definitions_stay_apart_in_the_order_of_their_times():
    here, there = place(recorded(4, epochs=1)), place(recorded(2, epochs=2))
    assert [one.study.axes["epochs"] for one in joined(here, there)] == [[2], [1]]


trials = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(st.integers(1, 3), st.integers(0, 23)), max_size=6
)


@given(trials, trials, st.integers(0, 23), st.integers(0, 23))
def test_joined_in_any_order_and_again_it_stays_the_same(ours, theirs, at, later):
    """Each place lists what it had finished when it recorded the definition, as a run does."""
    places = []
    for its, hour_of in ((ours, at), (theirs, later)):
        listed = {}
        for trial_id, (seed, finished) in its.items():
            if finished <= hour_of:
                listed.setdefault(seed, []).append(trial_id)
        places.append(place(recorded(hour_of, listed), **its))
    here, there = places
    once = joined(here, there)
    if at != later:
        assert known(once) == known(joined(there, here))
        expected = {}
        for its in (ours, theirs):
            for trial_id, (seed, finished) in its.items():
                if finished <= min(at, later):
                    expected.setdefault(seed, set()).add(trial_id)
        assert known(once) == [(hour(min(at, later)).isoformat(), expected)]
    merged = Register(tuple(once), {**there.finishes, **here.finishes})
    assert known(joined(merged, there)) == known(once)
