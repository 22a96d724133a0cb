"""Jobs that a cluster loses sight of: they are followed on, and judged by their results."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from tests_support import job_details, train_study

from orchestrator.cli import cli
from orchestrator.execution.heartbeat import JOB, RunHeartbeat, SessionHeartbeat
from orchestrator.jobs import client, following
from orchestrator.jobs.job import Job, LostError
from orchestrator.jobs.judging import judged
from studies.errors import UserError
from studies.study import read


def lost(folder, **changes):
    about = {"version": "1", "command": "untuned submit own.yaml", "started": 1.0, "ended": 2.0}
    about |= {"status": "failed", "code": None, "message": "Job supervisor actor died.\nMore"}
    return Job(**about | {"id": "untuned-own-1", "study": "own", "results": str(folder)} | changes)


def test_a_lost_job_whose_trials_are_finished_has_succeeded(tmp_path):
    train_study(tmp_path)
    job = lost(tmp_path / "results")
    found = judged(job)
    assert (found.status, found.exit_code) == ("succeeded", 0)
    assert found.message == "the cluster lost it; all 4 trials are finished"
    for known in (replace(job, code=1), replace(job, status="running"), lost(tmp_path / "none")):
        assert judged(known) is known


def test_a_lost_job_is_judged_by_its_own_definition(tmp_path):
    store, _ = train_study(tmp_path)
    more = read(tmp_path / "own.yaml").override(seeds=3)
    store.definitions.record(more)
    part = lost(tmp_path / "results", definition=read(tmp_path / "own.yaml").definition_hash)
    assert judged(part).status == "succeeded"
    found = judged(replace(part, definition=more.definition_hash))
    assert (found.status, found.exit_code) == ("failed", 1)
    assert found.message == "Job supervisor actor died.; 4 of 6 trials are finished"


def test_a_lost_job_that_goes_on_is_running(tmp_path, monkeypatch):
    store, _ = train_study(tmp_path, failing=1)
    job = lost(tmp_path / "results")
    with SessionHeartbeat(store, "another run"):
        assert judged(job).status == "failed"
    monkeypatch.setenv(JOB, job.id)
    with RunHeartbeat(store):
        found = judged(job)
        assert (found.status, found.over, found.ended) == ("running", False, None)
        assert found.message.startswith("the cluster lost it; it goes on as process ")


def jobs_command(address, *arguments):
    return cli.main(["jobs", *arguments, "--address", address], standalone_mode=False)


@pytest.fixture
def _quick(monkeypatch):
    monkeypatch.setattr(following, "_INTERVAL", 0.0)


@pytest.mark.usefixtures("_quick")
def test_a_lost_job_is_shown_and_followed_as_its_results_say(server, tmp_path, capsys):
    train_study(tmp_path)
    address, answers = server
    details = job_details("untuned-own-1", results=str(tmp_path / "results"), status="FAILED")
    details["message"] = "Job supervisor actor died."
    answers["/api/jobs/"] = (200, json.dumps([details]))
    answers["/api/jobs/untuned-own-1"] = (200, json.dumps(details))
    answers["/api/jobs/untuned-own-1/logs"] = (200, json.dumps({"logs": "own: 4 of 4\n"}))
    assert jobs_command(address) == 0
    assert "succeeded" in capsys.readouterr().out
    assert jobs_command(address, "untuned-own-1") == 0
    printed = capsys.readouterr().out
    assert re.search(r"^  status +succeeded$", printed, re.MULTILINE)
    assert "the cluster lost it; all 4 trials are finished" in printed
    assert jobs_command(address, "untuned-own-1", "--follow") == 0
    assert "untuned-own-1: the cluster lost it; all 4 trials" in capsys.readouterr().err


@pytest.mark.usefixtures("_quick")
def test_following_outlives_answers_that_break_off_or_are_errors(server, capsys):
    address, answers = server
    running = job_details("untuned-own-1")
    ended = running | {"status": "SUCCEEDED", "driver_exit_code": 0, "message": "It has ended."}
    log = json.dumps({"logs": "one\ntwo\nthr"})
    answers["/api/jobs/"] = (200, json.dumps([running]))
    answers["/api/jobs/untuned-own-1"] = iter(
        [
            (200, json.dumps(running)),
            (502, "<html>bad gateway"),
            None,  # the connection is closed
            (200, json.dumps(running)),
            (200, json.dumps(running)[:40]),
            (200, json.dumps(running)),
            (200, json.dumps(ended)),
        ]
    )
    answers["/api/jobs/untuned-own-1/logs"] = iter(
        [
            (200, log),
            (500, "Traceback\nno agent"),
            (200, log[:20]),
            (200, json.dumps({"logs": "one\ntwo\nthree\nfour\n"})),
        ]
    )
    assert jobs_command(address, "untuned-own-1", "--follow") == 0
    printed = capsys.readouterr()
    assert printed.out == "one\ntwo\nthree\nfour\n"
    assert printed.err.count("trying again for 3 minutes") == printed.err.count("\n")


@pytest.mark.usefixtures("_quick")
def test_a_job_that_has_ended_and_whose_log_is_lost_ends_the_following(server, monkeypatch):
    monkeypatch.setattr(following, "_NO_LOG", 0.0)
    address, answers = server
    ended = job_details("untuned-own-1", status="FAILED") | {"driver_exit_code": 3}
    answers["/api/jobs/untuned-own-1"] = (200, json.dumps(ended))
    answers["/api/jobs/"] = (200, json.dumps([ended]))
    answers["/api/jobs/untuned-own-1/logs"] = (500, "no agent on that node")
    assert jobs_command(address, "untuned-own-1", "--follow") == 3
    monkeypatch.setattr(following, "_PATIENCE", 0.0)
    answers["/api/jobs/untuned-own-1"] = (200, json.dumps(ended | {"status": "RUNNING"}))
    jobs = client.Jobs(address)
    with pytest.raises(LostError):
        following.follow(jobs, jobs.find("untuned-own-1"))


def test_an_answer_that_took_long_does_not_delay_the_next_request_for_long(monkeypatch):
    """As one that the network held up; the time of requests is limited for long logs alone."""
    now, waits = [0.0], []
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=waits.append)
    monkeypatch.setattr(following, "time", clock)
    states = [lost("there", status=status) for status in ("running", "running", "succeeded")]
    seconds = iter([40.0, 0.1, 0.1])

    class Place:
        def get(self, job_id):
            now[0] += next(seconds)
            return states.pop(0)

        def log(self, job_id):
            return ""

    assert following.follow(Place(), states[0]).status == "succeeded"
    assert waits == [10.0, pytest.approx(2.0)]


def test_a_job_of_ours_that_is_not_known_may_be_from_before_a_restart(server):
    address, answers = server
    answers["/api/jobs/"] = (200, json.dumps([job_details("untuned-own-123abc")]))
    with pytest.raises(UserError, match=r"untuned status my-own --results URI$"):
        jobs_command(address, "untuned-my-own-0a1b2c")
    with pytest.raises(UserError, match=r"^unknown job 'untuned-own'.*did you mean untuned-own-"):
        jobs_command(address, "untuned-own")
