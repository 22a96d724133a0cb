"""Studies as jobs on a cluster: what is refused before sending, and real clusters."""

import json
import os
import re
import signal
import socketserver
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
import yaml
from clusters import Cluster, cluster  # noqa: F401
from tests_support import (
    DASHBOARD,
    UNTUNED,
    job_details,
    long_study,
    science_of,
    trial_rows,
    untuned,
    wait_until,
    write_study,
)

from orchestrator import data_places
from orchestrator.cli import _options, cli, jobs, submit
from orchestrator.execution.heartbeat import SessionHeartbeat
from orchestrator.jobs import client, following, probe, submission
from studies.errors import UserError
from studies.store import Store
from studies.study import read


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    """The client writes its address to the environment and reads settings from it."""
    for name in [*os.environ]:
        if name.startswith(("RAY_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:1")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")


def refused(*arguments):
    with pytest.raises(UserError) as error:
        cli.main([*map(str, arguments)], standalone_mode=False)
    assert "\n" not in str(error.value)
    return str(error.value)


# Refused before anything is sent


def test_a_mistake_in_the_study_is_reported_before_sending(tmp_path):
    path = write_study(tmp_path)
    path.write_text(path.read_text().replace("dense", "dens"))
    assert "unknown method 'dens'" in refused("submit", path, "--results", "/there")
    assert "unknown study 'digit'" in refused("submit", "digit", "--results", "/there")


@pytest.mark.parametrize("results", ["results", "./results", "../there", "~other/there", ""])
def test_results_that_are_elsewhere_on_every_node_are_refused(results):
    message = refused("submit", "digits", "--results", results)
    assert message.startswith(f"--results {results}".strip())
    assert "an absolute path that all nodes of the cluster reach" in message


@pytest.mark.parametrize(
    "results",
    [
        "s3://bucket/there?region=x",
        "abfss://container@account.dfs.core.windows.net/there",
        "/net/there",
        "file:///there",
    ],
)
def test_results_that_all_nodes_can_reach_are_taken(results):
    assert submission.shared(results) == results
    assert submission.shared("~/there") == str(Path.home() / "there")
    with pytest.raises(UserError, match="--results ftp://a: give a URI such as s3"):
        submission.shared("ftp://a")


def test_credentials_are_refused_and_not_repeated(monkeypatch):
    for message in (
        refused("submit", "digits", "--results", "s3://key:geheim@bucket/there"),
        refused("submit", "digits", "--results", "s3://key:ge/heim@bucket/there"),
        refused("submit", "digits", "--results", "s3://bucket/x?access_key=a&secret_key=geheim"),
        refused("submit", "digits", "--results", "/there", "--address", "http://me:geheim@h:8265"),
    ):
        assert "credentials" in message or "password" in message
        assert "heim" not in message
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://me:geheim@store:9000")
    message = refused("submit", "digits", "--results", "s3://bucket/there")
    assert message.startswith("AWS_ENDPOINT_URL")
    assert "geheim" not in message


def test_a_command_that_is_shown_names_the_cluster_where_it_is_not_the_usual_one(monkeypatch):
    assert jobs.address_argument("http://127.0.0.1:8265") == ""
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://head:8265")  # as Ray's client reads it
    assert jobs.address_argument("http://head:8265") == " --address http://head:8265"


@pytest.mark.parametrize(
    "address", ["ray://head:10001", "head:6379", "head", "head:8265", "auto", "http://:1"]
)
def test_an_address_that_is_not_a_dashboards_is_refused(address):
    message = refused("jobs", "--address", address)
    assert message.startswith(f"--address {address}: not a dashboard's URL")
    assert message.endswith(":8265")
    assert "head" not in address or message.endswith("http://head:8265")
    assert "not a URL" in refused("jobs", "--address", "http://head:port")


def test_no_answer_is_reported(nobodys_port):
    address = f"http://127.0.0.1:{nobodys_port}"
    for command in (["jobs"], ["jobs", "some"], ["stop", "some"]):
        message = refused(*command, "--address", address)
        assert message.startswith(f"--address {address}: no Ray dashboard answers there")


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ((200, "<html>"), "this is not a Ray dashboard"),
        ((200, "{}"), "this is not a Ray dashboard"),
        ((500, "oh"), "this is not a Ray dashboard"),
        ((404, "no"), "this is not a Ray dashboard"),
        ((401, "no"), "the cluster requires a token; set RAY_AUTH_MODE=token"),
        ((403, "no"), "the cluster rejects this token"),
        ((200, DASHBOARD), "this Ray dashboard accepts no jobs; install ray[default]"),
    ],
)
def test_an_answer_that_is_not_from_a_dashboard_is_reported(server, version, message):
    address, answers = server
    answers["/api/version"] = version
    assert refused("jobs", "--address", address).startswith(f"--address {address}: {message}")


def test_a_port_without_http_is_reported():
    """Such as the port of the head for other nodes."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(100)
            self.request.sendall(bytes(30))

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        address = f"http://127.0.0.1:{running.server_address[1]}"
        assert "no Ray dashboard answers there" in refused("jobs", "--address", address)
        running.shutdown()


def test_headers_are_read_as_ray_reads_them(server, monkeypatch):
    monkeypatch.setenv("RAY_JOB_HEADERS", "no")
    assert refused("jobs", "--address", server[0]).startswith("RAY_JOB_HEADERS: not a JSON object")


def test_a_study_that_a_job_runs_already_is_refused_before_sending(server, tmp_path):
    address, answers = server
    ended = job_details("untuned-own-1", status="FAILED")
    waiting = job_details("untuned-own-2", status="PENDING")
    answers["/api/jobs/"] = (200, json.dumps([ended, waiting]))
    path = write_study(tmp_path)
    message = refused("submit", path, "--results", "/there", "--address", address)
    assert message.startswith("own in /there is being run already, by job untuned-own-2 (pending)")
    assert message.endswith("stop it with: untuned stop untuned-own-2")
    known = client.Jobs(address)
    submission.refuse_second(known, "own", "/elsewhere")
    submission.refuse_second(known, "other", "/there")


def test_a_study_that_a_run_has_is_refused_before_sending(server, tmp_path):
    address, answers = server
    answers["/api/jobs/"] = (200, "[]")
    with SessionHeartbeat(Store(str(tmp_path), "own"), "run"):
        message = refused(
            "submit", write_study(tmp_path), "--results", tmp_path, "--address", address
        )
    assert f"is being run already, by process {os.getpid()} on" in message


def test_follow_needs_a_job():
    answer = untuned("jobs", "--follow", cwd=".")
    assert (answer.returncode, "--follow: give a JOB" in answer.stderr) == (2, True)


# What is sent


def test_the_command_takes_the_options_that_are_not_at_their_default(tmp_path, monkeypatch):
    monkeypatch.delenv("UNTUNED_ENGINE")
    named = {"pets": "folder:/pets"}
    given = ("there", "mnist=~/m", "pets=folder:pets")
    assert data_places.as_arguments(given, named) == [
        "--data", str(Path.cwd() / "there"), "--data", f"mnist={Path.home() / 'm'}"
    ]  # fmt: skip
    with pytest.raises(UserError, match="unknown dataset 'mnits'"):
        data_places.as_arguments(["mnits=there"], named)
    arguments = ["digits", "--results", "/r", "--checkpoint", "0", "--device", "auto", "--tf32"]
    values = submit.command.make_context("submit", [*arguments, "--workers", "3"]).params
    expected = ["--workers", "3", "--tf32", "--checkpoint", "0.0"]
    assert _options.as_arguments(values) == expected
    monkeypatch.setenv("UNTUNED_ENGINE", "mm")  # the job's own machine does not know the variable
    values = submit.command.make_context("submit", [*arguments, "--workers", "3"]).params
    assert _options.as_arguments(values) == [*expected[:3], "--engine", "mm", *expected[3:]]


def test_a_job_is_known_by_the_definition_that_it_runs(tmp_path, monkeypatch):
    sent = []
    monkeypatch.setattr(
        submit, "_submit_to_ray", lambda definition, *_: (sent.append(definition), "")
    )
    path = write_study(tmp_path)
    cli.main(["submit", str(path), "--results", "/there", "--keep-networks"], standalone_mode=False)
    assert sent == [read(path).override(keep_networks=True)]


def test_the_entrypoint_is_one_command_even_with_special_characters():
    results = "/net/a b; touch $(x)'"
    sent = submission.entrypoint("own.yaml", results, ["--data", "/a 'b'"])
    assert sent.startswith("exec python -m orchestrator.cli run own.yaml --address auto ")
    printed = subprocess.run(
        ["/bin/sh", "-c", sent.replace("exec python -m", "printf '%s\\n'")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.splitlines()[-4:] == ["--results", results, "--data", "/a 'b'"]


def test_the_environment_has_no_credentials(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "geheim")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store:9000")
    monkeypatch.setenv("AWS_REGION", "here")
    variables = submission.environment("untuned submit own.yaml")
    assert (
        variables.items()
        >= {
            "RAY_JOB_STOP_SIGNAL": "SIGINT",
            "RAY_JOB_STOP_WAIT_TIME_S": "60",
            "AWS_ENDPOINT_URL": "http://store:9000",
            "AWS_REGION": "here",
            "UNTUNED_COMMAND": "untuned submit own.yaml",
        }.items()
    )
    assert "geheim" not in str(variables)
    assert "RAY_AUTH_MODE" not in variables  # the head's counts


def test_the_study_is_the_same_when_it_is_read_there(tmp_path):
    path = write_study(tmp_path)
    path.write_text(path.read_text() + "data:\n  pets: folder:images\ngrids: [{}, {width: 0.5}]\n")
    definition = read(path).override(seeds=3, epochs=7)
    sent = tmp_path / "elsewhere" / "own.yaml"
    sent.parent.mkdir()
    sent.write_text(yaml.safe_dump(definition.definition(), sort_keys=False))
    assert read(sent) == definition
    assert definition.data == {"pets": f"folder:{tmp_path / 'images'}"}


def test_the_probe_looks_for_all_that_the_extra_installs():
    from importlib.metadata import version

    about = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    extra = about.partition("\nrun = [")[2].partition("\n]")[0]
    named = [line.strip().strip('",') for line in extra.splitlines() if line.strip()]
    assert {name.partition(">")[0].partition("[")[0] for name in named} <= set(probe.NEEDED)
    assert all(version(name) for name in probe.NEEDED)


def test_the_output_of_a_job_is_shown_without_rays_own_lines():
    log = (
        "2026-01-02 03:04:05,678\tINFO job_manager.py:581 -- Runtime env is setting up.\n"
        "Running entrypoint for job some: exec python\n"
        "own: 4 of 4 trials to run\n"
        "own: 1/4 · 2 workers\n"
        "2026-01-02 03:04:05,678\tWARNING worker.py:581 -- memory is low\n"
        "own: 2/4 · 2 workers\n"
        "done\n"
    )
    assert following.summary(log) == [
        "own: 4 of 4 trials to run",
        "2026-01-02 03:04:05,678\tWARNING worker.py:581 -- memory is low",
        "own: 2/4 · 2 workers",
        "done",
    ]


# Real clusters


def on(address, *arguments, cwd, **environment):
    """Run a command of a cluster's client in a process of its own."""
    variables = {"RAY_API_SERVER_ADDRESS": address.dashboard, "RAY_AUTH_MODE": "disabled"}
    variables["http_proxy"] = "http://127.0.0.1:9"  # which nobody answers, and nobody needs
    return untuned(*arguments, cwd=cwd, **variables | environment)


def submitted(answer):
    return answer.stdout.split(" as ")[1].split()[0]


def following_of(address, job):
    return subprocess.Popen(
        [*UNTUNED, "jobs", job, "--follow"],
        env=os.environ | {"RAY_API_SERVER_ADDRESS": address.dashboard},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores Ctrl-C, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def jobs_of(address):
    with urllib.request.urlopen(f"{address.dashboard}/api/jobs/") as answer:
        return json.load(answer)


@pytest.mark.cluster
def test_a_submitted_study_is_run_on_the_cluster(cluster, tmp_path):  # noqa: F811
    write_study(tmp_path)
    command = ["submit", "own.yaml", "--results", tmp_path / "results", "--workers", 2, "--follow"]
    answer = on(cluster, *command, cwd=tmp_path, AWS_SECRET_ACCESS_KEY="geheim")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    job = submitted(answer)
    assert f"follow it with: untuned jobs {job} --follow\n" in answer.stdout
    assert "own: 4 of 4 trials finished (4 in this run" in answer.stdout
    assert "INFO" not in answer.stdout
    assert len(trial_rows(tmp_path)) == 4

    here = tmp_path / "here"
    here.mkdir()
    write_study(here)
    assert untuned("run", "own.yaml", "--workers", 1, cwd=here).returncode == 0
    assert science_of(here) == science_of(tmp_path)

    again = on(cluster, *command, cwd=tmp_path)
    assert "own: nothing to do, all 4 trials are finished" in again.stdout
    assert "geheim" not in json.dumps(jobs_of(cluster))
    uploads = {
        about["runtime_env"]["working_dir"]
        for about in jobs_of(cluster)
        if about["submission_id"] in (job, submitted(again))
    }
    assert len(uploads) == 1  # the same code is sent once

    table = on(cluster, "jobs", cwd=tmp_path, COLUMNS="200").stdout
    assert [line.split()[:3] for line in table.splitlines() if "untuned-" in line][:2] == [
        [submitted(again), "own", "succeeded"],
        [job, "own", "succeeded"],
    ]
    about = on(cluster, "jobs", job, cwd=tmp_path, COLUMNS="200").stdout
    assert re.search(f"^  results +{re.escape(str(tmp_path / 'results'))}$", about, re.MULTILINE)
    assert "own: 4 of 4 trials finished" in about


@pytest.mark.cluster
def test_a_stopped_job_is_continued_by_the_same_command(cluster, tmp_path, monkeypatch):  # noqa: F811
    gate = cluster.gate
    gate.close()
    monkeypatch.setenv("PYTHONPATH", gate.path)
    long_study(tmp_path)
    command = ["submit", "long.yaml", "--results", tmp_path / "results"]
    job = submitted(on(cluster, *command, cwd=tmp_path))

    watching = following_of(cluster, job)
    wait_until(
        lambda: list((tmp_path / "results/long/trials").glob("*.parquet")) and gate.waiting(),
        lambda: gate.let_pass(10),
    )
    status = on(cluster, "status", "long", cwd=tmp_path).stdout
    assert f"  being run by job {job} (process " in status
    second = on(cluster, *command, cwd=tmp_path)
    assert (second.returncode, second.stdout) == (2, "")
    assert f"is being run already, by job {job} (running)" in second.stderr

    # The two workers hold both CPUs, so another study has to wait.
    wait_until(lambda: len(gate.waiting()) == 2)
    write_study(tmp_path)
    other = ["submit", "own.yaml", "--results", tmp_path / "results"]
    waiting = submitted(on(cluster, *other, cwd=tmp_path))
    message = "own: waiting for a worker: it needs 1 CPU, and 0 of 2 CPUs are free"
    wait_until(lambda: message in on(cluster, "jobs", waiting, cwd=tmp_path).stdout)
    answer = on(cluster, "stop", waiting, cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "own: 0 of 4 trials finished (0 in this run)" in answer.stdout
    watching.send_signal(signal.SIGINT)
    _, message = watching.communicate()
    assert watching.returncode == 130
    assert f"{job} continues; follow it with: untuned jobs {job} --follow; stop it with" in message

    with subprocess.Popen(
        [*UNTUNED, "stop", job],
        cwd=tmp_path,
        env=os.environ | {"RAY_API_SERVER_ADDRESS": cluster.dashboard},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as stop:
        wait_until(lambda: stop.poll() is not None, gate.let_pass)  # it ends between two epochs
        output, errors = stop.communicate()
    assert stop.returncode == 0, output + errors
    kept = len(trial_rows(tmp_path, "long"))
    assert 0 < kept < 12
    assert f"{kept} of 12 trials finished ({kept} in this run)" in output
    assert "Traceback" not in output + errors
    assert f"{job} stopped after" in output
    assert f"continue with: untuned submit long.yaml --results {tmp_path}/results\n" in output
    assert on(cluster, "jobs", job, "--follow", cwd=tmp_path).returncode == 130
    assert f"nothing to stop: {job} stopped" in on(cluster, "stop", job, cwd=tmp_path).stdout

    gate.open()
    again = on(cluster, *command, "--follow", cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"long: 12 of 12 trials finished ({12 - kept} in this run" in again.stdout
    assert len(trial_rows(tmp_path, "long")) == 12


@pytest.mark.cluster
def test_a_job_that_cannot_start_gives_the_reason(cluster, tmp_path):  # noqa: F811
    answer = on(cluster, "submit", "smoke", "--results", "/proc/there", "--follow", cwd=tmp_path)
    assert answer.returncode == 2
    assert "untuned: results folder /proc/there/smoke: cannot be written to" in answer.stdout
    assert "failed after" in answer.stderr
    close = f"{submitted(answer)}0"
    unknown = on(cluster, "stop", close, cwd=tmp_path)
    assert unknown.returncode == 2
    assert f"unknown job '{close}'; did you mean {submitted(answer)}" in unknown.stderr


@pytest.mark.cluster
def test_a_cluster_with_other_versions_is_refused(cluster, tmp_path):  # noqa: F811
    about = tmp_path / "here" / "torch-0.1+cpu.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 0.1+cpu\n")
    write_study(tmp_path)
    run = ["run", "own.yaml", "--address", cluster.address]
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64}
    answer = on(cluster, *run, cwd=tmp_path, **token)  # Ray itself would wait for ever
    assert answer.returncode == 2
    assert "the cluster asks for no token, and a run that uses one would wait" in answer.stderr
    before = len(jobs_of(cluster))
    answer = on(
        cluster,
        "submit",
        "smoke",
        "--results",
        tmp_path,
        cwd=tmp_path,
        PYTHONPATH=str(about.parent),
    )
    assert answer.returncode == 2
    assert f"the cluster at {cluster.dashboard} has torch " in answer.stderr
    assert "this machine has 0.1; install the same version on both" in answer.stderr
    assert len(jobs_of(cluster)) == before + 1  # the probe


@pytest.mark.cluster
def test_a_cluster_with_a_token_and_without_the_packages(tmp_path):
    bare = Path(sys.base_prefix) / "bin"
    assert (bare / "python").exists()
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64}
    command = ["submit", "smoke", "--results", tmp_path]
    with Cluster(variables=token | {"PATH": f"{bare}:{os.environ['PATH']}"}) as locked:
        answer = on(locked, *command, cwd=tmp_path)
        assert answer.returncode == 2
        assert "the cluster requires a token; set RAY_AUTH_MODE=token" in answer.stderr
        answer = on(locked, *command, cwd=tmp_path, **token | {"RAY_AUTH_TOKEN": "b" * 64})
        assert "the cluster rejects this token" in answer.stderr
        answer = on(locked, *command, cwd=tmp_path, **token)
        assert answer.returncode == 2
        assert "torch" in answer.stderr
        assert "run on all nodes: pip install " in answer.stderr
        write_study(tmp_path)
        run = ["run", "own.yaml", "--address", locked.address]
        answer = on(locked, *run, cwd=tmp_path)
        assert (answer.returncode, answer.stderr.count("\n")) == (2, 1)
        assert "the cluster requires a token; set RAY_AUTH_MODE=token" in answer.stderr


@pytest.mark.cluster
def test_following_survives_a_restart_of_the_head(gate, tmp_path):
    long_study(tmp_path)
    with Cluster(cpus=1) as restarted:
        command = ["submit", "long.yaml", "--results", tmp_path / "results"]
        job = submitted(on(restarted, *command, cwd=tmp_path))
        watching = following_of(restarted, job)
        assert "long: 12 of 12 trials to run" in watching.stdout.readline()
        wait_until(gate.waiting)
        restarted.restart_head()
        _, message = watching.communicate()
        assert watching.returncode == 1
        assert "does not answer" in message
        assert f"no longer knows {job}; its head was probably restarted" in message
        assert f"continue with: untuned submit long.yaml --results {tmp_path}/results" in message
