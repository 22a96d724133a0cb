"""`untuned results`: tables of finished trials."""

import csv
import io
import json
import shlex
import shutil

import pytest
from tests_support import in_the_base_install, train_study, untuned

from orchestrator.cli import cli
from orchestrator.cli.results import _cell
from studies.errors import UserError
from studies.store.finished import finished


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a study of two cells, whose last trial failed; its finished trials."""
    folder = tmp_path_factory.mktemp("results")
    store, _ = train_study(folder, failing=1)
    return folder, finished(store).rows.to_pylist()


def table(place, *arguments):
    answer = untuned("results", "own", *arguments, cwd=place[0])
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_a_row_per_cell_holds_means_over_its_seeds(place):
    rows = json.loads(table(place, "--json"))
    assert [(row["method"], row["n"]) for row in rows] == [("dense", 2), ("minimal-flipping", 1)]
    accuracies = [r["test_accuracy"] for r in place[1] if r["method"] == "dense"]
    assert rows[0]["test_accuracy_mean"] == pytest.approx(sum(accuracies) / 2)
    half = abs(accuracies[0] - accuracies[1]) / 2
    assert rows[0]["test_accuracy_sd"] == pytest.approx(half * 2**0.5)
    assert rows[1]["test_accuracy_sd"] is None


def test_people_read_percent_in_80_columns_without_colour(place):
    shown = table(place)
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    (dense,) = (line.split() for line in shown.splitlines() if "dense" in line)
    assert dense[:2] == ["dense", "2"]
    assert dense[-3:] == ["1.50", "±", "0.00"]


@pytest.mark.parametrize("columns", ["seconds,seconds", "test-accuracy,test_accuracy,seconds"])
def test_a_column_that_is_named_twice_is_shown_once(columns, place):
    answer = untuned("results", "own", "--csv", "--columns", columns, cwd=place[0])
    (row, _) = csv.DictReader(io.StringIO(answer.stdout))
    names = dict.fromkeys(columns.replace("-", "_").split(","))
    figures = [f"{name}_{what}" for name in names for what in ("mean", "sd")]
    assert list(row) == ["method", "n", *figures]
    assert answer.stderr == ""


def test_conditions_and_columns_choose(place):
    options = ["--trials", "--csv", "--columns", "seed,trial-id,test_accuracy"]
    answer = untuned("results", "own", *options, "--where", "method=dense", cwd=place[0])
    rows = list(csv.DictReader(io.StringIO(answer.stdout)))
    assert answer.stderr == "showing 2 of 3 finished trials\n"
    assert list(rows[0]) == ["seed", "trial_id", "test_accuracy"]
    recorded = {row["trial_id"]: row["test_accuracy"] for row in place[1]}
    assert [float(row["test_accuracy"]) for row in rows] == [
        recorded[row["trial_id"]] for row in rows
    ]


def test_no_matching_trial_gives_an_empty_table(place):
    assert json.loads(table(place, "--json", "--where", "test_accuracy>1")) == []
    assert table(place, "--csv", "--trials", "--where", "seed>9").count("\n") == 1


def test_a_table_that_is_empty_because_parts_are_gone_says_so(place, tmp_path):
    shutil.copytree(place[0], tmp_path, dirs_exist_ok=True)
    for part in tmp_path.rglob("epochs/*.parquet"):
        part.unlink()  # so no trial is whole
    answer = untuned("results", "own", "--csv", cwd=tmp_path)
    assert answer.returncode == 0
    assert len(answer.stdout.splitlines()) == 1  # the names of the columns
    *missing, last = answer.stderr.splitlines()
    assert missing
    assert all("is missing, so" in line for line in missing)
    assert last == "no trial is finished; untuned status shows what is missing"


def test_markdown_is_a_table(place):
    first, second, *rows = table(place, "--markdown", "--columns", "last_epoch").splitlines()
    assert first == "| method | n | last epoch |"
    assert second == "|---|--:|--:|"
    assert rows[0] == "| dense | 2 | 2.00 ± 0.00 |"


def test_the_base_install_shows_results(place):
    answer = in_the_base_install(place[0], ["results", "own"])
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--columns", "hots"], "unknown column 'hots'; did you mean host"),
        (["--columns", "host"], "--columns host: it has no mean over seeds; add --trials"),
        (["--columns", "seed"], "--columns seed: a row is a mean over seeds; add --trials"),
        (["--where", "seed"], "--where 'seed': give a column"),
        (["--provenance", "--trials"], "--provenance: leave out --trials and --columns"),
    ],
)
def test_mistakes_are_answered_in_one_line(place, monkeypatch, arguments, message):
    monkeypatch.chdir(place[0])
    with pytest.raises(UserError) as refused:
        cli.main(["results", "own", *arguments], standalone_mode=False)
    assert message in str(refused.value)


def test_deviations_that_do_not_fit_are_left_out_with_a_note(place):
    answer = untuned("results", "own", cwd=place[0], COLUMNS="50")
    assert "±" in answer.stdout
    assert max(map(len, answer.stdout.splitlines())) <= 50
    assert answer.stderr == (
        "some standard deviations do not fit and are left out; --csv has them\n"
    )


def test_a_trial_is_trained_again_with_the_command_of_its_row(place):
    rows = json.loads(table(place, "--trials", "--json", "--where", "seed=2"))
    (row,) = rows
    program, *arguments = shlex.split(row["command"])
    assert program == "untuned"
    again = untuned(*arguments, "--json", cwd=place[0]).stdout.splitlines()[-1]
    assert json.loads(again)["test_accuracy"] == row["test_accuracy"]
    assert list(csv.DictReader(io.StringIO(table(place, "--trials", "--csv"))))[2]["command"]
    lines = table(place, "--trials").splitlines()
    below = lines[lines.index("train them again with:") + 1 :]
    assert len(below) == 3
    assert f"  {row['trial_id']}  {row['command']}" in below
    chosen = table(place, "--trials", "--csv", "--columns", "seed,command", "--where", "seed=2")
    assert chosen == f"seed,command\n2,{row['command']}\n"


def test_provenance_counts_all_trials_with_their_core_hours(place):
    (row,) = json.loads(table(place, "--provenance", "--json"))
    assert (row["trials"], row["machines"], row["engine"]) == (3, 1, "mlp")
    assert row["core_hours"] == pytest.approx(3 * 1.5 / 3600)
    assert (row["commit"], row["versions"], row["threads"]) == (None, "v", 1)
    assert table(place, "--provenance", "--markdown").startswith("| trials | core hours | machines")
    # Programs get a commit whole, people its first digits.
    assert (_cell("commit", "0123456789abcdef"), _cell("commit", None)) == (
        "0123456789ab",
        "\N{EN DASH}",
    )
