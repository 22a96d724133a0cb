"""What became of a job that its cluster lost: its results say it.

A cluster whose head or job process was lost calls a job failed, or does not know it any more,
although the run may go on or have finished.
"""

from dataclasses import replace

from orchestrator import plan, tuning
from orchestrator.execution.live_runs import LiveRuns
from orchestrator.jobs.job import Job
from studies.errors import UserError
from studies.store import Store
from studies.study import Study


def judged(job: Job) -> Job:
    """Return a job with the status that its results show, if its cluster lost it.

    Args:
        job: the job; ``failed`` without an exit code if the cluster lost it.
    """
    if job.status != "failed" or job.code is not None:
        return job
    try:
        store = Store(job.results, job.study)
        if run := next((run for run in LiveRuns(store).certainly() if run.job == job.id), None):
            process = f"process {run.pid} on {run.host}"
            message = f"the cluster lost it; it goes on as {process}"
            return replace(job, status="running", ended=None, message=message)
        asked = _asked(store, job)
        planned = plan.make(asked, store)
    except UserError:  # the results cannot be read here
        return job
    if not planned.trials:
        return job
    # Before its tuning seeds are finished, a study does not say which fresh trials it has.
    if not planned.todo and not any(study.is_tuned for study in asked):
        message = f"the cluster lost it; all {len(planned.trials)} trials are finished"
        return replace(job, status="succeeded", message=message)
    lost = next(iter(job.message.splitlines()), "the cluster lost it")
    finished = len(planned.trials) - len(planned.todo)
    message = f"{lost}; {finished} of {len(planned.trials)} trials are finished"
    return replace(job, message=message)


def _asked(store: Store, job: Job) -> list[Study]:
    """Return the definition that a job was to run; all of its study if it does not name one."""
    recorded = store.definitions.all()
    asked = [study for study in recorded if study.definition_hash == job.definition] or recorded
    return [tuning.resolved(study, store) for study in asked]
