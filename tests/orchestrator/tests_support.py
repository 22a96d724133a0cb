"""What the tests of the command line share."""

import os
import subprocess
import sys
from pathlib import Path

UNTUNED = [sys.executable, "-c", "from orchestrator.cli import main; main()"]

STUDY = """\
seeds: {seeds}
axes:
  network: lenet-16
  dataset: digits
  epochs: {epochs}
  method: [dense, minimal-flipping]
  weights: he-constant
"""


def write_study(folder, name="own", seeds=2, epochs=2):
    path = Path(folder) / f"{name}.yaml"
    path.write_text(STUDY.format(seeds=seeds, epochs=epochs))
    return path


def untuned(*arguments, cwd, **environment):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [*UNTUNED, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
