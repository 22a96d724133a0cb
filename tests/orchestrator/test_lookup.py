import pytest
from tests_support import train_study, write_study

from orchestrator.cli import _lookup, main
from studies.errors import UserError

IDS = ["29b9a1ae3338", "2efd1da84122", "a310c22e65f5"]


@pytest.mark.parametrize("given", ["a310c22e65f5", "a", "A31"])
def test_the_unique_beginning_of_an_id_is_enough(given):
    assert _lookup.trial_id(given, IDS, "own") == "a310c22e65f5"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "2",
            r"trial '2': 2 trials of own begin with it \(29b9a1ae3338, 2efd1da84122\); give",
        ),
        ("", "3 trials of own begin with it"),
        ("a310c22e65f6", "no id of own begins with it; did you mean a310c22e65f5"),
        ("zz", "known: 29b9a1ae3338, 2efd1da84122, a310c22e65f5"),
    ],
)
def test_any_other_is_refused_with_the_nearest_ids(given, message):
    with pytest.raises(UserError, match=message):
        _lookup.trial_id(given, IDS, "own")


def test_without_trials_the_error_names_what_to_run():
    with pytest.raises(UserError, match="no trials yet; run first: untuned run own"):
        _lookup.trial_id("a", [], "own")


def test_status_and_check_take_the_folder_of_results_too(tmp_path, monkeypatch, capsys):
    train_study(tmp_path, epochs=1, seeds=1)
    monkeypatch.chdir(tmp_path)
    said = {}
    for name in ("own", "results/own", str(tmp_path / "results" / "own")):
        for command in (["status", name], ["check", name, "--no-estimate"]):
            with pytest.raises(SystemExit) as ended:
                main(command)
            said[command[0], name] = (ended.value.code, capsys.readouterr().out)
    assert {code for code, _ in said.values()} == {0}
    assert "own: 2 of 2 trials finished" in said["status", "results/own"][1]
    assert said["status", "own"] == said["status", "results/own"]
    assert len({said["check", name] for _, name in said}) == 1
    for name in ("own.YAML", "nowhere/own"):
        with pytest.raises(SystemExit):
            main(["status", name])
        assert "known:" not in capsys.readouterr().err  # the list of all studies


COMMANDS = (
    ["status"],
    ["status", "own"],
    ["check", "own.yaml", "--no-estimate"],
    ["run", "own.yaml", "--executor", "inline"],
    ["run", "own.yaml", "--dry-run"],
    ["register", "own.yaml"],
)


def test_a_studys_own_folder_given_as_that_of_all_results_is_refused(tmp_path, monkeypatch, capsys):
    train_study(tmp_path, epochs=1, seeds=1)
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for command in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([*command, "--results", "results/own"])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "results/own: holds the results of one study; give the folder around it" in said
        assert said.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
