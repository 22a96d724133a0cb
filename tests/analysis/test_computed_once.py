"""What is computed from results belongs to them: once per object, freed with the object."""

import dataclasses
import gc
import weakref

import analysis
from analysis.estimates.controls import moved, retrained
from analysis.estimates.judged import judged
from analysis.estimates.overlaps import overlaps
from analysis.estimates.question_groups import in_pieces, labelled, transferred
from analysis.estimates.sizes import judged_with_sizes, sizes, sizes_per_layer
from analysis.report import write
from analysis.tables import computed_once
from analysis.verdicts import verdicts


def test_a_value_is_computed_once_per_object_and_arguments(results):
    calls = []

    @computed_once
    def count(results, method, *, seed=1):
        calls.append((results, method, seed))
        return [method, seed]

    assert count(results, "dense") is count(results, "dense")
    assert count(results, "dense", seed=2) is count(results, "dense", seed=2)
    assert count(results, "dense", seed=2) == ["dense", 2]
    assert [call[1:] for call in calls] == [("dense", 1), ("dense", 2)]


def test_two_objects_share_no_value(results):
    @computed_once
    def trials(results):
        return results.trials["trial_id"].tolist()

    fewer = dataclasses.replace(results, trials=results.trials.iloc[:2])
    assert len(trials(results)) == 6
    assert len(trials(fewer)) == 2
    assert trials(results) is not trials(dataclasses.replace(results))


def test_two_functions_share_no_value(results):
    @computed_once
    def first(results):
        return "first"

    @computed_once
    def second(results):
        return "second"

    assert (first(results), second(results)) == ("first", "second")


def test_results_are_freed_after_verdicts_figures_and_a_report(study, record, tmp_path):
    results = analysis.load(record(study(margin=0.5)))
    write(results, tmp_path / "report", {"one": results, "other": results})
    assert verdicts(results)
    estimates = (judged, judged_with_sizes, sizes, sizes_per_layer, overlaps, moved, retrained)
    tables = [estimate(results) for estimate in (*estimates, labelled, transferred, in_pieces)]
    assert len(tables) == 10
    freed = weakref.ref(results)
    frame = weakref.ref(results.trials)
    del results, tables
    gc.collect()
    assert freed() is None
    assert frame() is None
