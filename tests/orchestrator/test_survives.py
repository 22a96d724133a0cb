"""What dies, fills up or comes twice on the way costs no trial: real Ray, real kills."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

import pyarrow.fs
import pytest
from clusters import Cluster
from s3_support import SECRET, served
from tests_support import (
    Running,
    install_method,
    long_study,
    science_of,
    untuned,
    write_study,
)

from orchestrator.execution.live_runs import LiveRuns
from studies.store import Store
from studies.store.finished import failed_attempts, finished

pytestmark = pytest.mark.cluster


@pytest.fixture
def long(gate, tmp_path):
    """A folder with the study that was run undisturbed elsewhere; it stops at the gate."""
    long_study(tmp_path)
    return tmp_path


def parts(folder):
    return list((folder / "results/long/trials").glob("*.parquet"))


def whole(folder, undisturbed):
    """Whether each trial is there once, with the bits of an undisturbed run."""
    done = finished(Store(str(folder / "results"), "long"))
    assert (len(done.rows), done.conflicts, done.damaged) == (12, (), ())
    return science_of(folder, "long") == science_of(undisturbed, "long")


def sessions_of(pid):
    """The processes that hold a run's session with Ray."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def begun(run, gate, folder):
    """Wait until a run has written trials and others wait at the gate."""
    run.wait_until(lambda: parts(folder) and gate.waiting(), lambda: gate.let_pass(10))


def test_a_study_on_two_nodes_outlives_one(undisturbed, gate, long):
    with Cluster() as cluster:
        cluster.add_node(cpus=1)
        second = cluster.add_node(cpus=1)
        run = Running(long, "--address", cluster.address, environment=cluster.environment)
        begun(run, gate, long)
        run.wait_until(
            lambda: gate.waiting().intersection(trainers_of(second)), lambda: gate.let_pass(10)
        )
        cluster.kill_node(second)
        gate.open()
        assert run.process.wait() == 0, run.errors.read_text()
    assert list((long / "results/long/_logs").glob("session-*.log"))  # of the worker that was lost
    assert whole(long, undisturbed)
    assert not failed_attempts(Store(str(long / "results"), "long"))  # no trial's fault


def test_a_writer_that_outlives_its_node_does_no_harm(undisturbed, gate, long):
    """A node that is cut off: the cluster counts it as dead while its worker goes on."""
    soon = {"RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "4"}
    with Cluster(variables=soon) as cluster:
        cluster.add_node(cpus=1)
        second = cluster.add_node(cpus=1)
        run = Running(long, "--address", cluster.address, environment=cluster.environment)
        run.wait_until(
            lambda: gate.waiting().intersection(trainers_of(second)), lambda: gate.let_pass(10)
        )
        (writer,) = gate.waiting().intersection(trainers_of(second))
        for pid in (*second.processes("raylet"), writer):
            os.kill(pid, signal.SIGSTOP)
        run.wait_until(lambda: len(cluster.alive()) == 2)  # the head and the first
        os.kill(writer, signal.SIGCONT)
        assert trainers_of(second) == [writer]
        gate.open()
        assert run.process.wait() == 0, run.errors.read_text()
    assert whole(long, undisturbed)


def trainers_of(node):
    """A node's workers that train."""
    found = []
    for pid in node.processes():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_text().startswith("ray::Resource"):
                found.append(pid)
    return found


def test_a_head_that_starts_anew_is_waited_for(undisturbed, gate, long):
    with Cluster(cpus=2) as cluster:
        run = Running(long, "--address", cluster.address, environment=cluster.environment)
        begun(run, gate, long)
        cluster.restart_head()
        gate.open()
        assert run.process.wait() == 0, run.errors.read_text()
        assert "going on with what is left" in run.errors.read_text()
    assert whole(long, undisturbed)


OTHER_PYTHON = """
import platform
platform.python_version_tuple = lambda: ("3", "9", "0")
"""


def test_nodes_without_the_results_or_with_another_python_are_refused(long):
    with Cluster(cpus=1) as cluster:
        hidden = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs results && exec "$@"', "sh")
        (long / "results").mkdir()
        run = Running(
            long, "--address", cluster.address, within=hidden, environment=cluster.environment
        )
        assert run.process.wait() == 2
        assert re.search(r"node \S+ \(\S+\) does not see them; --results", run.errors.read_text())

        (long / "other").mkdir()
        (long / "other/sitecustomize.py").write_text(OTHER_PYTHON)
        path = os.pathsep.join([str(long / "other"), cluster.environment["PYTHONPATH"]])
        cluster.add_node(variables={"PYTHONPATH": path})
        run = Running(long, "--address", cluster.address, environment=cluster.environment)
        assert run.process.wait() == 2
        assert re.search(r"node \S+ \(\S+\) has Python 3.9, here it is 3", run.errors.read_text())
        assert "Traceback" not in run.errors.read_text()


def test_a_session_that_is_killed_is_replaced(undisturbed, gate, long):
    run = Running(long, "--workers", 2)
    begun(run, gate, long)
    (session,) = sessions_of(run.process.pid)
    os.kill(session, signal.SIGKILL)
    gate.open()
    assert run.process.wait() == 0, run.errors.read_text()
    assert "the session with Ray died (-9)" in run.errors.read_text()
    assert whole(long, undisturbed)


def test_of_two_runs_at_once_one_is_refused_and_may_join(undisturbed, gate, long):
    runs = [Running(long, "--workers", 1) for _ in range(2)]
    while all(run.process.poll() is None for run in runs):
        time.sleep(0.1)
    gate.open()
    codes = sorted(run.process.wait() for run in runs)
    assert codes == [0, 2], [run.errors.read_text() for run in runs]
    assert any("is being run already, by process" in run.errors.read_text() for run in runs)
    shutil.rmtree(long / "results")
    gate.close()
    runs = [Running(long, "--workers", 1, "--join") for _ in range(2)]
    runs[0].wait_until(lambda: len(gate.waiting()) == 2)
    gate.open()
    assert [run.process.wait() for run in runs] == [0, 0]
    assert whole(long, undisturbed)
    rows = Store(str(long / "results"), "long").tables.read("trials").rows
    assert len({attempt.partition("-")[0] for attempt in rows["attempt"].to_pylist()}) > 1
    assert len(rows) <= 12 + 6  # where they meet in the middle, some are trained by both
    assert not list((long / "results/long/_workers").glob("*"))


def test_runs_in_containers_of_one_host_name_are_told_apart(undisturbed, gate, long):
    """In its PID namespace the run is process 1, which is another program here."""
    within = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    if subprocess.run([*within, "true"], check=False).returncode:
        pytest.skip("may not make a PID namespace")
    inline = ("--executor", "inline")
    run = Running(long, *inline, within=within)
    begun(run, gate, long)
    refused = untuned("run", "long.yaml", *inline, cwd=long)
    assert refused.returncode == 2, refused.stderr
    assert "is being run already, by process 1 on " in refused.stderr
    run.process.kill()
    run.process.wait()
    gate.open()
    answer = untuned("run", "long.yaml", *inline, cwd=long)
    assert answer.returncode == 0, answer.stderr
    assert whole(long, undisturbed)


HUNGRY = """
import time
import numpy as np
from trainers.methods import Method

class Hungry(Method):
    def begin(self, pack, number, batches):
        if any(trial.seed == 1 for trial in pack.trials):
            held = [np.ones(2**26) for _ in range(16)]  # 8 GiB
            time.sleep(60)
        super().begin(pack, number, batches)

METHOD = Hungry()
"""


def test_a_trial_that_exceeds_its_memory_is_given_up_and_the_others_finish(tmp_path):
    install_method(tmp_path, "hungry", HUNGRY)
    path = write_study(tmp_path, "long", seeds=4, epochs=2)
    path.write_text(path.read_text().replace("[dense, minimal-flipping]", "[dense, hungry]"))
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total, free = (int(memory[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    if free < 12 * 2**20:
        pytest.skip("needs 12 GiB of free memory")
    environment = {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
        "RAY_memory_usage_threshold": str((total - free + 5 * 2**20) / total),
        "RAY_memory_monitor_refresh_ms": "100",
    }
    run = Running(tmp_path, "--workers", 2, "--retries", 1, environment=os.environ | environment)
    assert run.process.wait() == 1, run.errors.read_text()
    said = run.errors.read_text()
    assert "long: 7 of 8 trials finished; 1 are missing" in said
    assert "memory ran out; going on with what is left" in said
    assert "Traceback" not in said
    (log,) = re.findall(r"trial \w+ failed; see (\S+)", said)
    assert "low on memory" in Path(log).read_text()
    assert len(failed_attempts(Store(str(tmp_path / "results"), "long"))) == 2


SHARING = """
import os
import time
from pathlib import Path
import numpy as np
from trainers.methods import Method

def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

class Hungry(Method):
    def begin(self, pack, number, batches):
        mine = Path(os.environ["MEETING"], str(os.getpid()))
        mine.touch()
        while len(others := [p for p in mine.parent.iterdir() if p != mine]) < 1:
            time.sleep(0.1)
        held = [np.ones(2**26) for _ in range(8)]  # 4 GiB
        mine.write_text("full")
        while any(alive(int(other.name)) and not other.read_text() for other in others):
            time.sleep(0.1)
        super().begin(pack, number, batches)

METHOD = Hungry()
"""


@contextlib.contextmanager
def memory_limited_to(gigabytes):
    """A command that moves into a cgroup with so much memory what it is given to run."""
    name, size = f"untuned-{os.getpid()}", str(gigabytes * 2**30)
    root = Path("/sys/fs/cgroup")
    first = "memory/" if (root / "memory").is_dir() else ""  # version 1
    limits = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"] if first else ["memory.max"]
    folder = root / f"{first}{name}"
    try:
        folder.mkdir()
        for limit in limits:
            if limit in limits[:1] or (folder / limit).exists():
                (folder / limit).write_text(size)
        if (folder / "memory.swap.max").exists():
            (folder / "memory.swap.max").write_text("0")
    except OSError as error:
        if folder.is_dir():
            folder.rmdir()
        pytest.skip(f"cannot make a cgroup: {error}")
    try:
        yield ("sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$@"', "sh")
    finally:
        while (folder / "cgroup.procs").read_text():  # Ray's processes end after the run
            time.sleep(0.1)
        folder.rmdir()


def test_workers_that_exceed_a_cgroups_memory_together_are_fewer_and_none_is_blamed(tmp_path):
    install_method(tmp_path, "hungry", SHARING)
    path = write_study(tmp_path, "long", seeds=4, epochs=2)
    path.write_text(path.read_text().replace("[dense, minimal-flipping]", "[hungry]"))
    (tmp_path / "meeting").mkdir()
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
        "MEETING": str(tmp_path / "meeting"),
        "RAY_memory_monitor_refresh_ms": "0",  # so that it is the kernel that kills
    }
    with memory_limited_to(8) as within:
        run = Running(
            tmp_path, "--workers", 2, "--retries", 0, environment=environment, within=within
        )
        assert run.process.wait() == 0, run.errors.read_text()
    assert "long: memory ran out; going on with 1 worker" in run.errors.read_text()
    store = Store(str(tmp_path / "results"), "long")
    assert len(finished(store).rows) == 4
    assert not failed_attempts(store)


def test_a_full_disk_is_waited_for(undisturbed, gate, long):
    (long / "results").mkdir()
    keep = (
        'mount -t tmpfs -o size=4m tmpfs results && "$@"; code=$?; cp -r results kept; exit $code'
    )
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("may not mount a small disk")
    run = Running(long, "--workers", 2, within=("unshare", "-m", "sh", "-c", keep, "sh"))
    inside = Path(f"/proc/{run.process.pid}/root{long}/results")
    run.wait_until(
        lambda: list(inside.glob("long/trials/*.parquet")) and gate.waiting(),
        lambda: gate.let_pass(10),
    )
    with contextlib.suppress(OSError), (inside / "fill").open("wb") as fill:
        while True:
            fill.write(bytes(1000))
            fill.flush()
    gate.open()
    run.wait_until(lambda: "waiting, since" in run.errors.read_text())
    assert "No space left on device" in run.errors.read_text()
    (inside / "fill").unlink()
    assert run.process.wait() == 0, run.errors.read_text()
    shutil.copytree(long / "kept", long / "results", dirs_exist_ok=True)
    assert whole(long, undisturbed)


def test_a_study_on_s3_that_is_killed_goes_on_and_is_read_from_there(undisturbed, gate, long):
    with served() as environment:
        environment = os.environ | environment
        store = Store(str(long / "results"), "long")  # copied to here for comparison
        where = ["--results", "s3://results/deep"]
        run = Running(long, "--workers", 2, *where, environment=environment)
        bucket = f"{environment['AWS_ENDPOINT_URL']}/results?list-type=2&prefix=deep/long/trials/"
        run.wait_until(
            lambda: ".parquet" in urlopen(bucket).read().decode() and gate.waiting(),
            lambda: gate.let_pass(10),
        )
        before = gate.waiting()
        os.kill(next(iter(before)), signal.SIGKILL)
        run.wait_until(lambda: gate.waiting() - before)  # another worker
        run.process.kill()
        run.process.wait()
        gate.open()
        answer = untuned("run", "long.yaml", "--workers", 2, *where, cwd=long, **environment)
        assert answer.returncode == 0, answer.stderr
        assert "12 of 12 trials finished" in answer.stdout
        for command in ("compact", "status", "verdict", "report"):
            output = ["--output", "page"] if command == "report" else []
            answer = untuned(command, "long", *where, *output, cwd=long, **environment)
            assert answer.returncode == 0, answer.stderr
            assert SECRET not in answer.stdout + answer.stderr
        there = pyarrow.fs.S3FileSystem(
            endpoint_override=environment["AWS_ENDPOINT_URL"],
            region="us-east-1",
            access_key=environment["AWS_ACCESS_KEY_ID"],
            secret_key=SECRET,
        )
        pyarrow.fs.copy_files("results/deep/long", store.root, source_filesystem=there)
    for path in filter(Path.is_file, Path(store.root).rglob("*")):
        assert SECRET.encode() not in path.read_bytes()
    assert (long / "page" / "report.html").exists()
    assert SECRET not in (long / "page" / "report.html").read_text()
    assert len(finished(store).ids) == 12
    assert whole(long, undisturbed)


def test_a_killed_worker_costs_no_trial(undisturbed, gate, long):
    run = Running(long, "--workers", 2)
    begun(run, gate, long)
    os.kill(next(iter(gate.waiting())), signal.SIGKILL)
    gate.open()
    assert run.process.wait() == 0, run.errors.read_text()
    assert whole(long, undisturbed)


def test_a_killed_run_does_not_bar_the_next(undisturbed, gate, long):
    """Whose session ends as soon as it notices; the next run waits for that."""
    run = Running(long, "--workers", 2)
    begun(run, gate, long)
    (session,) = sessions_of(run.process.pid)
    os.kill(session, signal.SIGSTOP)
    run.process.kill()
    run.process.wait()
    (orphan,) = LiveRuns(Store(str(long / "results"), "long")).alive()
    assert (orphan.pid, orphan.orphaned) == (session, True)
    following = Running(long, "--workers", 2)
    following.wait_until(lambda: sessions_of(following.process.pid))
    time.sleep(3)  # it has seen the orphan by now, or will not have to wait for it
    os.kill(session, signal.SIGCONT)
    gate.open()
    assert following.process.wait() == 0, following.errors.read_text()
    assert whole(long, undisturbed)
