"""The page of findings: its commands, run on the shipped results, print its numbers."""

import json
import re

import pytest
from docs_support import ROOT
from tests_support import train_study

import analysis
from orchestrator.cli import _findings
from studies.errors import UserError
from studies.store import Store, shipped
from studies.store.shipping import ship


@pytest.fixture(autouse=True)
def _nothing_is_remembered():
    """The commands of a test print what its own shipped results hold."""
    _findings._printed.cache_clear()
    yield
    _findings._printed.cache_clear()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Results of a study with two methods and two seeds."""
    folder = tmp_path_factory.mktemp("findings")
    train_study(folder)
    return Store(str(folder / "results"), "own")


@pytest.fixture
def published(trained, tmp_path, monkeypatch):
    monkeypatch.setenv(shipped.VARIABLE, str(tmp_path / "shipped"))
    ship(trained, masks=True)


def test_the_page_is_that_of_the_shipped_results(monkeypatch):
    monkeypatch.setenv(shipped.VARIABLE, str(shipped.FOLDER))
    path = ROOT / "docs" / "findings.md"
    written = path.read_text(encoding="utf-8") if path.exists() else None
    assert written == _findings.page(), "run `make findings`"


def test_without_shipped_results_there_is_no_page():
    assert _findings.page() is None


def test_every_study_has_its_tables_below_the_commands_that_make_them(published):
    page = _findings.page()
    assert page.startswith("# Findings\n\n`make findings` makes")
    assert "\n## own\n" in page
    assert "All 4 trials are finished" in page
    for command in ("verdict own", "results own --provenance", "results own"):
        assert f"\n```bash\nuntuned {command} --markdown\n```\n\n| " in page
    means = analysis.load("own").trials.groupby("method")["test_accuracy"].mean() * 100
    (dense,) = re.findall(r"^\| dense \| 2 \| ([\d.]+) ± ", page, re.MULTILINE)
    assert dense == f"{means['dense']:.2f}"
    assert "\n```bash\nuntuned train --network lenet-16 --dataset digits --method dense" in page
    assert page == _findings.page()


def test_a_study_has_no_verdict_before_all_of_its_trials_are_finished(tmp_path, monkeypatch):
    monkeypatch.setenv(shipped.VARIABLE, str(tmp_path / "shipped"))
    started, _ = train_study(tmp_path, failing=1)
    ship(started, masks=True)
    page = _findings.page()
    assert "3 of 4 trials are finished. There is no verdict before all of them are." in page
    assert "untuned results own --provenance" in page
    assert "untuned verdict own" not in page


def test_the_page_changes_with_the_results(published, trained, tmp_path):
    before = _findings.page()
    _findings._printed.cache_clear()
    other, _ = train_study(tmp_path, seeds=1)
    shipped.folder().joinpath("own").rename(tmp_path / "old")
    ship(other, masks=True)
    assert "All 2 trials are finished" in _findings.page()
    assert _findings.page() != before


def test_a_text_of_a_study_names_the_commands_of_its_numbers(published, tmp_path):
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings/page.md.jinja").write_text(
        "{% for state in studies %}{% include state.study ~ '.md.jinja' %}{% endfor %}"
    )
    command = "untuned results own --json"
    (tmp_path / "findings/own.md.jinja").write_text(
        f"{{{{ value('{command}', '0.test_accuracy_mean', percent=True) }}}} % over "
        f"{{{{ value('{command}', '0.n') }}}} seeds.\n\n{{{{ commands() }}}}\n"
    )
    mean = analysis.load("own").trials.query("method == 'dense'")["test_accuracy"].mean()
    assert _findings.page(tmp_path) == (
        f"{mean * 100:.2f} % over 2 seeds.\n\n{_findings._MARK}\n```bash\n{command}\n```\n"
    )


def test_other_programs_and_wrong_commands_make_no_numbers(published):
    with pytest.raises(ValueError, match="only commands of untuned"):
        _findings.output("echo 97.5")
    with pytest.raises(UserError, match="unknown study 'hers'"):
        _findings.output("untuned results hers")


def test_a_difference_pairs_seeds_and_has_an_interval_over_them(monkeypatch):
    first = [{"seed": 2, "test_accuracy": 0.93}, {"seed": 1, "test_accuracy": 0.90}]
    second = [{"seed": 1, "test_accuracy": 0.89}, {"seed": 2, "test_accuracy": 0.90}]
    answers = {"untuned a": json.dumps(first), "untuned b": json.dumps(second)}
    answers |= {"untuned one": json.dumps(first[:1]), "untuned twice": json.dumps(first * 2)}
    monkeypatch.setattr(_findings, "printed", answers.__getitem__)
    commands = _findings._Commands()
    # 1 and 3 points: mean 2, standard error 1, and t(1) at 95% is 6.31.
    assert commands.difference("untuned a", "untuned b") == "2.00 [\N{MINUS SIGN}4.31, 8.31]"
    assert "untuned a\nuntuned b" in commands.block()
    for other in ("untuned one", "untuned twice"):
        with pytest.raises(ValueError, match="not one trial for each of the same seeds"):
            commands.difference("untuned a", other)
