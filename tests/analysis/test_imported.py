"""A verdict is as confirmatory after an import as before it, and never more."""

import pytest

import analysis
from analysis.verdicts.committed import is_recorded, seeds_committed
from studies.store import Store
from studies.store.importing import compared


def committed(uri):
    """How many seeds of the study one definition has committed itself to."""
    results = analysis.load(uri)
    assert is_recorded(results)
    sides = [
        results.plan.query("method == @method").sort_values("seed")["committed"].to_numpy()
        for method in ("dense", "free-pruning")
    ]
    return seeds_committed(results, sides)


def store_of(uri):
    return Store(*uri.rsplit("/", 1))


def test_what_was_confirmatory_stays_so(study, record_in, tmp_path):
    source = record_in(tmp_path / "there", study(margin=0.5))
    target = Store(str(tmp_path / "here"), "small")
    compared(store_of(source), target).run()
    assert committed(source) == committed(target.uri) == 3
    assert len(analysis.load(target.uri).trials) == 6


def test_two_machines_with_a_share_of_the_seeds_each_stay_confirmatory(study, record_in, tmp_path):
    """Both recorded the definition before they trained, one of them later than the other."""
    here = record_in(tmp_path / "here", study(), only=lambda trial: trial.seed == 1)
    there = record_in(tmp_path / "there", study(), only=lambda trial: trial.seed > 1)
    compared(store_of(there), store_of(here)).run()
    assert (committed(here), len(analysis.load(here).trials)) == (3, 6)


def test_an_import_makes_no_definition_confirmatory(study, record_in, tmp_path):
    """The margin was chosen after the trials were finished, and recorded in an empty folder."""
    source = record_in(tmp_path / "there", study(margin=2.0))
    later = Store(str(tmp_path / "here"), "small")
    later.definitions.record(study(margin=0.5))
    assert committed(later.uri) == 3  # as long as nothing is known there
    compared(store_of(source), later).run()
    results = analysis.load(later.uri)
    assert results.margin == 2.0
    assert results.plan["committed"].tolist() == [0b01] * 6  # only the definition from there
    # From another study the trials come without its definition.
    other = Store(str(tmp_path / "other"), "small")
    other.definitions.record(study(margin=0.5))
    ids = set(results.trials["trial_id"])
    compared(store_of(source), other, wanted=ids).run()
    assert committed(other.uri) == 0


def test_results_in_two_places_are_judged_as_if_they_were_in_one(study, record_in, tmp_path):
    earlier = record_in(tmp_path / "there", study(), only=lambda trial: trial.seed < 3)
    later = record_in(tmp_path / "here", study(margin=0.5), only=lambda trial: trial.seed == 3)
    results = analysis.load([later, earlier])
    assert (results.names, len(results.trials), results.planned) == (("small",), 6, 6)
    assert [one.study.margin for one in results.definitions] == [None, 0.5]
    sets = results.plan.groupby("seed")["committed"].first()
    assert sets.to_dict() == {1: 0b01, 2: 0b01, 3: 0b11}


AMD, INTEL = (
    f"python=3.11.7 cpu=x86_64,{kind} numpy=2.4.6 torch=2.14.1"
    for kind in ("AuthenticAMD,AVX2", "GenuineIntel,AVX512")
)


@pytest.mark.parametrize(("other", "contradict"), [(INTEL, False), (AMD, True)])
def test_two_kinds_of_cpu_do_not_contradict_each_other(
    study, record_in, tmp_path, other, contradict
):
    """Two kinds round differently, so the same trials have other figures."""

    def trained_on(versions, accuracy):
        figures = {"test_accuracy": accuracy, "changed": 0.1, "row": {"versions": versions}}
        return lambda trial: figures

    here = record_in(tmp_path / "here", study(), final=trained_on(AMD, 0.9))
    there = record_in(tmp_path / "there", study(), final=trained_on(other, 0.8))
    ids = sorted(trial.trial_id for trial in study().trials())
    named = ids if contradict else []
    found = compared(store_of(there), store_of(here))
    assert (found.ids, sorted(found.conflicts)) == ((), named)
    assert sorted(analysis.load([here, there]).conflicts) == named
    # A machine that joined the run and wrote into the same results.
    record_in(tmp_path / "here", study(), final=trained_on(other, 0.8))
    results = analysis.load(here)
    assert sorted(results.conflicts) == named
    assert set(results.trials["test_accuracy"]) == {0.9}
    assert set(results.trials["versions"]) == {AMD}
