"""Loading what the project's own writer wrote."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.tables import Results
from analysis.verdicts import verdicts
from studies.errors import UserError
from studies.store import Store
from studies.store.compaction import compact
from studies.trial import Trial

FLAT = {"test_accuracy": 0.5, "changed": 0.0}


def test_one_row_per_trial_with_the_fields_joined_on(results: Results):
    assert len(results.trials) == results.planned == results.finished == 6
    epochs, layers = results.epochs.df(), results.layers.df()
    assert len(epochs) == 6 * 4
    assert len(layers) == 6 * 4 * 3
    for frame in (results.trials, epochs, layers):
        assert set(frame["study"]) == {"small"}
        assert set(frame["method"]) == {"dense", "free-pruning"}
        assert frame["trial_id"].nunique() == 6
    assert results.margin == 0.5
    assert not results.damaged
    assert not results.conflicts


def test_changed_of_a_layer_is_its_own_fraction(results: Results):
    layers = results.layers.filter("method = 'free-pruning' AND epoch = 3").df()
    expected = layers["mask_zero"] / layers["connections"]
    assert layers["changed"].tolist() == expected.tolist()
    assert layers["changed"].between(0.3, 0.4).all()


def test_masks_are_those_of_finished_trials_and_none_where_none_are_kept(study, record):
    assert analysis.load(record(study(seeds=1))).masks.df().empty
    mask = np.array([[True, False, True], [False, False, True]])
    asked = study(seeds=2, keep_masks=True)
    results = analysis.load(record(asked, lambda trial: FLAT | {"masks": [mask, ~mask]}))
    rows = results.masks.order("seed, method, layer").df()
    assert rows[["seed", "method", "layer"]].to_numpy().tolist() == [
        [seed, method, layer]
        for seed in (1, 2)
        for method in ("dense", "free-pruning")
        for layer in (0, 1)
    ]
    bits = np.unpackbits(np.frombuffer(rows["kept"].iloc[1], np.uint8), count=6)
    assert bits.reshape(rows["shape"].iloc[1]).tolist() == (~mask).tolist()
    assert results.final_masks.df()["epoch"].unique().tolist() == [3]
    (count,) = results.query("SELECT count(*) FROM masks WHERE layer = 0").fetchall()[0]
    assert count == 4


def test_of_a_trial_with_and_without_masks_the_attempt_with_them_counts(study, record):
    mask = np.array([[True, False]])
    record(study(seeds=1))
    results = analysis.load(record(study(seeds=1), lambda trial: FLAT | {"masks": [mask]}))
    assert set(results.trials["test_accuracy"]) == {0.5}
    assert len(results.masks.df()) == len(results.trials) == 2


def test_damaged_part_is_left_out_and_named(study, record):
    uri = record(study())
    record(study(seeds=4), only=lambda trial: trial.seed == 4)
    part = min(Path(uri, "epochs").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(part.read_bytes())
    content[100] ^= 1
    part.write_bytes(content)
    results = analysis.load(uri)
    assert results.damaged == (f"small/epochs/{part.name}",)
    (line,) = results.left_out
    assert line.startswith(f"damaged part small/epochs/{part.name} is left out")
    assert sorted(set(results.trials["seed"])) == [1, 2, 3]
    assert sorted(set(results.layers.df()["seed"])) == [1, 2, 3]
    assert (results.finished, results.planned) == (6, 8)


def test_second_attempt_is_not_counted_twice(study, record):
    record(study())
    results = analysis.load(record(study()))
    assert len(results.trials) == 6
    assert len(results.epochs.df()) == 6 * 4
    assert not results.conflicts


def test_attempts_that_differ_are_named(study, record):
    first = record(study(), only=lambda trial: trial.seed == 1)
    record(study(), final=lambda trial: FLAT, only=lambda t: t.seed == 1 and t.method == "dense")
    results = analysis.load(first)
    dense = results.trials.query("method == 'dense'")
    assert results.conflicts == tuple(dense["trial_id"])
    assert dense["test_accuracy"].iloc[0] != 0.5


def test_rows_that_a_repeated_flush_wrote_twice_count_once(study, record, tmp_path):
    uri = record(study())
    store = Store(str(tmp_path / "results"), "small")
    rows = store.tables.read("epochs").rows.drop_columns("part").to_pylist()
    store.tables.write("epochs", rows, "otherwriter", 1)
    assert len(analysis.load(uri).epochs.df()) == 6 * 4


def test_trials_of_an_earlier_revision_are_not_finished(study, record, record_trials):
    uri = record(study())
    values = study().trials()[0].values() | {"revisions": "methods/dense=2"}
    record_trials("small", [Trial.from_mapping(values)], final=lambda trial: FLAT)
    results = analysis.load(uri)
    # All three seeds of dense ran before it was mended; one of them has run again since.
    assert results.superseded == 3
    assert results.trials["method"].value_counts().to_dict() == {"free-pruning": 3, "dense": 1}
    assert results.finished == 4
    assert 0.5 in results.trials["test_accuracy"].tolist()


def test_an_earlier_revision_of_the_source_is_not_finished_either(study, record, record_trials):
    uri = record(study(method="dense", seeds=1, source=["", "mnist"]))
    without, with_source = study(method="dense", seeds=1, source=["", "mnist"]).trials()
    values = with_source.values() | {"revisions": "source:mnist=2"}
    record_trials("small", [Trial.from_mapping(values)], final=lambda trial: FLAT)
    results = analysis.load(uri)
    assert results.superseded == 1
    kept = results.trials.set_index("source")["test_accuracy"]
    assert kept["mnist"] == 0.5
    assert set(kept.index) == {without.source, "mnist"}


def test_extension_and_margin_of_the_earliest_definition(study, record):
    record(study(margin=0.5))
    results = analysis.load(record(study(margin=0.7, seeds=4), only=lambda trial: trial.seed < 4))
    assert results.planned == 8
    assert results.finished == 6
    assert results.margin == 0.5
    assert results.margin_changed


def test_several_studies_with_a_trial_in_common(study, record):
    uri = record(study(margin=0.5))
    other = study(margin=0.2, seeds=4).model_copy(update={"name": "other"})
    results = analysis.load([uri, record(other)])
    assert results.names == ("small", "other")
    assert results.margins == {"small": 0.5, "other": 0.2}
    assert results.margin == 0.2
    assert results.trials["study"].value_counts().to_dict() == {"small": 6, "other": 2}
    assert results.planned == results.finished == 8
    assert len(results.epochs.df()) == 8 * 4


def test_nothing_finished_yet(study, record):
    results = analysis.load(record(study(), only=lambda trial: False))
    assert (results.finished, results.planned) == (0, 6)
    assert results.epochs.df().empty
    assert results.layers.df().empty


def test_results_without_a_definition(study, record):
    uri = record(study())
    next(Path(uri, "definitions").iterdir()).unlink()
    results = analysis.load(uri)
    assert (results.planned, len(results.trials)) == (0, 6)
    assert results.margin is None


@pytest.mark.parametrize("ending", ["", "/"])
def test_relative_folder(study, record, monkeypatch, ending):
    uri = Path(record(study()))
    monkeypatch.chdir(uri.parent)
    assert len(analysis.load(uri.name + ending).trials) == 6
    monkeypatch.chdir(uri.parent.parent)
    assert len(analysis.load(f"results/small{ending}").trials) == 6


def test_uri_with_a_scheme(study, record):
    assert len(analysis.load(f"file://{record(study())}").trials) == 6


def test_no_results_says_what_to_run(study, record):
    uri = record(study())
    with pytest.raises(UserError, match=r"run `untuned run smal` first.*results of: small"):
        analysis.load(uri[:-1])


@pytest.mark.parametrize("uri", ["", " ", "/", ".", "s3://bucket", Path()])
def test_not_a_study_folder(uri):
    with pytest.raises(UserError, match="give a study's folder"):
        analysis.load(uri)


@pytest.mark.parametrize("given", [None, 3, b"", b"small", bytearray(b"x"), {"small": 1}, [b"x"]])
def test_what_names_no_folder_is_refused_as_it_was_given(given):
    shown = given[0] if isinstance(given, list) else given
    with pytest.raises(UserError) as refused:
        analysis.load(given)
    assert str(refused.value) == f"results {shown!r}: give a study's folder, as in 'results/digits'"


def test_no_uri():
    with pytest.raises(UserError, match="at least one"):
        analysis.load([])


def test_import_is_light():
    heavy = ("matplotlib", "seaborn", "scipy", "torch", "ray")
    code = f"import analysis, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_shown_of_seeds_to_tune_on(study, record):
    given = study(seeds=2).model_copy(update={"tuning_seeds": [7, 8]})
    loaded = analysis.load(record(given))
    assert set(loaded.trials["seed"]) == set(loaded.plan["seed"]) == {1, 2}
    assert set(loaded.epochs.df()["seed"]) == set(loaded.layers.df()["seed"]) == {1, 2}
    assert set(loaded.tuning["seed"]) == {7, 8}
    assert (loaded.planned, loaded.finished) == (4, 4)


def test_rows_as_pandas_arrow_and_sql(results):
    frame = results.epochs.df()
    arrow = results.epochs.to_arrow_table()
    assert arrow.column_names == frame.columns.tolist()
    assert arrow.num_rows == len(frame)
    by_hand = frame[frame["epoch"] == 3].groupby("method")["test_accuracy"].mean()
    asked = results.query(
        "SELECT method, avg(test_accuracy) AS mean FROM epochs WHERE epoch = 3 GROUP BY ALL"
    ).df()
    assert dict(asked.to_numpy()) == pytest.approx(by_hand.to_dict())
    joined = results.query("SELECT count(*) FROM trials JOIN layers USING (attempt)").fetchall()
    assert joined == [(6 * 4 * 3,)]


def test_final_layers_are_those_after_the_last_epoch(results):
    assert set(results.final_layers.df()["epoch"]) == {3}


def test_merged_parts_give_the_same_tables(study, record):
    record(study(seeds=2))
    uri = record(study(seeds=4), only=lambda trial: trial.seed > 2)
    order = "trial_id, epoch"
    before = analysis.load(uri)
    epochs, layers = before.epochs.order(order).df(), before.layers.order(f"{order}, layer").df()
    compact(Store(*uri.rsplit("/", 1)))
    after = analysis.load(uri)
    pd.testing.assert_frame_equal(after.epochs.order(order).df(), epochs)
    pd.testing.assert_frame_equal(after.layers.order(f"{order}, layer").df(), layers)
    assert len(list(Path(uri, "epochs").iterdir())) == 1


def test_what_the_first_definition_asked_for(study, record):
    record(study())
    results = analysis.load(record(study(seeds=4)))
    sets = results.plan.groupby(["defined", "committed"])["seed"].agg(["min", "max"]).reset_index()
    # The second definition has all seeds, but the trials of three of them were finished before.
    assert sets.to_numpy().tolist() == [[0b10, 0b10, 4, 4], [0b11, 0b01, 1, 3]]


def test_printed_results_say_what_there_is(study, record):
    only = lambda trial: trial.seed < 3  # noqa: E731
    results = analysis.load(record(study(margin=0.5), only=only))
    assert str(results).splitlines() == [
        "small: 4 of 6 planned trials finished",
        "methods: dense, free-pruning",
        "margin: 0.5 points in small",
        "tables: trials (4 rows), epochs, layers, masks; query takes SQL",
    ]
    assert repr(results) == str(results)


def test_the_connection_has_the_tables_and_nothing_else(results):
    listed = "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
    tables = [("epochs",), ("layers",), ("masks",), ("trials",)]
    assert results.query(listed).fetchall() == tables
    verdicts(results)
    assert results.query(listed).fetchall() == tables


def test_a_place_may_be_a_path(study, record):
    uri = record(study())
    for given in (Path(uri), [Path(uri)]):
        assert analysis.load(given).trials.equals(analysis.load(uri).trials)


@pytest.mark.parametrize("given", [None, 5, b"results/own", ["results/own", None], ["results/o\0"]])
def test_what_is_no_place_is_refused_in_a_line(given):
    with pytest.raises(UserError, match=r"^results "):
        analysis.load(given)


@pytest.mark.parametrize("columns", [{"values": [[1.0]]}, {"values": ["x"], "quick": ["no"]}])
def test_a_file_of_benchmarks_of_another_program_is_left_alone(columns, study, record, tmp_path):
    uri = record(study())
    pd.DataFrame(columns).to_parquet(tmp_path / "results" / "benchmarks.parquet")
    assert analysis.load(uri).benchmarks.empty


def test_a_folder_here_that_only_has_the_studys_name_is_passed_over(study, record, monkeypatch):
    root = Path(record(study())).parent.parent
    (root / "small").mkdir()
    monkeypatch.chdir(root)
    assert analysis.load("small").finished == 6
