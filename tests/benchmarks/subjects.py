"""Subjects of measurement in processes of their own, which are asked one after another.

A subject reads requests from its input, an object of JSON on a line each, and answers likewise.
Whatever else it prints goes to its errors.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

#: One thread each, as our own workers have.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Subject:
    """A process that answers requests; use it as a context.

    Args:
        script: the Python file that it runs.
        arguments: of the script.
        path: the folders that it looks for modules in, before this file's.
    """

    def __init__(self, script, *arguments, path):
        folders = os.pathsep.join(map(str, [*path, Path(__file__).parent]))
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(script), *map(str, arguments)],
            env=os.environ | _ONE_THREAD | {"PYTHONPATH": folders},
            cwd=path[0],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.stdin.close()
        self._process.stdout.close()
        if self._process.wait() and not any(error):
            raise RuntimeError(f"{self._process.args[2]} failed ({self._process.returncode})")

    def ask(self, **request):
        """The answer to a request; the subject's errors say why there is none."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._process.args[2]} has ended without an answer")
        return json.loads(answer)


def serve(answer):
    """Answer requests until there are no more, in the process of a subject.

    Args:
        answer: a function of a request's values.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), file=answers, flush=True)


def interleaved(subjects, rounds, **request):
    """The answers of each subject, by its name, asked in turn in each round; the first is dropped.

    Args:
        subjects: the subjects by name.
        rounds: how many answers of each are returned.
        request: what they are asked.
    """
    answers = {name: [] for name in subjects}
    for _ in range(rounds + 1):
        for name, subject in subjects.items():
            answers[name].append(subject.ask(**request))
    return {name: of_rounds[1:] for name, of_rounds in answers.items()}
