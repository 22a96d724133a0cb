"""`untuned stop`."""

import sys

import click

from orchestrator.cli import jobs


@click.command(name="stop")
@click.argument("job")
@jobs.address_option
def command(job: str, address: str) -> int:
    """Stop JOB, a study that was submitted to a cluster, and keep what is finished.

    It ends after the epochs that are running; after a minute it is killed, which costs no finished
    trial either.
    """
    from orchestrator.jobs import following
    from orchestrator.jobs.client import Jobs
    from orchestrator.jobs.submission import STOP_SECONDS

    there = Jobs(address)
    found = there.find(job)
    if found.over:
        print(f"nothing to stop: {jobs.ending(found)}")
        return 0
    shown = len(there.log(job).splitlines())
    there.stop(job)
    print(
        f"{job} ends after the epochs that are running, at most {STOP_SECONDS} s", file=sys.stderr
    )
    try:
        ended = following.follow(there, found, shown, seconds=STOP_SECONDS + 30)
    except KeyboardInterrupt:
        print(f"\nuntuned: {job} is being stopped all the same", file=sys.stderr)
        return 130
    if ended is None:
        print(f"the cluster no longer knows {job}; go on with: {found.command}")
        return 0
    if not ended.over:
        print(f"untuned: {job} has not ended; look at the cluster's dashboard", file=sys.stderr)
        return 1
    print(f"{jobs.ending(ended)}; go on with: {found.command}")
    return 0
