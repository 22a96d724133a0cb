"""What the page of `untuned explore` shows, undrawn; its server, and what it refuses."""

import json
import math
import shutil
import socket
from dataclasses import replace

import numpy as np
import pytest
from tests_support import train_study, untuned, without, write_study

import analysis
from orchestrator.explorer import data, figures, server
from orchestrator.explorer.data import Choice, Live
from studies.errors import UserError

#: Of the studies, see `write_study`.
WEIGHTS = "[he-constant, he-normal]"
#: The half width of the 95% t interval of three values with standard deviation 1.
HALF = 4.302652729911275 / math.sqrt(3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with real results of twelve trials."""
    place = tmp_path_factory.mktemp("explored")
    write_study(place, seeds=3, weights=WEIGHTS)
    train_study(place, write=False)
    return place


@pytest.fixture(scope="module")
def results(folder):
    return analysis.load(str(folder / "results" / "own"))


@pytest.fixture
def by_hand(results):
    """The same trials with accuracies that can be computed with: seeds 1, 2, 3 have 1, 2, 3 %.

    With he-normal two points more.
    """
    trials = results.trials.copy()
    more = np.where(trials["weights"] == "he-normal", 0.02, 0)
    trials["test_accuracy"] = trials["seed"] / 100 + more
    return replace(results, trials=trials)


def finals(results, trials, *groups):
    return data.finals(results, trials, Choice("test_accuracy", groups))


def test_a_group_of_one_cell_has_the_mean_and_the_interval_over_its_seeds(by_hand):
    shown = finals(by_hand, by_hand.trials, "method", "weights")
    assert [group.name for group in shown.groups] == [
        "dense, he-constant",
        "dense, he-normal",
        "minimal-flipping, he-constant",
        "minimal-flipping, he-normal",
    ]
    assert shown.notes == []
    group = shown.groups[1]
    assert (group.mean, group.n) == ([pytest.approx(4)], [3])
    assert (group.low, group.high) == ([pytest.approx(4 - HALF)], [pytest.approx(4 + HALF)])
    assert sorted(value for _, value in group.trials) == pytest.approx([3, 4, 5])


def test_a_group_of_several_cells_is_first_averaged_within_each_seed(by_hand):
    shown = finals(by_hand, by_hand.trials, "method")
    group = shown.groups[0]
    assert (group.name, group.n) == ("dense", [3])
    assert group.mean == [pytest.approx(3)]
    assert group.high == [pytest.approx(3 + HALF)]  # as six seeds it would be narrower
    (note,) = shown.notes
    assert "up to 2 cells: means over them for each seed, then over seeds" in note
    (everything,) = finals(by_hand, by_hand.trials).groups
    assert (everything.name, everything.n, len(everything.trials)) == ("all trials", [3], 12)


def test_a_seed_without_all_cells_of_a_group_is_left_out_of_it(by_hand):
    rows = by_hand.trials
    gone = (rows["method"] == "dense") & (rows["weights"] == "he-normal") & (rows["seed"] == 3)
    shown = finals(by_hand, rows[~gone], "method")
    assert [group.n for group in shown.groups] == [[2], [3]]
    assert shown.groups[0].mean == [pytest.approx(2.5)]
    assert "1 seed without all cells of a group left out there" in shown.notes[1]


def test_a_trial_without_the_figure_does_not_count(by_hand):
    rows = by_hand.trials.copy()
    rows.loc[(rows["method"] == "dense") & (rows["seed"] == 1), "test_accuracy"] = math.nan
    shown = finals(by_hand, rows, "method", "weights")
    assert [group.n for group in shown.groups] == [[2], [2], [3], [3]]
    assert len(shown.groups[0].trials) == 2


def test_single_trials_are_left_out_where_there_are_too_many(by_hand, monkeypatch):
    monkeypatch.setattr(data, "MOST_POINTS", 11)
    shown = finals(by_hand, by_hand.trials, "method", "weights")
    assert [group.trials for group in shown.groups] == [[]] * 4
    assert [group.n for group in shown.groups] == [[3]] * 4
    assert shown.notes == ["Single trials are drawn for at most 11; filter to see them."]


def test_curves_are_the_means_of_the_recorded_epochs(results):
    live = Live(lambda: results)
    shown = data.curves(live, results.trials, Choice("test_accuracy", ("method", "weights")))
    group = shown.groups[-1]
    assert group.x == [0, 1, 2]
    query = (
        "SELECT epoch, avg(test_accuracy) * 100 AS mean, count(*) AS n FROM epochs WHERE "
        "method = 'minimal-flipping' AND weights = 'he-normal' GROUP BY epoch ORDER BY epoch"
    )
    expected = results.query(query).df()
    assert group.mean == pytest.approx(expected["mean"].tolist())
    assert group.n == expected["n"].tolist() == [3, 3, 3]
    assert data.curves(live, results.trials, Choice("seconds")) is None
    assert data.finals(results, results.trials, Choice("train_seconds")) is None


def test_filters_are_values_of_fields_and_the_conditions_of_the_command_line(results):
    def left(where="", **only):
        return len(data.chosen_trials(results, Choice("test_accuracy", (), only, where)))

    assert left() == left(method=[]) == 12
    assert left(method=["dense"]) == 6
    assert left(method=["dense"], weights=["he-normal"]) == 3
    assert left("method=dense; seed>=2") == 4
    with pytest.raises(UserError, match=r"unknown column 'metod'.*did you mean method"):
        left("metod=dense")


def test_fields_figures_and_the_table_are_those_that_the_trials_have(results):
    assert data.fields(results) == data.first_groups(results) == ["method", "weights"]
    every = data.figures(results)
    assert {"test_accuracy", "seconds", "train_seconds", "changed"} <= set(every)
    assert "expected_test_accuracy" not in every  # no method has a random mask
    rows = data.table(results, results.trials, Choice("test_loss"))
    assert len(rows) == 12
    first, recorded = rows[0], results.trials.iloc[0]
    assert first["test_accuracy"] == pytest.approx(recorded["test_accuracy"] * 100, abs=1e-4)
    assert first["test_loss"] == pytest.approx(recorded["test_loss"], abs=1e-4)
    assert data.progress(results) == "12 of 12 planned trials finished."


def test_a_trial_has_its_row_its_masks_and_the_command_that_trains_it_again(results, folder):
    row = results.trials[results.trials["method"] == "minimal-flipping"].iloc[0]
    view = data.trial_view(results, row["trial_id"])
    told = untuned("show", "own", row["trial_id"], "--json", cwd=folder)
    assert view.command == json.loads(told.stdout)["command"]
    assert view.values["method"] == "minimal-flipping"
    assert view.row["test_accuracy"] == f"{row['test_accuracy'] * 100:.2f} %"
    assert [mask.name for mask in view.masks] == ["fc1", "fc2"]
    assert [mask.pixels for mask in view.masks] == [True, False]
    assert view.masks[0].shares.shape == (8, 8)
    connections = np.array([16 * 64, 10 * 16])
    kept = np.dot([mask.kept for mask in view.masks], connections) / connections.sum()
    assert 1 - kept == pytest.approx(row["changed"])
    assert data.trial_view(results, "0" * 12) is None


def test_a_mask_is_shown_by_pixel_or_in_blocks():
    kept = np.array([[1, 1, 0, 0], [1, 0, 0, 1]], bool)
    first = data.mask("fc1", (2, 4), np.packbits(kept).tobytes(), first=True)
    assert (first.pixels, first.kept) == (True, 0.5)
    assert first.shares.tolist() == [[1, 0.5], [0, 0.5]]
    later = data.mask("fc2", (2, 4), np.packbits(kept).tobytes())
    assert later.shares.tolist() == kept.astype(float).tolist()
    large = data.mask("fc2", (128, 256), np.packbits(np.eye(128, 256, dtype=bool)).tobytes())
    assert large.shares.shape == (64, 64)
    assert large.shares.mean() == pytest.approx(large.kept)
    assert large.shares[0].tolist() == [0.25, *[0] * 63]  # a block is 2 x 4


def test_results_are_read_again_and_a_change_is_noticed(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    write_study(tmp_path, seeds=4, weights=WEIGHTS)
    live = Live(lambda: analysis.load(str(tmp_path / "results" / "own")))
    assert len(live.epochs("test_loss")) == 36
    assert not live.refresh()
    assert live.version == 0
    run = ("run", "own.yaml", "--executor", "inline", "--only", "method=dense")
    assert untuned(*run, cwd=tmp_path).returncode == 0
    assert live.refresh()
    assert live.version == 1
    assert len(live.epochs("test_loss")) == 36 + 2 * 3


@pytest.mark.parametrize("dark", [False, True])
def test_figures_are_json_with_a_look_for_each_group(results, dark):
    live, methods = Live(lambda: results), ["dense", "minimal-flipping"]
    choice = Choice("test_accuracy", ("method", "weights"))
    trials = results.trials[(results.trials["seed"] == 1) | (results.trials["method"] == "dense")]
    curves, ends = data.curves(live, trials, choice), data.finals(results, trials, choice)
    drawn = figures.draw_curves(curves, choice, methods, dark=dark)
    json.dumps(drawn, allow_nan=False)
    assert len(drawn["data"]) == 4 + 2  # one seed has no interval
    names = [name for name, _, _ in figures.legend(curves, choice, methods, dark=dark)]
    assert names == [group.name for group in curves.groups]
    drawn = figures.draw_finals(ends, choice, methods, dark=dark)
    json.dumps(drawn, allow_nan=False)
    points = [trial for trace in drawn["data"] for trial in trace.get("customdata", ())]
    assert sorted(points) == sorted(trials["trial_id"])
    looks = {entry[1:] for entry in figures.legend(curves, choice, methods, dark=dark)}
    assert len(looks) == 4


def test_without_dash_it_says_what_to_install(folder):
    answer = without(("dash",), folder, ["explore", "own", "--no-open"])
    assert answer.returncode == 2
    assert answer.stderr == (
        "untuned: explore needs dash: pip install 'untuned[explore]' brings it\n"
    )


def test_a_port_that_is_taken_is_refused(results):
    pytest.importorskip("dash", reason="Dash is not installed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {number}: .*; give another one"):
            server.serve(lambda: results, number, print)


def test_only_this_machine_is_answered_and_nothing_is_loaded_from_elsewhere(results):
    pytest.importorskip("dash", reason="Dash is not installed")
    from orchestrator.explorer import page

    client = page.make(Live(lambda: results)).server.test_client()
    answer = client.get("/", headers={"Host": "127.0.0.1:8050"})
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    for path in ("/", "/_dash-layout", "/_dash-dependencies"):
        assert client.get(path, headers={"Host": "elsewhere.example"}).status_code == 403
    assert b"://" not in answer.data  # no script or style of another host
