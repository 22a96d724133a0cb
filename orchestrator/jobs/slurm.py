"""Studies as arrays of Slurm, through submitit: each task is a run that joins the study.

What a job needs and prints is in a folder of the user's own, which the nodes must reach and nobody
else can read: submitit's pickles, which its tasks load, and `job.json`, which says what the job is.
Nothing here reads a pickle: how tasks ended is in files of JSON, and Slurm's own states come from
`squeue`, which needs no accounting.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from orchestrator.execution import code_upload
from orchestrator.jobs.job import Job, LostError
from orchestrator.jobs.slurm_options import SlurmOptions
from orchestrator.jobs.slurm_task import PREFIX, SIGNAL_SECONDS, Task
from studies import sources, strict_yaml
from studies.errors import UserError, unknown
from studies.study import Study

#: How often a task may be requeued because its time was over.
_MOST_TIMEOUTS = 1000
#: Seconds after which a task that Slurm does not know, and that said nothing, counts as lost.
_PATIENCE = 20.0
#: Exit codes of a run that a signal ended: in good order, or before it could heed signals.
_BY_SIGNAL = (130, 143, -signal.SIGINT, -signal.SIGTERM)
#: Seconds after which the folder of a job that has ended is deleted.
_KEPT_SECONDS = 90 * 24 * 3600
#: What a job's record says of it beside what `SlurmJobs` needs; see `Job`.
_TEXTS = ("results", "version", "command", "definition")
#: The file that says that a job was asked to end.
_STOPPED = "stopped"
#: Slurm's states of a task that waits or runs.
_WAITING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")
_RUNNING = ("RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING")


def submit(
    study: Study,
    arguments: Sequence[str],
    options: SlurmOptions,
    record: Mapping[str, str],
    cluster: Literal["slurm", "local"] = "slurm",
) -> tuple[Job, list[Any]]:
    """Send a study as an array of tasks, and delete the folders of old jobs.

    Args:
        study: the study to run, with absolute sources of its data.
        arguments: of `untuned run`, without the study.
        options: what the array asks for.
        record: ``results``, ``version`` and ``command``, see `Job`.
        cluster: ``local`` for submitit's processes on this machine.

    Returns:
        The job, and submitit's own jobs.

    Raises:
        UserError: there is no Slurm here, it refuses the array, or the folder is not private.
    """
    submitit = _submitit()
    folder = _new_folder(study.name)
    path = folder / f"{study.name}.yaml"
    path.write_text(strict_yaml.dump(study.definition()), encoding="utf-8")
    # The engine has been chosen by the results as they are. Shipped ones that a task took over now
    # could have another.
    run = ["run", str(path), *arguments, "--executor", "inline", "--join", "--no-shipped"]
    tasks = _tasks(folder, options.tasks, run, record["command"])
    try:
        executor = _executor(submitit, cluster, folder / "submitit", study.name, options)
        jobs = executor.submit_array(tasks)
    except Exception as error:  # submitit has several, and Slurm's own words are in their text
        shutil.rmtree(folder)
        reason = next((line for line in str(error).splitlines() if line.strip()), repr(error))
        raise UserError(f"Slurm does not take the job: {reason}") from None
    number = str(jobs[0].job_id).partition("_")[0]
    content = {
        **record,
        "id": PREFIX + number,
        "study": study.name,
        "definition": study.definition_hash,
        "tasks": options.tasks,
        "submitted": time.time(),
    }
    (folder / "job.json").write_text(json.dumps(content), encoding="utf-8")
    SlurmJobs().delete_old()
    return SlurmJobs(states=lambda _: {}).find(PREFIX + number), jobs


def _tasks(folder: Path, count: int, run: Sequence[str], command: str) -> list[Task]:
    """Return the tasks of an array.

    Args:
        folder: of the job.
        count: how many tasks.
        run: the arguments of the command that each runs.
        command: the command that continues the study, for messages.
    """
    return [
        Task(
            run,
            {code_upload.COMMAND: command},
            output=folder / f"output-{number}.txt",
            ended=folder / f"ended-{number}.json",
            stopped=folder / _STOPPED,
        )
        for number in range(count)
    ]


def _submitit() -> Any:
    """Import submitit.

    Raises:
        UserError: it is not installed.
    """
    try:
        import submitit
    except ModuleNotFoundError:
        raise UserError(
            "--slurm needs submitit; install it with: pip install 'untuned[slurm]'"
        ) from None
    return submitit


def _executor(submitit: Any, cluster: str, folder: Path, study: str, options: SlurmOptions) -> Any:
    """Return submitit's executor for an array, whose files are in a folder."""
    if cluster == "local":
        executor: Any = submitit.LocalExecutor(folder)
        executor.update_parameters(timeout_min=options.time)
    else:
        executor = submitit.SlurmExecutor(folder, max_num_timeout=_MOST_TIMEOUTS)
        executor.update_parameters(**options.parameters(f"untuned-{study}", SIGNAL_SECONDS))
    return executor


class SlurmJobs:
    """The jobs that were submitted to Slurm from this account; see `JobPlace`.

    Args:
        states: returns Slurm's states of a job's tasks by their numbers; `squeue` if not given.
    """

    address = "slurm"

    def __init__(self, states: Any = None) -> None:
        self._states = states or _queued
        self._logs: dict[str, _Log] = {}

    def all(self) -> list[Job]:
        """Return the jobs, the newest first.

        Raises:
            LostError: Slurm does not answer.
        """
        jobs = [self._job(folder, content) for folder, content in _records().values()]
        return sorted(jobs, key=lambda job: -job.started)

    def find(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            UserError: no such job has this id; the message lists close ids.
            LostError: Slurm does not answer.
        """
        records = _records()
        if job_id not in records:
            raise unknown("job", job_id, records)
        return self._job(*records[job_id])

    def get(self, job_id: str) -> Job | None:
        """Return a job; None if there is none.

        Raises:
            LostError: Slurm does not answer.
        """
        record = _records().get(job_id)
        return self._job(*record) if record else None

    def log(self, job_id: str) -> str:
        """Return the output of a job's tasks so far, in the order in which it was first read."""
        folder, content = _records()[job_id]
        log = self._logs.setdefault(job_id, _Log(folder, content["tasks"]))
        return log.text()

    def stop(self, job_id: str) -> None:
        """Take back the tasks that wait, and ask the others to end after their current epochs.

        Raises:
            LostError: Slurm does not answer.
        """
        number = job_id.removeprefix(PREFIX)
        (_records()[job_id][0] / _STOPPED).touch()
        _slurm("scancel", "--state=PENDING", number)
        _slurm("scancel", "--signal=INT", number)

    def delete_old(self) -> None:
        """Delete the folders of jobs that have ended, if nothing was written there for 90 days.

        A job that Slurm still has is kept, and so is every job that may have tasks left while Slurm
        does not answer.
        """
        with contextlib.suppress(LostError):
            for folder, content in _records().values():
                is_old = time.time() - _last_written(folder) > _KEPT_SECONDS
                if is_old and self._job(folder, content).over:
                    shutil.rmtree(folder, ignore_errors=True)

    def _job(self, folder: Path, content: Mapping[str, Any]) -> Job:
        ends = [_end(folder, task) for task in range(content["tasks"])]
        codes = [end["code"] for end in ends if end]
        queued = self._in_queue(content["id"].removeprefix(PREFIX), len(ends), codes)
        started, was_stopped = content["submitted"], (folder / _STOPPED).exists()
        status = _status(queued, codes, was_stopped=was_stopped, is_new=_is_new(started))
        over = [end["ended"] for end in ends if end]
        ended = None if status in ("running", "pending") else max(over, default=started)
        code = {"succeeded": 0, "failed": next(iter(codes), None)}.get(status)
        counts = {name: queued.count(name) for name in ("running", "pending")}
        message = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        if not codes:
            message = message or "Slurm ended its tasks before they could say how"
        texts = {name: str(content.get(name, "")) for name in _TEXTS}
        return Job(
            id=content["id"],
            study=content["study"],
            status=status,
            started=started,
            ended=ended,
            code=code,
            message=message,
            **texts,
        )

    def _in_queue(self, number: str, tasks: int, codes: Sequence[int]) -> list[str]:
        """Return for each task of an array ``running``, ``pending`` or nothing.

        Slurm is asked only where that is uncertain: tasks have not ended, or one that a signal
        ended may be requeued.
        """
        if len(codes) == tasks and set(codes).isdisjoint(_BY_SIGNAL):
            return [""] * tasks
        states = self._states(number)
        return [_state(states.get(task, "")) for task in range(tasks)]


def _status(queued: Sequence[str], codes: Sequence[int], *, was_stopped: bool, is_new: bool) -> str:
    """Return the status of a job, see `Job`.

    Args:
        queued: for each task ``running``, ``pending`` or nothing.
        codes: the exit codes of the tasks that have ended.
        was_stopped: whether it was asked to end.
        is_new: whether it was submitted a moment ago, so that Slurm need not know it yet.
    """
    if "running" in queued:
        return "running"
    if "pending" in queued or (not codes and is_new):
        return "pending"
    if 0 in codes:  # a run that joins others ends so only if all trials are finished
        return "succeeded"
    if was_stopped or not set(codes).isdisjoint(_BY_SIGNAL):
        return "stopped"
    return "failed"


def _last_written(folder: Path) -> float:
    """Return when a file of a job was last written, in seconds since 1970.

    A task that has not ended shows in its output that it runs, even to a Slurm that does not know
    it, as where two clusters have the same home folders.
    """
    with contextlib.suppress(OSError):
        return max(path.stat().st_mtime for path in folder.iterdir())
    return time.time()  # it is being deleted by another command


def _is_new(submitted: float) -> bool:
    return time.time() - submitted < _PATIENCE


class _Log:
    """The output of several tasks as one text that only grows.

    Args:
        folder: of the job.
        tasks: how many there are.
    """

    def __init__(self, folder: Path, tasks: int) -> None:
        self._paths = [folder / f"output-{task}.txt" for task in range(tasks)]
        self._read = [0] * tasks
        self._text = ""

    def text(self) -> str:
        """Return the text, with the lines that the tasks have completed since the last call."""
        for task, path in enumerate(self._paths):
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                file.seek(self._read[task])
                new = file.read()
                new = new[: new.rfind(b"\n") + 1]
                self._read[task] += len(new)
                mark = f"[{task}] " if len(self._paths) > 1 else ""
                lines = new.decode(errors="replace").splitlines()
                self._text += "".join(f"{mark}{line}\n" for line in lines)
        return self._text


def _folder() -> Path:
    """Return the folder of all jobs; it is made readable by the user alone.

    Raises:
        UserError: it belongs to somebody else, or cannot be made.
    """
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        folder = sources.expanded(state) / "untuned" / "slurm"
    except UserError:
        raise UserError(f"{state}: this user has no home; set XDG_STATE_HOME") from None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
        if about.st_uid != os.getuid():
            raise UserError(f"{folder} belongs to another user; set XDG_STATE_HOME to your own")
        if about.st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}; set XDG_STATE_HOME to a folder") from None
    return folder


def _new_folder(study: str) -> Path:
    folder = _folder() / f"{time.time_ns():020d}-{study}-{secrets.token_hex(3)}"
    folder.mkdir(mode=0o700)
    return folder


def _records() -> dict[str, tuple[Path, dict[str, Any]]]:
    """Return the folder and the record of each job, by its id."""
    records = {}
    for path in sorted(_folder().glob("*/job.json")):
        with contextlib.suppress(OSError, ValueError):
            content = json.loads(path.read_text(encoding="utf-8"))
            if _has(content, {"id": str, "study": str, "tasks": int, "submitted": int | float}):
                records[content["id"]] = (path.parent, content)
    return records


def _end(folder: Path, task: int) -> dict[str, Any] | None:
    """Return how a task ended; None if it has not said so."""
    with contextlib.suppress(OSError, ValueError):
        content: dict[str, Any] = json.loads((folder / f"ended-{task}.json").read_text())
        return content if _has(content, {"code": int, "ended": int | float}) else None
    return None


def _has(content: object, kinds: Mapping[str, Any]) -> bool:
    """Return whether what a file holds is a mapping with some entries of these types."""
    return isinstance(content, dict) and all(
        isinstance(content.get(name), kind) for name, kind in kinds.items()
    )


def _state(state: str) -> str:
    """Return ``pending``, ``running`` or nothing for one of Slurm's states."""
    if state in _RUNNING:
        return "running"
    return "pending" if state in _WAITING else ""


def _queued(number: str) -> dict[int, str]:
    """Return the states of the tasks of an array that Slurm has in its queue, by their numbers.

    Raises:
        LostError: Slurm does not answer.
    """
    text = _slurm("squeue", "--array", "--noheader", f"--jobs={number}", "--format=%K|%T")
    states = {}
    for line in text.splitlines():
        task, _, state = line.strip().partition("|")
        states[int(task) if task.isdigit() else 0] = state
    return states


def _slurm(*command: str) -> str:
    """Run one of Slurm's commands and return what it prints; empty if it knows no such job.

    Raises:
        LostError: there is no Slurm here, or it does not answer.
    """
    try:
        answer = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LostError(f"{command[0]}: {error}; is this a machine of a Slurm cluster?") from None
    if answer.returncode and not re.search("Invalid job id|No active jobs", answer.stderr):
        lines = answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"]
        raise LostError(lines[-1])
    return answer.stdout
