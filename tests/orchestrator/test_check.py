"""`untuned check`: what a study would run and cost."""

import pytest
from tests_support import in_the_base_install, train_study, untuned, write_study

from orchestrator.cli import cli
from studies.errors import UserError


def check(capsys, *arguments):
    cli.main(["check", *map(str, arguments)], standalone_mode=False)
    return " ".join(capsys.readouterr().out.split())


def test_check_shows_what_would_run_and_what_it_can_decide(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = check(capsys, write_study(tmp_path), "--no-estimate")
    assert "own: 4 of 4 trials would run; nothing started" in output
    assert "estimate" not in output
    assert "not decided here (no such cells): C1," in output
    assert "(measured by `make bench`): C5" in output
    assert [path.name for path in tmp_path.iterdir()] == ["own.yaml"]


def test_an_estimate_has_time_memory_and_disk(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = check(capsys, write_study(tmp_path), "--workers", 1, "--device", "cpu")
    assert "estimate: " in output
    assert "of results. Calibrated here for" in output


def test_power_depends_on_the_seeds_and_the_margin(capsys):
    output = check(capsys, "digits", "--no-estimate", "--seeds", 15)
    assert "C1-common similar-or-higher 4 15 sd ≤ 0.74 points" in output
    assert "exploratory (digits is a demonstration): C2," in output
    output = check(capsys, "digits", "--no-estimate", "--seeds", 1)
    assert "C1-common similar-or-higher 4 1 never: one seed" in output


def test_a_study_that_tunes_lists_the_claims_that_it_will_decide(capsys):
    output = check(capsys, "threshold-mnist", "--no-estimate")
    assert "C6 no-threshold 1 15 sd ≤ 0.23 points (5 comparisons)" in output  # joint power
    # What the tuning seeds choose is compared by C1, never as a recipe in common.
    assert "C1 similar-or-higher 2 15" in output
    assert "C1-common similar-or-higher" not in output


def test_finished_trials_count_and_a_study_is_found_by_its_results(tmp_path):
    train_study(tmp_path, failing=1)
    (tmp_path / "own.yaml").unlink()
    answer = untuned("check", "own", "--no-estimate", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "own: 1 of 4 trials would run" in answer.stdout
    assert max(map(len, answer.stdout.splitlines())) <= 80


def test_ray_is_not_needed_and_torch_only_for_the_estimate(tmp_path):
    answer = in_the_base_install(tmp_path, ["check", "digits"])
    assert answer.returncode == 0, answer.stderr
    assert "no estimate without torch; install it with: pip install 'untuned[run]'" in answer.stdout


@pytest.mark.parametrize("name", ["digit", "none.yaml"])
def test_an_unknown_study_is_refused(tmp_path, name):
    answer = untuned("check", name, cwd=tmp_path)
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ["check", "own.yaml"],
        ["run", "own.yaml", "--executor", "inline"],
        ["run", "own.yaml", "--dry-run"],
        ["register", "own.yaml"],
        ["submit", "own.yaml", "--results", "/r", "--address", "http://127.0.0.1:1"],
    ],
)
def test_a_claim_that_does_not_exist_is_refused_before_anything_is_committed(
    command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    path = write_study(tmp_path)
    path.write_text(f"claims: [C1-common, C66]\n{path.read_text()}")
    with pytest.raises(
        UserError, match=r"^study own: claims: unknown claim 'C66'; did you mean C6"
    ):
        cli.main(command, standalone_mode=False)
    assert [path.name for path in tmp_path.iterdir()] == ["own.yaml"]


@pytest.mark.parametrize(
    "command",
    [
        ["check", "own.yaml"],
        ["run", "own.yaml", "--seeds", "3", "--executor", "inline"],
        ["run", "own.yaml", "--dry-run"],
        ["register", "own.yaml", "--seeds", "3"],
    ],
)
def test_results_with_an_edited_definition_are_refused_before_anything_is_shown(
    command, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    train_study(tmp_path)
    (definition,) = tmp_path.glob("results/own/definitions/*")
    definition.write_text(definition.read_text().replace("seeds: 2", "seeds: 1"))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="was changed or renamed after it was recorded"):
        cli.main(command, standalone_mode=False)
    assert capsys.readouterr() == ("", "")
    assert sorted(tmp_path.rglob("*")) == before
