"""`untuned stop`."""

import sys

import click

from orchestrator.cli import jobs


@click.command(name="stop")
@click.argument("job")
@jobs.address_option
def command(job: str, address: str) -> int:
    """Stop JOB on a cluster; its finished trials are kept.

    The job first finishes the epochs in progress. After a minute a Ray cluster kills it; even then,
    no finished trial is lost.
    """
    from orchestrator.jobs import following
    from orchestrator.jobs.submission import STOP_SECONDS

    cluster = jobs.place_of(job, address)
    running = cluster.find(job)
    if running.over:
        print(f"nothing to stop: {jobs.ending(running)}")
        return 0
    shown = len(cluster.log(job).splitlines())
    cluster.stop(job)
    limit = "" if cluster.address == "slurm" else f", which takes at most {STOP_SECONDS} s"
    print(f"{job} is stopping: it finishes the epochs in progress{limit}", file=sys.stderr)
    try:
        ended = following.follow(cluster, running, shown, seconds=STOP_SECONDS + 30)
    except KeyboardInterrupt:
        print(f"\nuntuned: {job} stops nevertheless", file=sys.stderr)
        return 130
    if ended is None:
        print(f"the cluster no longer knows {job}; continue with: {running.command}")
        return 0
    if not ended.over:
        print(f"untuned: {job} has not ended; see it with: untuned jobs {job}", file=sys.stderr)
        return 1
    print(f"{jobs.ending(ended)}; continue with: {running.command}")
    return 0
