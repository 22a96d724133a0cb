"""A real Slurm of one node on loopback, with munge, a configuration, ports and folders of its own.

The fixture `slurm` gives the environment with which Slurm's commands reach it.
"""

import getpass
import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=100000,bf_interval=1
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    programs = {
        name: shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        for name in ("munged", "slurmctld", "slurmd", "sbatch")
    }
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        pytest.skip(f"no {', no '.join(missing)}; on Debian: apt-get install slurm-wlm munge")
    if os.getuid() != 0:
        pytest.skip("slurmd starts tasks only as root")
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # short, since it holds a socket
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(
            host=platform.node(),
            controller=_free_port(),
            node=_free_port(),
            folder=folder,
            user=getpass.getuser(),
        )
    )
    own = {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state")),
    }
    munge = [
        *(programs["munged"], "--foreground", "--force", f"--key-file={key}"),
        *(f"--{name}-file={folder}/munge.{name}" for name in ("pid", "log", "seed")),
        f"--socket={folder}/munge.socket",
    ]
    started = []
    try:
        for command in (munge, [programs["slurmctld"], "-D"], [programs["slurmd"], "-D"]):
            log = (folder / f"{Path(command[0]).name}.txt").open("w")
            started.append(subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log))
            log.close()
            while command is munge and not (folder / "munge.socket").exists():
                assert started[0].poll() is None, (folder / "munged.txt").read_text()
                time.sleep(0.05)
        state = ""
        while not state.startswith("idle"):
            for process, name in zip(started, ("munged", "slurmctld", "slurmd"), strict=True):
                assert process.poll() is None, (folder / f"{name}.txt").read_text()
            answer = subprocess.run(
                ["sinfo", "--noheader", "--format=%T"],
                env=os.environ | own,
                capture_output=True,
                text=True,
                check=False,
            )
            state = answer.stdout.strip()
            time.sleep(0.2)
        yield own
        subprocess.run(["scancel", "--user", getpass.getuser()], env=os.environ | own, check=False)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
