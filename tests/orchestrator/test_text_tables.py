"""Tables in terminals of any width: no id, number or verdict is broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from tests_support import train_study

from orchestrator import text_tables
from orchestrator.cli import cli, jobs
from orchestrator.jobs.job import Job

ROWS = [("free-pruning", "98.20 ± 0.25", "Does it take ReLU?"), ("dense", "98.28 ± 0.35", "")]
HEADINGS = ("method", "test\naccuracy", "question")


def printed(headings, rows, right, width):
    console = Console(width=width, highlight=False)
    with console.capture() as capture:
        console.print(text_tables.laid_out(headings, rows, right, width), soft_wrap=True)
    return capture.get()


def test_a_table_that_fits_has_a_line_per_row():
    lines = printed(HEADINGS, ROWS, ("test\naccuracy",), 80).splitlines()
    assert lines[1:6] == [
        "                       test                     ",
        " method            accuracy  question           ",
        " ────────────────────────────────────────────── ",
        " free-pruning  98.20 ± 0.25  Does it take ReLU? ",
        " dense         98.28 ± 0.35                     ",
    ]


def test_columns_stand_closer_before_a_table_is_given_up():
    needed = 1 + 12 + 1 + 12 + 1 + 18 + 1
    assert text_tables.fits(HEADINGS, ROWS, ("test\naccuracy",), needed)
    assert not text_tables.fits(HEADINGS, ROWS, ("test\naccuracy",), needed - 1)
    lines = printed(HEADINGS, ROWS, ("test\naccuracy",), needed).splitlines()
    assert lines[4] == " free-pruning 98.20 ± 0.25 Does it take ReLU? "


def test_in_a_narrow_terminal_each_value_has_a_line():
    assert printed(HEADINGS, ROWS, ("test\naccuracy",), 30).splitlines() == [
        "method: free-pruning",
        "  test accuracy: 98.20 ± 0.25",
        "  question: Does it take ReLU?",
        "method: dense",
        "  test accuracy: 98.28 ± 0.35",
    ]


def test_names_and_values_are_aligned_where_there_is_room():
    values = {"commit": "7bb8a4baeb6ad34a", "engine": "mlp", "tf32": None}
    assert text_tables.pairs(values, 80) == [
        "  commit              7bb8a4baeb6ad34a",
        "  engine              mlp",
    ]
    assert text_tables.pairs(values, 20) == ["  commit:\n    7bb8a4baeb6ad34a", "  engine: mlp"]


WORDS = st.text("abcdefghij0123456789-./±é図", min_size=1, max_size=24)
CELLS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


@given(
    rows=st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=4)
    ),
    numbers=st.sets(st.integers(0, 4)),
    width=st.integers(10, 120),
)
def test_no_word_is_broken_at_any_width(rows, numbers, width):
    headings = [f"name-{number}" for number in range(len(rows[0]))]
    right = [heading for number, heading in enumerate(headings) if number in numbers]
    shown = printed(headings, rows, right, width)
    assert not {word for row in rows for cell in row for word in cell.split()} - set(shown.split())
    if text_tables.fits(headings, rows, right, width):
        assert max(map(cell_len, shown.splitlines())) <= width
        numeric = [row[headings.index(heading)] for row in rows for heading in right]
        assert all(cell in shown for cell in numeric)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("narrow")
    return folder, train_study(folder, failing=1)[1]


@pytest.mark.parametrize(
    "command",
    [
        ["list"],
        ["status"],
        ["status", "own"],
        ["results", "own"],
        ["results", "own", "--trials"],
        ["results", "own", "--provenance"],
        ["show", "own", "TRIAL"],
        ["check", "own.yaml", "--no-estimate"],
        ["verdict", "own", "--pairs"],
    ],
    ids=" ".join,
)
def test_commands_break_no_word_in_a_narrow_terminal(place, command, monkeypatch, capsys):
    """All words of an output that has much room are in that of one that has little."""
    folder, trials = place
    monkeypatch.chdir(folder)
    words = {}
    for columns in ("1000", "80", "40"):
        monkeypatch.setenv("COLUMNS", columns)
        arguments = [word.replace("TRIAL", trials[2].trial_id) for word in command]
        cli.main(arguments, standalone_mode=False)
        words[columns] = {word.rstrip(":") for word in capsys.readouterr().out.split()}
    of_tables = {word for word in words["1000"] if set(word) <= set("─±█▁▂▃▄▅▆▇")}
    assert words["1000"] - of_tables <= words["80"]
    # No line for the column "sd so far" of a claim that has none.
    assert words["1000"] - of_tables <= words["40"] | {"so", "far"}


@pytest.mark.parametrize("columns", ["40", "80"])
def test_jobs_are_listed_whole_in_a_narrow_terminal(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", columns)
    job = Job(
        id="untuned-threshold-mnist-4f2a9c",
        study="threshold-mnist",
        results="s3://a-bucket-with-a-long-name/results-of-may",
        version="0.1.0",
        command="untuned submit threshold-mnist",
        status="succeeded",
        started=0.0,
        ended=7513.0,
        code=0,
        message="",
    )
    jobs._show_all([job], "slurm")
    words = capsys.readouterr().out.split()
    assert {job.id, job.study, job.status, "2:05:13", job.results} <= set(words)
