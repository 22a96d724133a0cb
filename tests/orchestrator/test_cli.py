import gc
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests_support import UNTUNED, in_the_base_install, untuned, write_study

from analysis.verdicts.claims import CLAIMS
from orchestrator.cli import main
from orchestrator.cli.verdict import _named_first
from studies.store import Store
from studies.study import find, read
from studies.trial import SETTABLE


def run(capsys, *arguments):
    """The command line in this process: exit code, output, errors."""
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


MISTAKES = [
    (["run", "digit"], "unknown study 'digit'; did you mean digits"),
    (["run", "none.yaml"], "study file none.yaml: No such file or directory"),
    (["status", "digit"], "unknown study 'digit'; did you mean digits"),
    (["report", "digits"], "no results of digits in results; run first: untuned run digits"),
    (["report", "nowhere/digits"], "no results in nowhere/digits; run first: untuned run digits"),
    (["verdict", "digits"], "no results of digits in results; run first: untuned run digits"),
    (["verdict", "digits", "--claim", "C99"], "unknown claim 'C99'; did you mean C9"),
    (["verdict"], "Missing argument 'STUDY...'"),
    (["verdict", "digits", "--json", "--markdown"], "give either --json or --markdown"),
    (["compact", "digits"], "no results of digits in results; run first: untuned run digits"),
    (["status", "digits", "--results", "file"], "results folder file: cannot be read"),
    (["run", "digits", "--hours", "nan"], "'--hours': nan is not a finite number"),
    (["run", "digits", "--checkpoint", "nan"], "'--checkpoint': nan is not a finite number"),
    (["run", "digits", "--checkpoint", "1e999"], "'--checkpoint': 1e999 is not a finite number"),
    (["run", "digits", "--checkpoint", "inf"], "'--checkpoint': inf is not a finite number"),
    (["run", "digits", "--gpu-fraction", "nan"], "'--gpu-fraction': nan is not a finite"),
    (["status", "digits", "--every", "nan"], "'--every': nan is not a finite number"),
    (["rnu"], "unknown command 'rnu'; did you mean run"),
    (["run"], "Missing argument 'STUDY'"),
    (["run", "digits", "--seeds", "0"], "0 is not a number of seeds from 1 to 1000000"),
    (["run", "digits", "--seeds", "x"], "'x' is neither a number such as 15 nor a range such as"),
    (["run", "digits", "--seeds", "9-3"], "9-3: a range begins with its smaller seed; give 3-9"),
    (["run", "digits", "--only", "method=dens"], "did you mean dense?"),
    (["run", "digits", "--only", "seed=3"], "--seeds 7-7 runs seed 7 alone (see untuned run"),
    (["check", "digits", "--set", "epochs=many"], "epochs: 'many' is not a whole number"),
    (["submit", "digits", "--results", "/r", "--set", "epoch=1"], "did you mean epochs?"),
    (["run", "digits", "--set", "density=0.5"], "study digits: density: 0.5"),
    (["run", "digits", "--wrokers", "2"], "No such option '--wrokers'."),
    (["run", "digits", "--data", "nowhere"], "data folder nowhere: no such folder"),
    (["run", "digits", "--data", "mnits=."], "unknown dataset 'mnits'; did you mean mnist"),
    (["run", "digits", "--results", "file"], "results folder"),
    (["run", "digits", "--results", "no://x"], "give a folder or s3://"),
    (["run", "digits", "--address", "http://head:8265"], "a run needs HOST:PORT of the cluster's"),
    (["run", "digits", "--address", "head"], "give HOST:PORT of the cluster's head, or auto"),
    (["run", "digits", "--device", "cuda"], "PyTorch sees no GPU here; give --device cpu"),
    (["train", "--method", "dens"], "unknown method 'dens'; did you mean dense"),
    (["train", "--dataset", "digit"], "unknown dataset 'digit'; did you mean digits"),
    (["train", "--weights", "he"], "unknown weights 'he'"),
    (["train", "--network", "lenet"], "the numbers in lenet-300-100 are free, from 1 to 99999"),
    (["train", "--epochs", "-1"], "epochs: -1 is not a whole number, at least 0"),
    (["train", "--learning-rate", "nan"], "learning_rate: nan is not a finite number, above 0"),
    (["train", "--method", "dense", "--penalty", "2"], "the method dense does not use it"),
    (["train", "--save", "net.pt2"], "--save net.pt2: give a file that ends in .safetensors"),
    (["train", "--save", "no/net.safetensors"], "there is no folder no"),
    (["evaluate", "none.safetensors"], "network none.safetensors: cannot be read"),
    (
        ["export", "digits", "ab", "net.pt"],
        "no format has the suffix '.pt'; give one of: .safetensors",
    ),
    (["train", "--batch-size", "1.5"], "'1.5' is not a valid integer"),
    (["check", "digits", "--data", ""], "--data '': no folder; give DIR or NAME=DIR"),
    (["train", "--data", "digits="], "--data 'digits=': no folder; give DIR or NAME=DIR"),
    (["run", "digits", "--tensorboard", ""], "'--tensorboard': an empty text; give a value"),
    (["run", "digits", "--address", " "], "'--address': an empty text; give a value"),
    (["report", "digits", "--output", ""], "'--output': an empty text; give a value"),
    (["report", "digits", "--figures", ","], "'--figures': no name; give names separated by com"),
    (["results", "digits", "--columns", ""], "'--columns': no name; give names separated by com"),
    (["new", "--schema", "own"], "--schema prints the schema alone; leave NAME out"),
    (["status", "results/o\nwn"], r"'o\nwn' has a control character"),
    (["status", "results/\udcff"], r"'\udcff' has a control character, or bytes that are not"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_is_answered_in_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    import torch

    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("not a folder")
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("untuned: ")
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "digits", "--on-end", "x" * 100_000],
        ["train", "--save", "x" * 100_000],
        ["status", "digits", "--results", "x" * 100_000],
    ],
)
def test_an_error_with_a_very_long_text_is_still_read(arguments, capsys):
    code, out, err = run(capsys, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert len(err) < 6_100
    assert err.startswith(("untuned: --on-end x", "untuned: --save x", "untuned: results folder x"))
    assert " characters left out] xx" in err
    assert err.endswith(("sh -c '...'\n", "other formats\n", "File name too long)\n"))


#: Runs commands in one process; says what each leaves behind, and which libraries it imports.
COMMANDS = """
import contextlib, io, json, multiprocessing, os, sys
from orchestrator.cli import main
answers = []
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as ended:
            code = ended.code
    left = [*sorted(os.listdir()), *map(str, multiprocessing.active_children())]
    answers.append([code, out.getvalue(), err.getvalue(), left])
print(json.dumps([answers, sorted({"ray", "torch", "torchvision"} & set(sys.modules))]))
"""

OWN_IMAGES = """\
seeds: 1
data: {pets: 'folder:gone'}
axes: {network: conv2, dataset: pets, epochs: 1, method: dense, weights: he-normal}
"""


def test_a_mistake_is_told_before_ray_is_started(tmp_path, tmp_path_factory):
    ray, temporary = (tmp_path_factory.mktemp(name) for name in ("ray", "temporary"))
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "pets.yaml").write_text(OWN_IMAGES)
    write_study(tmp_path, "typo")
    path = tmp_path / "typo.yaml"
    path.write_text(path.read_text().replace("dense", "dens"))
    absent = "data set mnist: not in empty/MNIST/raw, and downloading it failed ("
    own = f"data set folder:{tmp_path}/gone: no such folder"
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # but does not listen
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        no_answer = f"--address {address}: no Ray cluster answers there"
        proxy = f"http://{address}"  # so nothing leaves this machine, and no download succeeds
        dead = {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": ""}
        at_a_start = [  # with and without --dry-run
            (["lenet-mnist", "--data", "empty"], absent),
            (["lenet-mnist", "--data", "mnist=empty"], absent),
            (["lenet-mnist", "--data", "gone"], "data folder gone: no such folder"),
            (["pets.yaml"], own),
            (["pets.yaml", "--data", "pets=parquet:gone"], "gone: no such file, and no folder"),
            (["typo.yaml"], "study typo: unknown method 'dens'; did you mean dense?"),
            (["digits", "--results", "file"], "results folder"),
            (["digits", "--results", "/proc/none"], "/proc/none/digits: cannot be written to ("),
            (["digits", "--address", address], no_answer),
            (["digits", "--tensorboard", "file"], f"--tensorboard {tmp_path}/file: cannot be writ"),
            (["digits", "--tensorboard", "new", "--address", address], no_answer),
        ]
        cases = [
            *((["run", *arguments], message) for arguments, message in at_a_start),
            *((["run", *arguments, "--dry-run"], message) for arguments, message in at_a_start),
            (["check", "lenet-mnist", "--data", "empty"], absent),
            (["check", "pets.yaml"], own),
            (["train", "--dataset", "mnist", "--data", "empty"], absent),
            (["train", "--dataset", "folder:gone"], own),
            (["train", "--dataset", "mnist", "--data", "gone"], "data folder gone: no such folder"),
            (["evaluate", "file", "--dataset", "mnist", "--data", "empty"], absent),
            (["evaluate", "file", "--dataset", "folder:gone"], own),
            (["evaluate", "file", "--data", "gone"], "data folder gone: no such folder"),
            (["evaluate", "gone"], "network gone: cannot be read (No such file or directory)"),
            (["submit", "typo.yaml", "--results", "/r"], "study typo: unknown method 'dens'"),
        ]
        answer = subprocess.run(
            [sys.executable, "-c", COMMANDS],
            cwd=tmp_path,
            env=os.environ | dead | {"RAY_TMPDIR": str(ray), "TMPDIR": str(temporary)},
            input=json.dumps([arguments for arguments, _ in cases]),
            capture_output=True,
            text=True,
            check=True,
        )
    answers, heavy = json.loads(answer.stdout)
    for (arguments, message), (code, out, err, left) in zip(cases, answers, strict=True):
        assert (code, out) == (2, ""), (arguments, err)
        assert message in err, arguments
        assert err.count("\n") == 1, err
        assert left == ["empty", "file", "pets.yaml", "typo.yaml"], arguments
    assert heavy == []
    for folder in (ray, temporary, tmp_path / "empty"):  # Ray makes a folder when it starts
        assert list(folder.iterdir()) == []


def test_the_data_sets_of_a_check_without_an_estimate_need_not_be_there(capsys, tmp_path):
    images = tmp_path / "copy"
    images.mkdir()
    (images / "train.parquet").write_text("x")
    code, out, err = run(capsys, "check", "lenet-mnist", "--data", images, "--no-estimate")
    assert code == 0
    assert "33 of 33 trials would run" in out
    assert f"data set mnist: {images} has Parquet files" in err  # so it is said all the same


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--epochs", "0", "--save"), "/proc/x.safetensors: cannot be written"),
        (("export", "own", "abc"), "/proc/x.safetensors: cannot be written"),
    ],
)
def test_a_file_that_cannot_be_written_is_named_before_the_work(arguments, message, capsys):
    code, out, err = run(capsys, *arguments, "/proc/x.safetensors")
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize("output", ["/proc/x", "/proc/version", "/proc/version/x"])
def test_a_report_that_cannot_be_written_reads_no_results(output, capsys, tmp_path, monkeypatch):
    Store(str(tmp_path), "digits").definitions.record(find("digits"))
    monkeypatch.setattr("analysis.load", lambda uri: pytest.fail("read"))
    code, out, err = run(capsys, "report", "digits", "--results", tmp_path, "--output", output)
    assert (code, out) == (2, "")
    assert f"report folder {output}: " in err
    assert err.endswith("; give a writable folder\n")


def test_a_mistake_in_a_study_file_names_the_file(capsys, tmp_path):
    path = write_study(tmp_path)
    path.write_text(path.read_text().replace("epochs", "epoch"))
    code, _, err = run(capsys, "run", path)
    assert code == 2
    assert err == (
        f"untuned: {path}: axes: unknown field 'epoch'; did you mean epochs? known: "
        f"{', '.join(sorted(set(SETTABLE)))}\n"
    )


def test_help_names_all_commands_and_needs_nothing_heavy():
    code = (
        "import sys; sys.argv = ['untuned', '--help'];"
        "from orchestrator.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'ray', 'numpy', 'pandas', 'pyarrow', 'pydantic', 'rich', 'yaml',"
        "'duckdb', 'scipy', 'matplotlib', 'jinja2', 'trainers', 'analysis', 'studies.store'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    for command in (
        *("check", "compact", "list", "new", "report", "results", "run", "show", "status"),
        *("register", "train", "verdict"),
    ):
        assert f"  {command}  " in answer.stdout


def test_no_line_of_the_list_of_commands_is_cut_off(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run(capsys, "--help")
    assert code == 0
    lines = out.partition("Commands:\n")[2].splitlines()
    assert len(lines) >= 11
    assert not [line for line in lines if line.endswith("...")]


def test_list_imports_no_library_of_numbers():
    code = (
        "import sys\nfrom orchestrator.cli import cli\n"
        "cli.main(['list'], standalone_mode=False)\n"
        "heavy = {'torch', 'ray', 'numpy', 'pandas', 'pyarrow', 'duckdb', 'scipy', 'analysis'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_list_shows_the_studies_with_their_trials(capsys):
    code, out, _ = run(capsys, "list")
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["digits", "50"] in [row[:2] for row in rows]
    assert ["lenet-mnist", "33"] in [row[:2] for row in rows]
    assert "minimal-flipping" in out


def test_a_dry_run_starts_and_writes_nothing(capsys, tmp_path):
    results = tmp_path / "results"
    code, out, _ = run(capsys, "run", "digits", "--seeds", 2, "--results", results, "--dry-run")
    assert code == 0
    assert "20 of 20 trials would run; nothing started" in out
    assert not results.exists()


def test_a_dry_run_estimates_time_and_memory(capsys, tmp_path):
    arguments = ["run", "digits", "--results", tmp_path / "results", "--dry-run", "--device", "cpu"]
    code, out, _ = run(capsys, *arguments, "--workers", 1)
    assert code == 0
    text = " ".join(out.split())
    time = r"(under a second|[\d.]+ (s|min|h))"  # and not days
    start = r" on 1 worker \(cpu\), plus about ten seconds to start\."
    assert re.search(f"estimate: {time}{start}", text)
    assert re.search(r"to start\. Memory: up to \d", text)


def test_the_users_own_images_are_trained_on(capsys, tmp_path, pets):
    arguments = ["train", "--epochs", 1, "--network", "conv2", "--width", 0.1, "--json"]
    code, out, err = run(capsys, *arguments, "--dataset", f"folder:{pets}")
    assert code == 0
    sizes = "29 training, 3 validation and 8 test images of 8x8x3, 2 classes"
    assert err == f"folder:{pets.name}: {sizes}\n"
    named = ["--dataset", "pets", "--data", f"pets=folder:{pets}"]
    assert [
        {k: v for k, v in json.loads(line).items() if k != "seconds"} for line in out.splitlines()
    ] == [
        {k: v for k, v in json.loads(line).items() if k != "seconds"}
        for line in run(capsys, *arguments, *named)[1].splitlines()
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--data", "digits=folder:x"], "digits is a built-in data set, and folder:{cwd}/x is"),
        (["--data", "folder:x"], "--data folder:x: give it a name, as in --data pets=folder:x"),
        (["--data", "=folder:x"], "give it a name, as in --data pets=folder:x"),
        (["--dataset", "folder:~nouser/x"], "~nouser/x: there is no such user"),
        (["--data", "pets=folder:x", "--dataset", "pets"], "folder:{cwd}/x: no such folder"),
        (["--data", "pets=pile:x", "--dataset", "pets"], "unknown dataset 'pile:x'"),
        (
            ["--data", "pest=folder:x"],
            "data pest: no trial uses a data set of this name, only digits",
        ),
        (["--dataset", "pets"], "unknown dataset 'pets'; known: cifar10"),
        (["--network", "conv8"], "network conv8: it halves images and needs at least 16x16"),
        (
            ["--positive-fraction", "1.5"],
            "positive_fraction: 1.5 is not a finite number, at least 0",
        ),
        (
            ["--score-offset", "1"],
            "score_offset: 1.0 is not a finite number, at least -100, below 1",
        ),
        (
            ["--schedule", "linear"],
            "unknown schedule 'linear'; did you mean cosine? known: constant, cosine",
        ),
        (["--affine", "true"], "affine: true is given, but the network lenet-300-100 does not use"),
        (["--density", "0.5"], "density: 0.5 is given, but the method free-pruning does not use"),
        (["--weights", "lognormal(sigma=9)"], "sigma '9' is not a number from 0.01 to 5.0"),
        (["--width", "0"], "width: 0.0 is not a finite number, above 0, at most 64"),
    ],
)
def test_invalid_trials_are_refused(given, message, capsys):
    code, out, err = run(capsys, "train", *given)
    assert (code, out) == (2, "")
    assert message.format(cwd=Path.cwd()) in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "run", "register", "submit"])
def test_images_that_no_trial_uses_are_refused(command, capsys, tmp_path):
    where = [] if command == "check" else ["--results", str(tmp_path)]
    code, out, err = run(capsys, command, "digits", "--data", "pest=folder:x", *where)
    assert (code, out) == (2, "")
    assert err == "untuned: data pest: no trial uses a data set of this name, only digits\n"
    assert list(tmp_path.iterdir()) == []


def test_train_has_an_option_for_every_field_and_prints_json(capsys):
    from trainers import runtime

    arguments = ["train", "--network", "lenet-8", "--dataset", "digits", "--method", "dense"]
    arguments += ["--weights", "he-normal", "--positive-fraction", "0.4", "--seed", "3"]
    arguments += ["--epochs", "2", "--batch-size", "50", "--learning-rate", "2e-3", "--json"]
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    epochs = [json.loads(line) for line in out.splitlines()]
    assert [epoch["epoch"] for epoch in epochs] == [0, 1, 2]
    assert list(epochs[0]) == [
        "epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "test_loss",
        "test_accuracy",
        "changed",
        "seconds",
    ]
    assert runtime.threads() == 1
    _, out, _ = run(capsys, "train", "--help")
    for name in SETTABLE:
        assert f"--{name.replace('_', '-')} " in out


def test_a_diverged_trial_is_reported_and_its_json_is_valid(capsys, tmp_path):
    arguments = ["train", "--method", "dense", "--network", "lenet-8", "--learning-rate", "1e30"]
    file = tmp_path / "diverged.safetensors"
    code, out, err = run(capsys, *arguments, "--json", "--save", file)
    assert code == 0
    assert "the trial diverged" in err
    last = json.loads(out.splitlines()[-1], parse_constant=lambda word: pytest.fail(word))
    assert last["test_loss"] is None
    code, out, _ = run(capsys, "evaluate", file, "--json")
    assert code == 0
    evaluated = json.loads(out, parse_constant=lambda word: pytest.fail(word))
    assert (evaluated["loss"], evaluated["recorded_accuracy"]) == (None, last["test_accuracy"])


def test_a_crash_gets_its_traceback_in_a_log(tmp_path):
    # A data set that is a broken module of another package; the user cannot fix it.
    (tmp_path / "broken_set.py").write_text(
        "def read(root):\n    raise ZeroDivisionError('bang')\n"
    )
    metadata = tmp_path / "foreign-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[untuned.datasets]\nbroken = broken_set\n")
    answer = untuned("train", "--dataset", "broken", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert answer.returncode == 1
    assert "untuned: ZeroDivisionError: bang; the traceback is in " in answer.stderr
    assert answer.stderr.count("\n") == 1
    log = Path(answer.stderr.strip().rpartition(" ")[2])
    assert "broken_set.py" in log.read_text()


def test_a_closed_pipe_is_not_a_crash(tmp_path):
    command = " ".join(["'" + part + "'" for part in [*UNTUNED, "train", "--json"]])
    answer = subprocess.run(
        f"{command} | head -n 1",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout.count("\n") == 1
    assert answer.stderr == ""


@pytest.mark.parametrize("command", [["run", "digits"], ["train"]])
def test_without_the_extra_an_error_names_what_to_install(tmp_path, command):
    answer = in_the_base_install(tmp_path, command)
    assert answer.returncode == 2
    assert "training needs torch; install it with: pip install 'untuned[run]'" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_study_of_one_cell_is_shown_and_its_missing_part_can_be_run(capsys, tmp_path):
    path = write_study(tmp_path)
    path.write_text(path.read_text().replace("[dense, minimal-flipping]", "dense"))
    _, out, _ = run(capsys, "run", path, "--results", tmp_path, "--dry-run")
    assert ["dense", "0/2"] in [line.split() for line in out.splitlines()]
    store = Store(str(tmp_path), "own")
    store.definitions.record(read(path).override(seeds=7, epochs=1))
    _, out, _ = run(capsys, "status", "own", "--results", tmp_path)
    definition = re.search(r"7 missing; continue with: untuned run (\S+) --results", out)[1]
    assert read(Path(definition)) == read(path).override(seeds=7, epochs=1)


def test_a_method_without_a_density_has_a_dash_for_it(capsys, tmp_path):
    path = write_study(tmp_path)
    grids = "grids:\n  - {method: dense}\n  - {method: edge-popup, density: 0.5}\n"
    path.write_text(path.read_text().replace("  method: [dense, minimal-flipping]\n", "") + grids)
    _, out, _ = run(capsys, "run", path, "--results", tmp_path, "--dry-run")
    lines = [line.split() for line in out.splitlines()]
    assert ["dense", "\N{EN DASH}", "0/2"] in lines
    assert ["edge-popup", "0.5", "0/2"] in lines


def test_the_claims_that_a_study_is_to_decide_are_shown_first():
    named = find("smoke").model_copy(update={"claims": ["C7", "C6"]})
    ids = [claim.id for claim in _named_first(SimpleNamespace(studies=(named,)), CLAIMS)]
    assert ids[:2] == ["C6", "C7"]
    assert ids[2:] == [claim.id for claim in CLAIMS if claim.id not in ("C6", "C7")]


def test_what_is_missing_of_a_shipped_study_is_run_by_its_name(capsys, tmp_path):
    Store(str(tmp_path), "smoke").definitions.record(find("smoke"))
    _, out, _ = run(capsys, "status", "smoke", "--results", tmp_path)
    assert f"missing; continue with: untuned run smoke --results {tmp_path}" in out


@pytest.mark.parametrize(
    "command", [["list"], ["status", "digits"], ["run", "digits", "--dry-run"]]
)
def test_the_base_install_needs_neither_torch_nor_ray(tmp_path, command):
    answer = in_the_base_install(tmp_path, command)
    assert answer.returncode == 0, answer.stderr
    assert "50" in answer.stdout


def test_studies_are_registered_together_before_they_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    axes = "{network: linear, dataset: digits, method: dense, weights: he-normal, epochs: 1}"
    for name in ("first", "second"):
        Path(f"{name}.yaml").write_text(f"seeds: 1001-1002\naxes: {axes}\n")
    code, out, _ = run(capsys, "register", "first.yaml", "second.yaml")
    assert code == 0
    assert out.splitlines() == [
        "first: recorded; 2 of 2 seeds without a finished trial",
        "second: recorded; 2 of 2 seeds without a finished trial",
    ]
    for name in ("first", "second"):
        (recorded,) = Store("results", name).definitions.recorded()
        assert recorded.known == {}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_output_that_lacks_our_characters_degrades(encoding, tmp_path):
    environment = os.environ | {"PYTHONIOENCODING": encoding, "COLUMNS": "120"}
    answer = subprocess.run(
        [*UNTUNED, "check", "digits", "--no-estimate", "--seeds", "15"],
        capture_output=True,
        cwd=tmp_path,
        env=environment,
        check=True,
    )
    text = answer.stdout.decode(encoding)
    assert ("sd ≤ 0.74 points" if encoding == "utf-8" else "sd <= 0.74 points") in text
    assert answer.stderr == b""


def test_an_error_with_a_name_that_cannot_be_written_is_still_one_line(tmp_path):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    answer = subprocess.run(
        [*UNTUNED, "run", "図é.yaml"],
        capture_output=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr == b"untuned: study file \\u56f3e.yaml: No such file or directory\n"


@pytest.mark.parametrize("how", [["-m", "orchestrator.cli"], UNTUNED[1:]])
def test_modules_in_the_working_folder_that_have_our_names_do_no_harm(how, tmp_path):
    for name in ("trainers", "studies", "analysis"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong one')")
    root = str(Path(__file__).parents[2])
    study = write_study(tmp_path)
    command = [sys.executable, *how, "run", study, "--executor", "inline", "--seeds", "1"]
    answer = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": root},
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "trials finished" in answer.stdout


@pytest.mark.parametrize("package", ["analysis", "trainers", "orchestrator"])
def test_a_script_beside_a_file_with_a_name_of_ours_can_import_a_package(package, tmp_path):
    (tmp_path / "studies.py").write_text("raise RuntimeError('the wrong one')")
    (tmp_path / "script.py").write_text(f"import {package}, studies; print(studies.__file__)")
    root = Path(__file__).parents[2]
    answer = subprocess.run(
        [sys.executable, "script.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=False,
    )
    assert answer.stdout == f"{root / 'studies' / '__init__.py'}\n", answer.stderr


@pytest.mark.parametrize(
    "how",
    [
        [*UNTUNED, "list"],
        *([sys.executable, "-c", f"import {p}"] for p in ("analysis", "trainers")),
    ],
)
def test_a_module_that_is_imported_in_place_of_ours_is_named(how, tmp_path):
    (tmp_path / "studies.py").write_text("")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    answer = subprocess.run(
        how,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"untuned: {tmp_path}/studies.py is imported in place of")
    assert answer.stderr.count("\n") == 1


def with_output(stdout, command, folder):
    """Run a command in a folder with its output, which is buffered, to a file descriptor."""
    paths = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": ""}
    return subprocess.run(
        command,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | paths,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has this full disk")
@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["list"], ["new", "--schema"], ["results", "--help"]],  # small ones and large
)
def test_output_to_a_full_disk_is_an_error_of_one_line(arguments, tmp_path):
    with Path("/dev/full").open("wb") as full:
        answer = with_output(full.fileno(), [*UNTUNED, *arguments], tmp_path)
    line = "untuned: output: cannot be written (No space left on device)\n"
    assert (answer.returncode, answer.stderr) == (2, line)


def test_a_reader_that_has_gone_is_not_worth_a_line(tmp_path):
    code = "import click; from orchestrator.cli import run_command; "
    code += "run_command(click.Command('one', callback=lambda: print('a')))"
    reads, writes = os.pipe()
    os.close(reads)
    answer = with_output(writes, [sys.executable, "-c", code], tmp_path)
    os.close(writes)
    assert (answer.returncode, answer.stderr) == (1, "")


def test_a_working_folder_that_was_deleted_is_named(tmp_path):
    (tmp_path / "gone").mkdir()
    code = (
        "import os, sys; os.rmdir(os.getcwd()); from orchestrator.cli import main; main(['list'])"
    )
    answer = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path / "gone",
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr == (
        "untuned: the working folder: No such file or directory; change to another folder\n"
    )


@pytest.mark.parametrize("command", ["check", "report", "verdict"])
def test_a_command_leaves_the_garbage_collector_as_it_was(capsys, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    before = gc.get_threshold()
    assert run(capsys, command, "nowhere")[0] == 2
    assert gc.get_threshold() == before
