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
from tests_support import Running, install_method, science_of, untuned, workers_of, write_study

from studies.store import Store
from studies.store.finished import failed_attempts, finished

pytestmark = pytest.mark.cluster


@pytest.fixture
def long(tmp_path):
    """A folder with the study that was run undisturbed elsewhere."""
    write_study(tmp_path, "long", seeds=6, epochs=60)
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


def test_a_study_on_two_nodes_outlives_one(undisturbed, long):
    with Cluster() as cluster:
        cluster.add_node(cpus=1)
        second = cluster.add_node(cpus=1)
        run = Running(long, "--address", cluster.address, environment=cluster.environment)
        run.wait_until(lambda: parts(long) and trainers_of(second))
        cluster.kill_node(second)
        assert run.process.wait(timeout=180) == 0, run.errors.read_text()
    assert list((long / "results/long/_logs").glob("session-*.log"))  # of the worker that was lost
    assert whole(long, undisturbed)
    assert not failed_attempts(Store(str(long / "results"), "long"))  # no trial's fault


def test_a_writer_that_outlives_its_node_does_no_harm(undisturbed, long):
    """A node that is cut off: the cluster counts it as dead while its worker goes on."""
    soon = {"RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "4"}
    with Cluster(variables=soon) as cluster:
        cluster.add_node(cpus=1)
        second = cluster.add_node(cpus=1)
        run = Running(long, "--address", cluster.address, environment=cluster.environment)
        run.wait_until(lambda: trainers_of(second))
        writer = trainers_of(second)[0]
        time.sleep(5)  # it has finished trials and not written them
        for pid in (*second.processes("raylet"), writer):
            os.kill(pid, signal.SIGSTOP)
        run.wait_until(lambda: len(cluster.alive()) == 2)  # the head and the first
        os.kill(writer, signal.SIGCONT)
        assert trainers_of(second) == [writer]
        assert run.process.wait(timeout=180) == 0, run.errors.read_text()
    assert whole(long, undisturbed)


def trainers_of(node):
    """A node's workers that train."""
    found = []
    for pid in node.processes():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_text().startswith("ray::Resource"):
                found.append(pid)
    return found


def test_a_head_that_starts_anew_is_waited_for(undisturbed, long):
    with Cluster(cpus=2) as cluster:
        run = Running(long, "--address", cluster.address, environment=cluster.environment)
        run.wait_until(lambda: parts(long))
        cluster.restart_head()
        assert run.process.wait(timeout=240) == 0, run.errors.read_text()
        assert "going on with what is left" in run.errors.read_text()
    assert whole(long, undisturbed)


def test_results_that_a_node_does_not_see_are_refused(long):
    with Cluster(cpus=1) as cluster:
        hidden = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs results && exec "$@"', "sh")
        (long / "results").mkdir()
        run = Running(
            long, "--address", cluster.address, within=hidden, environment=cluster.environment
        )
        assert run.process.wait(timeout=120) == 2
        assert re.search(r"node \S+ \(\S+\) does not see them; --results", run.errors.read_text())


def test_a_session_that_is_killed_is_replaced(undisturbed, long):
    run = Running(long, "--workers", 2)
    run.wait_until(lambda: parts(long))
    (session,) = sessions_of(run.process.pid)
    os.kill(session, signal.SIGKILL)
    assert run.process.wait(timeout=120) == 0, run.errors.read_text()
    assert "the session with Ray died (-9)" in run.errors.read_text()
    assert whole(long, undisturbed)


def test_of_two_runs_at_once_one_is_refused_and_may_join(undisturbed, long):
    runs = [Running(long, "--workers", 1) for _ in range(2)]
    codes = sorted(run.process.wait(timeout=180) for run in runs)
    assert codes == [0, 2], [run.errors.read_text() for run in runs]
    assert any("is being run already, by process" in run.errors.read_text() for run in runs)
    shutil.rmtree(long / "results")
    runs = [Running(long, "--workers", 1, "--join") for _ in range(2)]
    assert [run.process.wait(timeout=180) for run in runs] == [0, 0]
    assert whole(long, undisturbed)
    rows = Store(str(long / "results"), "long").tables.read("trials").rows
    assert len({attempt.partition("-")[0] for attempt in rows["attempt"].to_pylist()}) > 1
    assert len(rows) <= 12 + 6  # where they meet in the middle, some are trained by both
    assert not list((long / "results/long/_workers").glob("*"))


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
        "PYTHONPATH": str(tmp_path),
        "RAY_memory_usage_threshold": str((total - free + 5 * 2**20) / total),
        "RAY_memory_monitor_refresh_ms": "100",
    }
    run = Running(tmp_path, "--workers", 2, "--retries", 1, environment=os.environ | environment)
    assert run.process.wait(timeout=240) == 1, run.errors.read_text()
    said = run.errors.read_text()
    assert "long: 7 of 8 trials finished; 1 are missing" in said
    assert "memory ran out; going on with what is left" in said
    assert "Traceback" not in said
    (log,) = re.findall(r"trial \w+ failed; see (\S+)", said)
    assert "low on memory" in Path(log).read_text()
    assert len(failed_attempts(Store(str(tmp_path / "results"), "long"))) == 2


def test_a_full_disk_is_waited_for(undisturbed, long):
    (long / "results").mkdir()
    keep = (
        'mount -t tmpfs -o size=4m tmpfs results && "$@"; code=$?; cp -r results kept; exit $code'
    )
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("may not mount a small disk")
    run = Running(long, "--workers", 2, within=("unshare", "-m", "sh", "-c", keep, "sh"))
    inside = Path(f"/proc/{run.process.pid}/root{long}/results")
    run.wait_until(lambda: list(inside.glob("long/trials/*.parquet")))
    with contextlib.suppress(OSError), (inside / "fill").open("wb") as fill:
        while True:
            fill.write(bytes(1000))
            fill.flush()
    run.wait_until(lambda: "waiting, since" in run.errors.read_text())
    assert "No space left on device" in run.errors.read_text()
    (inside / "fill").unlink()
    assert run.process.wait(timeout=180) == 0, run.errors.read_text()
    shutil.copytree(long / "kept", long / "results", dirs_exist_ok=True)
    assert whole(long, undisturbed)


def test_a_study_on_s3_that_is_killed_goes_on_and_is_read_from_there(undisturbed, long):
    with served() as environment:
        environment = os.environ | environment
        store = Store(str(long / "results"), "long")  # copied to here for comparison
        where = ["--results", "s3://results/deep"]
        run = Running(long, "--workers", 2, *where, environment=environment)
        bucket = f"{environment['AWS_ENDPOINT_URL']}/results?list-type=2&prefix=deep/long/trials/"
        run.wait_until(lambda: ".parquet" in urlopen(bucket).read().decode())
        os.kill(workers_of(run.process.pid)[0], signal.SIGKILL)
        time.sleep(2)
        run.process.kill()
        run.process.wait()
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


def test_a_killed_worker_costs_no_trial(undisturbed, long):
    run = Running(long, "--workers", 2)
    run.wait_until(lambda: parts(long))
    os.kill(workers_of(run.process.pid)[0], signal.SIGKILL)
    assert run.process.wait(timeout=120) == 0, run.errors.read_text()
    assert whole(long, undisturbed)


def test_a_killed_run_does_not_bar_the_next(undisturbed, long):
    run = Running(long, "--workers", 2)
    run.wait_until(lambda: parts(long))
    run.process.kill()
    run.process.wait()
    answer = untuned("run", "long.yaml", "--workers", 2, cwd=long)
    assert answer.returncode == 0, answer.stderr
    assert whole(long, undisturbed)
