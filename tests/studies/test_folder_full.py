"""Disks that are full and files that may not grow: what is said, and what is left."""

import errno
import os
import pickle
import subprocess
import sys

import pytest

from studies.errors import UserError
from studies.store import Store
from studies.store.folder import Folder, NotWrittenError

PUT = """
import resource, signal, sys
from pathlib import Path
from studies.store.folder import Folder
where, size, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
folder = Folder(where, "own")
folder.put("epochs/small", b"kept")
try:
    folder.put("epochs/large", bytes(size))
except OSError as error:
    print(error.errno, error, sep="|")
print(sorted(str(path.relative_to(where)) for path in Path(where).rglob("*") if path.is_file()))
folder.put("epochs/small", b"and replaced")
print(folder.get("epochs/small").decode())
"""


def put(where, size, limit=0, within=()):
    command = [*within, sys.executable, "-c", PUT, str(where), str(size), str(limit)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()


def test_a_full_disk_is_said_and_nothing_stays_of_what_did_not_fit(tmp_path):
    mount = f'mount -t tmpfs -o size=400k tmpfs "{tmp_path}"'
    within = ("unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh")
    try:
        subprocess.run([*within, "true"], check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"a small disk cannot be mounted here: {error}")
    said, left, replaced = put(tmp_path, 912_456, within=within)
    assert said == (
        f"{errno.ENOSPC}|{tmp_path}/own/epochs/large: No space left on device "
        "(912,456 bytes were to be written)"
    )
    assert left == "['own/epochs/small']"
    assert replaced == "and replaced"
    prepare = f"from studies.store import Store; Store({str(tmp_path)!r}, 'own').check_writable()"
    fill = f'{mount}; head -c 1000k /dev/zero > "{tmp_path}/fill" 2>/dev/null; exec "$@"'
    command = ["unshare", "-m", "sh", "-c", fill, "sh", sys.executable, "-c", prepare]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    last = answer.stderr.splitlines()[-1]
    assert "UserError" in last
    assert last.endswith(
        "cannot be written to (No space left on device); give another with --results"
    )


def test_a_file_that_may_not_grow_is_said_and_nothing_stays_of_it(tmp_path):
    said, left, replaced = put(tmp_path, 312_456, limit=100_000)
    assert said == (
        f"{errno.EFBIG}|{tmp_path}/own/epochs/large: File too large "
        "(312,456 bytes were to be written)"
    )
    assert left == "['own/epochs/small']"
    assert replaced == "and replaced"


def test_a_folder_in_the_place_of_which_there_is_a_file_is_said(tmp_path):
    (tmp_path / "own").write_text("no folder")
    with pytest.raises(NotWrittenError, match=r"own/a: (File exists|Not a directory) \(1 bytes"):
        Folder(str(tmp_path), "own").put("a", b"1")
    with pytest.raises(UserError, match=r"cannot be written to \((File exists|Not a directory)\)"):
        Store(str(tmp_path), "own").check_writable()


def test_the_error_is_the_same_in_another_process():
    given = NotWrittenError("there", 1_000, OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)))
    found = pickle.loads(pickle.dumps(given))
    assert (str(found), found.errno) == (str(given), errno.EDQUOT)
    assert str(found) == "there: Disk quota exceeded (1,000 bytes were to be written)"


def test_a_local_folder_is_the_same_in_another_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sent = pickle.dumps(Store("results", "own"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert pickle.loads(sent).local_path == tmp_path / "results" / "own"
