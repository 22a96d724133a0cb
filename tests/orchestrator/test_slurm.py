"""Studies as arrays of Slurm: submitit's local executor in the fast tests, and a real Slurm."""

import json
import os
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from slurm_support import slurm  # noqa: F401
from tests_support import (
    UNTUNED,
    gated_study,
    science_of,
    trial_rows,
    untuned,
    wait_until,
    write_study,
)

from orchestrator.execution import processes
from orchestrator.jobs import slurm as arrays
from orchestrator.jobs.slurm_options import SlurmOptions, minutes
from orchestrator.jobs.slurm_task import Task
from studies.errors import UserError
from studies.study import read

pytest.importorskip("submitit", reason="the extra `slurm` is not installed")

RECORD = {"results": "/r", "version": "1", "command": "untuned submit own.yaml --slurm"}


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "untuned" / "slurm"


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def let_stop(state, runs, gate):
    """Let the runs of the latest job end once all of them have been told to."""
    said = "stopping after the epochs"
    outputs = [max(state.iterdir()) / f"output-{task}.txt" for task in range(len(runs))]
    wait_until(lambda: all(said in output.read_text() for output in outputs))
    wait_until(lambda: not any(run.is_running for run in runs), gate.let_pass)


def variable_of(pid, name):
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.partition("=")[::2] for pair in pairs).get(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("90:30", 91), ("12:00:00", 720), ("1-12", 2160), ("1-00:30", 1470)],
)
def test_a_time_is_one_of_slurms_forms(text, expected):
    assert minutes(text) == expected


def test_options_come_from_a_file_and_from_the_command(tmp_path):
    file = tmp_path / "gpu.yaml"
    file.write_text(
        "partition: gpu\ntime: 12:00:00\nmemory: 1.5\ngpus: 1\nsetup: module load cuda\n"
    )
    options = SlurmOptions.of(str(file), {"tasks": 3, "partition": "long", "time": None})
    assert options == SlurmOptions(
        tasks=3, partition="long", time=720, memory=1.5, gpus=1, setup=("module load cuda",)
    )
    assert options.parameters("untuned-own", 120) == {
        "job_name": "untuned-own",
        "partition": "long",
        "time": 720,
        "mem": "1536MB",
        "gpus_per_node": 1,
        "cpus_per_task": 1,
        "signal_delay_s": 120,
        "array_parallelism": 3,
        "stderr_to_stdout": True,
        "setup": ["module load cuda"],
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tasks": 0}, "tasks: 0 is not a whole number above 0"),
        ({"time": "soon"}, "time: 'soon' is not a time; give minutes, as in 90"),
        ({"time": "3"}, "time: 3 is not a time of at least 4 minutes"),
        ({"gpus": 2}, "gpus: 2 is not 0 or 1; ask for more tasks"),
        ({"memory": -1.0}, "memory: -1.0 is not a number of GB above 0"),
        ({"partition": "a b"}, "partition: 'a b' is not a name"),
        ({"partiton": "gpu"}, "unknown option of Slurm 'partiton'; did you mean partition?"),
    ],
)
def test_options_that_slurm_does_not_have_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        SlurmOptions.of(None, given)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- tasks", "give names and values"),
        ("a: [", "not YAML"),
        ("tasks: 2\ntasks: 3", "the key 'tasks' is given twice"),
        ("a: " + "[" * 10_000, "nested more than 20 deep"),
        ("a: \0", "the character U\\+0000 at position 3 is not allowed"),
        (None, "No such file"),
    ],
)
def test_a_file_of_options_that_cannot_be_read_is_named(content, message, tmp_path):
    if content:
        (tmp_path / "gpu.yaml").write_text(content)
    with pytest.raises(UserError, match=f"file of Slurm's options .*gpu.yaml: .*{message}"):
        SlurmOptions.of(str(tmp_path / "gpu.yaml"), {})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--tasks", "2"], "--tasks 2: it is for Slurm; add --slurm, or leave it out"),
        (["--slurm", "--workers", "2"], "ask for several --tasks"),
        (["--slurm", "--time", "x"], "time: 'x' is not a time"),
        (["--slurm", "--only", "method=x"], "unknown method of the study own 'x'"),
    ],
)
def test_mistakes_are_answered_before_anything_is_sent(given, message, state, tmp_path):
    write_study(tmp_path)
    answer = untuned("submit", "own.yaml", "--results", tmp_path / "r", *given, cwd=tmp_path)
    assert answer.returncode == 2, answer.stderr
    assert message in answer.stderr
    assert not state.exists()


def test_without_slurm_the_job_is_refused_in_a_line(state, tmp_path):
    write_study(tmp_path)
    answer = untuned(
        "submit", "own.yaml", "--slurm", "--results", "r", cwd=tmp_path, PATH="/nowhere"
    )
    assert answer.returncode == 2
    assert "Slurm does not take the job: Could not detect" in answer.stderr
    assert list(state.iterdir()) == []


def submit_here(folder, tasks):
    """Submit the study to processes of this machine; its job and submitit's own ones."""
    arguments = ["--results", str(folder / "results"), "--engine", "mm", "--checkpoint", "1e-9"]
    options = SlurmOptions(tasks=tasks)
    return arrays.submit(read(folder / "own.yaml"), arguments, options, RECORD, "local")


def test_tasks_join_and_train_a_study_to_the_same_bits(place, state, tmp_path):
    write_study(tmp_path)
    old = job_folder(state, 1, 1.0, ended=[0])
    job, tasks = submit_here(tmp_path, 2)
    assert not old.exists()
    assert (job.study, job.command) == ("own", RECORD["command"])
    assert job.definition == read(tmp_path / "own.yaml").definition_hash
    wait_until(lambda: all(task.done() for task in tasks))
    assert science_of(tmp_path) == science_of(place)
    jobs = arrays.SlurmJobs(states=lambda number: {})
    assert [(one.id, one.status, one.exit_code) for one in jobs.all()] == [(job.id, "succeeded", 0)]
    log = jobs.log(job.id)
    assert re.search(r"^\[[01]\] own: 4 of 4 trials finished", log, re.MULTILINE)
    assert jobs.log(job.id) == log
    (folder,) = state.iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (state, folder)] == [0o700, 0o700]


def test_tasks_take_no_shipped_results_over(state, tmp_path, monkeypatch):
    """They could be of another engine than the one that was chosen when the job was submitted."""
    sent = []
    monkeypatch.setattr(arrays, "Task", lambda arguments, *_, **files: sent.append(arguments))
    monkeypatch.setenv("PATH", "/nowhere")  # no Slurm, so nothing is sent in the end
    study = read(write_study(tmp_path))
    with pytest.raises(UserError, match="Slurm does not take the job"):
        arrays.submit(study, ["--engine", "mm"], SlurmOptions(tasks=2), RECORD)
    assert [arguments[2:] for arguments in sent] == [
        ["--engine", "mm", "--executor", "inline", "--join", "--no-shipped"]
    ] * 2


def test_a_task_that_is_preempted_writes_a_checkpoint_and_is_requeued(gate, state, tmp_path):
    gated_study(tmp_path, seeds=1, epochs=30)
    gate.allow(10)
    _, (task,) = submit_here(tmp_path, 1)
    wait_until(gate.waiting)
    (run,) = gate.waiting()
    first = processes.of(run)
    os.kill(parent_of(run), signal.SIGUSR2)
    let_stop(state, [first], gate)
    wait_until(lambda: gate.waiting() != {run})  # the requeued one, which gets no leave
    gate.open()
    wait_until(task.done)
    (row,) = trial_rows(tmp_path).to_pylist()
    assert 1 <= row["continued_from"] < 30


def test_a_job_that_said_nothing_has_failed_and_one_that_was_stopped_has_not(state, tmp_path):
    folder = state / "own"
    folder.mkdir(parents=True)
    record = '{"id": "slurm-7", "study": "own", "tasks": 2, "submitted": 1.0}'
    (folder / "job.json").write_text(record)
    (state / "damaged").mkdir()
    (state / "damaged" / "job.json").write_text("{")

    def status(**states):
        numbered = {int(name[1:]): state for name, state in states.items()}
        (job,) = arrays.SlurmJobs(states=lambda number: numbered).all()
        return job.status, job.exit_code

    assert status(t0="RUNNING", t1="PENDING")[0] == "running"
    assert status(t0="PENDING")[0] == "pending"
    assert status() == ("failed", 1)
    (folder / "stopped").touch()
    assert status() == ("stopped", 130)
    (folder / "ended-1.json").write_text('{"code": 0, "ended": 2.0}')
    assert status(t0="COMPLETING")[0] == "running"
    assert status() == ("succeeded", 0)


def test_a_task_that_a_signal_ended_early_may_be_requeued(state):
    """It has not yet been able to heed signals, so the signal itself is its exit code."""
    folder = state / "own"
    folder.mkdir(parents=True)
    record = '{"id": "slurm-7", "study": "own", "tasks": 1, "submitted": 1.0}'
    (folder / "job.json").write_text(record)
    (folder / "ended-0.json").write_text('{"code": -15, "ended": 2.0}')
    (job,) = arrays.SlurmJobs(states=lambda number: {0: "REQUEUED"}).all()
    assert job.status == "pending"
    (job,) = arrays.SlurmJobs(states=lambda number: {}).all()
    assert (job.status, job.exit_code) == ("stopped", 130)


def job_folder(state, number, written, *, ended=(), tasks=1):
    """Return the folder of a job whose files were last written at a time, in seconds since 1970."""
    folder = state / f"{number}"
    folder.mkdir(parents=True)
    record = {"id": f"slurm-{number}", "study": "own", "tasks": tasks, "submitted": 1.0}
    (folder / "job.json").write_text(json.dumps(record))
    for task, code in enumerate(ended):
        (folder / f"ended-{task}.json").write_text(json.dumps({"code": code, "ended": 2.0}))
    for file in folder.iterdir():
        os.utime(file, (written, written))
    return folder


def test_folders_of_jobs_that_ended_long_ago_are_deleted(state):
    old, recent = (time.time() - days * 24 * 3600 for days in (91, 89))
    deleted = [
        job_folder(state, 1, old, ended=[0]),
        job_folder(state, 2, old, ended=[0, 1], tasks=2),
        job_folder(state, 3, old),  # Slurm ended it before it said anything
        job_folder(state, 4, old, ended=[130]),
    ]
    kept = [
        job_folder(state, 5, recent, ended=[0]),
        job_folder(state, 6, old),
        job_folder(state, 7, old, ended=[0], tasks=2),
        job_folder(state, 8, old, ended=[130]),
        job_folder(state, 9, old),
    ]
    (kept[4] / "output-0.txt").touch()  # a task that runs, of another cluster than this one
    queue = {"6": {0: "PENDING"}, "7": {1: "RUNNING"}, "8": {0: "REQUEUED"}}
    (state / "no-job").mkdir()
    os.utime(state / "no-job", (old, old))
    arrays.SlurmJobs(states=lambda number: queue.get(number, {})).delete_old()
    assert not any(folder.exists() for folder in deleted)
    assert {*kept, state / "no-job"} == set(state.iterdir())


def test_while_slurm_does_not_answer_no_job_that_may_have_tasks_left_is_deleted(state, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    kept, deleted = job_folder(state, 2, 1.0), job_folder(state, 1, 1.0, ended=[0])
    arrays.SlurmJobs().delete_old()
    assert (kept.exists(), deleted.exists()) == (True, False)


def test_a_task_that_is_requeued_after_its_job_was_stopped_ends_at_once(tmp_path):
    names = ("output", "ended", "stopped")
    files = {name: tmp_path / name for name in names}
    files["stopped"].touch()
    assert Task(["run", "own.yaml"], {}, **files)() == 130
    assert json.loads(files["ended"].read_text())["code"] == 130
    assert not files["output"].exists()  # nothing was started


# A real Slurm


def on_slurm(slurm, *arguments, cwd):  # noqa: F811
    return untuned(*arguments, cwd=cwd, **slurm)


def submitted(slurm, folder, tasks, study="own.yaml"):  # noqa: F811
    command = ("submit", study, "--slurm", "--tasks", tasks, "--time", 30)
    more = ("--results", folder / "results", "--checkpoint", "1e-9")
    answer = on_slurm(slurm, *command, *more, cwd=folder)
    assert answer.returncode == 0, answer.stderr
    return re.search(r"submitted to slurm as (slurm-\d+)", answer.stdout)[1]


@pytest.mark.cluster
def test_an_array_whose_tasks_are_preempted_and_killed_trains_every_trial_once(
    slurm,  # noqa: F811
    gate,
    tmp_path,
):
    gated_study(tmp_path, seeds=4, epochs=20)
    job = submitted(slurm, tmp_path, 2)
    wait_until(lambda: len(gate.waiting()) == 2)
    about = on_slurm(slurm, "jobs", job, cwd=tmp_path)
    assert "running" in about.stdout, about
    runs = {variable_of(pid, "SLURM_ARRAY_TASK_ID"): pid for pid in gate.waiting()}
    assert set(runs) == {"0", "1"}
    gate.allow(6)
    number = job.removeprefix("slurm-")
    environment = os.environ | slurm
    ending = [processes.of(pid) for pid in runs.values()]
    subprocess.run(["scancel", "--signal=USR2", f"{number}_0"], env=environment, check=True)
    os.kill(parent_of(runs["1"]), signal.SIGKILL)
    let_stop(Path(slurm["XDG_STATE_HOME"]) / "untuned/slurm", ending, gate)
    wait_until(lambda: gate.waiting() != set(runs.values()))  # the requeued task runs
    (again,) = gate.waiting() - set(runs.values())
    assert variable_of(again, "SLURM_RESTART_COUNT") == "1"
    gate.open()
    followed = on_slurm(slurm, "jobs", job, "--follow", cwd=tmp_path)
    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert "[0] own: 4 of 4 trials finished" in followed.stdout
    rows = trial_rows(tmp_path).to_pylist()
    assert len({row["trial_id"] for row in rows}) == len(rows) == 4
    assert any(row["continued_from"] for row in rows)
    (tmp_path / "alone").mkdir()
    command = ("run", "../own.yaml", "--executor", "inline")
    assert untuned(*command, cwd=tmp_path / "alone").returncode == 0
    assert science_of(tmp_path) == science_of(tmp_path / "alone")
    table = on_slurm(slurm, "jobs", "--slurm", cwd=tmp_path)
    assert job in table.stdout
    assert "succeeded" in table.stdout


@pytest.mark.cluster
def test_a_task_whose_time_runs_out_writes_a_checkpoint_and_is_requeued(slurm, gate, tmp_path):  # noqa: F811
    gated_study(tmp_path, seeds=1, epochs=400)
    job = submitted(slurm, tmp_path, 1)
    wait_until(gate.waiting)
    (first,) = gate.waiting()
    ending = processes.of(first)
    gate.allow(6)
    wait_until(lambda: not list(gate.folder.glob("leave-*")))

    def limit(minutes):
        number = job.removeprefix("slurm-")
        command = ["scontrol", "update", f"JobId={number}", f"TimeLimit={minutes}"]
        subprocess.run(command, env=os.environ | slurm, check=True)

    limit(1)  # Slurm announces the end two minutes before it: at its next look
    let_stop(Path(slurm["XDG_STATE_HOME"]) / "untuned/slurm", [ending], gate)
    wait_until(lambda: gate.waiting() != {first})
    again = max(gate.waiting() - {first})
    assert int(variable_of(again, "SLURM_RESTART_COUNT")) >= 1
    limit(30)
    gate.open()
    followed = on_slurm(slurm, "jobs", job, "--follow", cwd=tmp_path)
    assert followed.returncode == 0, followed.stdout + followed.stderr
    (row,) = trial_rows(tmp_path).to_pylist()
    assert 6 <= row["continued_from"] < 400


@pytest.mark.cluster
def test_a_job_of_slurm_is_stopped_and_continued(slurm, gate, tmp_path):  # noqa: F811
    gated_study(tmp_path, seeds=3, epochs=400)
    job = submitted(slurm, tmp_path, 3)  # the node has room for two
    wait_until(lambda: len(gate.waiting()) == 2)
    gate.allow(8)
    wait_until(lambda: not list(gate.folder.glob("leave-*")))
    with subprocess.Popen(
        [*UNTUNED, "stop", job],
        cwd=tmp_path,
        env=os.environ | slurm,
        stdout=subprocess.PIPE,
        text=True,
    ) as stop:
        wait_until(lambda: stop.poll() is not None, gate.let_pass)
        assert stop.returncode == 0
        assert f"{job} stopped after" in stop.stdout.read()
    assert len(trial_rows(tmp_path)) == 0
    gate.open()
    again = submitted(slurm, tmp_path, 2)
    assert again != job
    followed = on_slurm(slurm, "jobs", again, "--follow", cwd=tmp_path)
    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert any(row["continued_from"] for row in trial_rows(tmp_path).to_pylist())
    nothing = on_slurm(
        slurm, "submit", "own.yaml", "--slurm", "--results", tmp_path / "results", cwd=tmp_path
    )
    assert "own: nothing to do, all 3 trials are finished" in nothing.stdout


@pytest.mark.cluster
def test_a_submission_deletes_old_folders_of_jobs_that_slurm_no_longer_has(slurm, gate, tmp_path):  # noqa: F811
    """Jobs that wait and run stay, however long ago something was written to their folders."""
    gated_study(tmp_path, seeds=1)
    ended = submitted(slurm, tmp_path, 1)
    wait_until(gate.waiting)
    gate.open()
    assert on_slurm(slurm, "jobs", ended, "--follow", cwd=tmp_path).returncode == 0
    gate.close()
    gated_study(tmp_path, seeds=4)
    kept = submitted(slurm, tmp_path, 3)  # the node has room for two of its tasks
    wait_until(lambda: len(gate.waiting()) == 2)
    folders = Path(slurm["XDG_STATE_HOME"]) / "untuned/slurm"
    long_ago = time.time() - 91 * 24 * 3600
    for path in folders.glob("*/*"):
        os.utime(path, (long_ago, long_ago))
    write_study(tmp_path, "next", seeds=1)
    following = submitted(slurm, tmp_path, 1, "next.yaml")
    listed = on_slurm(slurm, "jobs", "--slurm", cwd=tmp_path).stdout
    assert kept in listed
    assert following in listed
    assert ended not in listed
    assert len(list(folders.iterdir())) == 2
    gate.open()
    followed = on_slurm(slurm, "jobs", kept, "--follow", cwd=tmp_path)
    assert followed.returncode == 0, followed.stdout + followed.stderr


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("job.json", "[]"),
        ("job.json", '{"id": 7}'),
        ("job.json", '{"id": 7, "study": "own", "tasks": 1, "submitted": 0}'),
        ("job.json", '{"id": "slurm-8", "study": "own", "tasks": "1", "submitted": 0}'),
        ("ended-0.json", "{}"),
        ("ended-0.json", '{"code": null, "ended": 0}'),
    ],
)
def test_files_that_are_no_records_of_jobs_are_passed_over(name, content, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    record = {"id": "slurm-7", "study": "own", "tasks": 1, "submitted": 0}
    for folder in ("1", "2"):
        (tmp_path / "untuned/slurm" / folder).mkdir(parents=True)
    (tmp_path / "untuned/slurm/1/job.json").write_text(json.dumps(record))
    (tmp_path / f"untuned/slurm/{2 if name == 'job.json' else 1}" / name).write_text(content)
    (job,) = arrays.SlurmJobs(states=lambda _: {}).all()
    assert (job.id, job.status) == ("slurm-7", "failed")
