"""Users without a home, closed descriptors, temporary folders and proxies: it runs, or says why."""

import contextlib
import os
import socket
import subprocess
import sys
import threading

import pytest
from tests_support import UNTUNED, untuned, write_study

from orchestrator import data_places, proxies
from orchestrator.cli import cli
from orchestrator.execution import ray_connection
from studies.errors import UserError

INLINE = ["--executor", "inline", "--seeds", "1", "--epochs", "1", "--only", "method=dense"]
#: Runs a command as a user without a home and without an entry in the list of users.
NOBODY = """
import os, pwd, sys
def unknown(*of): raise KeyError(of)
pwd.getpwuid = pwd.getpwnam = unknown
homes = ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "XDG_CACHE_HOME", "UNTUNED_DATA")
for name in homes:
    os.environ.pop(name, None)
from orchestrator.cli import main
main()
"""


def as_nobody(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-c", NOBODY, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_user_without_a_home_trains_on_what_needs_none(tmp_path):
    write_study(tmp_path)
    answer = as_nobody("run", "own.yaml", *INLINE, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "1 of 1 trials finished" in answer.stdout


def test_a_user_without_a_home_is_told_what_to_set(tmp_path):
    answer = as_nobody("check", "lenet-mnist", cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == (
        "untuned: data set mnist: this user has no home to look for it in; name the folder of the "
        "data sets with --data DIR or UNTUNED_DATA\n"
    )


def test_data_sets_that_are_read_from_no_folder_need_none(monkeypatch):
    monkeypatch.setattr("trainers.datasets.default_root", lambda: None)
    (digits,) = data_places.places([], ["digits"], {}).values()
    assert digits.component == "digits"
    with pytest.raises(UserError, match="data set mnist: this user has no home"):
        data_places.places([], ["mnist"], {})


def test_ray_needs_no_home_no_short_temporary_folder_and_no_open_descriptors(tmp_path):
    """And it is not stopped by a proxy, nor sends anything through it."""
    write_study(tmp_path)
    long = tmp_path / ("x" * 90)
    long.mkdir()
    with listening() as (proxy, through):
        url = f"http://127.0.0.1:{proxy}"
        proxies_ = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "grpc_proxy"), url)
        environment = {"HOME": "/dev/null/none", "TMPDIR": str(long)} | proxies_
        environment["RAY_grpc_enable_http_proxy"] = "1"
        command = [*UNTUNED, "run", "own.yaml", "--seeds", "1", "--workers", "1"]
        answer = subprocess.run(
            ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *command],
            cwd=tmp_path,
            env={k: v for k, v in os.environ.items() if k != "RAY_TMPDIR"} | environment,
            check=False,
        )
    assert answer.returncode == 0
    assert untuned("results", "own", "--csv", "--trials", cwd=tmp_path).stdout.count("\n") == 3
    assert through == []
    assert list(long.iterdir()) == []


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_do_no_harm(closed, tmp_path, capsys):
    """A file that is opened next must not take their numbers."""
    write_study(tmp_path)
    command = [*UNTUNED, "run", "own.yaml", *INLINE]
    answer = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    cli.main(["results", f"{tmp_path}/results/own", "--csv"], standalone_mode=False)
    assert capsys.readouterr().out.count("\n") == 2


def test_a_descriptor_that_is_another_file_does_no_harm(tmp_path):
    """As that of a script whose shell was started with a closed stderr."""
    with (tmp_path / "script").open("w+") as script, open(script.name) as read:  # noqa: PTH123
        command = [*UNTUNED, "status", "none"]
        assert subprocess.run(command, cwd=tmp_path, stderr=read, check=False).returncode == 2


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_the_numbers_of_closed_descriptors_are_taken_for_child_processes():
    code = (
        "import os, subprocess, sys\n"
        "from orchestrator.cli import _output\n"
        "_output.prepare()\n"
        'child = \'import os; print(*map(os.readlink, map("/proc/self/fd/{}".format, (0, 1))),'
        ' file=open(3, "w"))\'\n'
        "subprocess.run([sys.executable, '-c', child], pass_fds=(3,), check=True)\n"
    )
    answer = subprocess.run(
        ["sh", "-c", '"$@" 3>&1 <&- >&-', "sh", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "/dev/null /dev/null\n"


def test_no_folder_for_temporary_files_is_told_in_a_line(tmp_path):
    code = (
        "import tempfile\n"
        "tempfile._candidate_tempdir_list = lambda: ['/nowhere']\n"
        "from orchestrator.cli import main\n"
        "main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, "check", "digits", "--no-estimate"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr == (
        "untuned: temporary files: no folder for them can be written to; set TMPDIR to one that "
        "can\n"
    )


def test_ray_gets_a_folder_whose_path_is_short_enough(monkeypatch, tmp_path):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(long))
    assert ray_connection.folder() == "/tmp"
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/var/tmp")
    assert ray_connection.folder() == "/var/tmp"
    monkeypatch.setattr("tempfile.gettempdir", os.getcwd)  # where no other folder can be written to
    assert ray_connection.folder() == "/tmp"
    monkeypatch.setenv("RAY_TMPDIR", "/tmp/not-yet/there")
    assert ray_connection.folder() == "/tmp/not-yet/there"
    monkeypatch.setenv("RAY_TMPDIR", str(long))
    with pytest.raises(UserError, match=r"too long for the sockets of Ray; set it to a folder"):
        ray_connection.folder()
    monkeypatch.setenv("RAY_TMPDIR", "/dev/null/ray")
    with pytest.raises(UserError, match="RAY_TMPDIR /dev/null/ray: cannot be written to"):
        ray_connection.folder()


def test_the_length_that_ray_needs_is_that_of_its_sockets():
    """Ray's own limit, which it checks when it starts."""
    from ray._private.utils import validate_socket_filepath

    longest = "/" + "x" * (ray_connection._SOCKET - ray_connection._OF_RAY - 1)
    session = "session_2026-11-30_12-00-00_000000_1234567"
    validate_socket_filepath(f"{longest}/ray/{session}/sockets/plasma_store")
    with pytest.raises(OSError, match="cannot exceed"):
        validate_socket_filepath(f"{longest}x/ray/{session}/sockets/plasma_store")


@pytest.mark.parametrize(
    ("before", "names"),
    [
        ({}, ["localhost", "127.0.0.1", "::1", "head"]),
        ({"NO_PROXY": "a, .b,"}, ["a", ".b", "localhost", "127.0.0.1", "::1", "head"]),
        ({"no_proxy": "127.0.0.1,head"}, ["127.0.0.1", "head", "localhost", "::1"]),
    ],
)
def test_hosts_are_added_to_those_that_need_no_proxy(monkeypatch, before, names):
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.setenv(name, "")  # so that it is as before in the end
        monkeypatch.delenv(name)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    proxies.bypass("head")
    proxies.bypass("head", "")
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == ",".join(names)
    assert "no_grpc_proxy" not in os.environ
    monkeypatch.setenv("no_grpc_proxy", "own")
    proxies.bypass()
    assert dict(os.environ)["no_grpc_proxy"] == "own,localhost,127.0.0.1,::1"


@contextlib.contextmanager
def listening():
    """Yield the port of a server, and what it has been asked; it refuses everything."""
    asked = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):  # it was closed
            while True:
                connection, _ = server.accept()
                asked.append(connection.recv(4096).split(b"\r\n")[0])
                connection.sendall(b"HTTP/1.1 502 Refused\r\nContent-Length: 0\r\n\r\n")
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1], asked
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@pytest.mark.parametrize("upper", [False, True])
def test_no_proxy_stands_between_us_and_a_dashboard(upper, tmp_path):
    with listening() as (proxy, through), listening() as (head, directly):
        names = ["http_proxy", "https_proxy", "all_proxy", "grpc_proxy"]
        set_ = {n.upper() if upper else n: f"http://127.0.0.1:{proxy}" for n in names}
        address = f"http://127.0.0.1:{head}"
        answer = untuned("jobs", "--address", address, cwd=tmp_path, **set_)
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"untuned: --address {address}: this is not a Ray dashboard")
    assert through == []
    assert directly


def test_figures_are_drawn_in_processes_where_the_temporary_folder_has_a_long_path(tmp_path):
    """The usual way to start them has a socket in it."""
    long = tmp_path / ("x" * 90)
    long.mkdir()
    code = (
        "import os\n"
        "from analysis import rendering\n"
        "with rendering.renderer(2) as renderer:\n"
        "    assert renderer._executor.submit(os.getpid).result() != os.getpid()\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"TMPDIR": str(long)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_terminal_without_a_size_shows_tables(tmp_path):
    answer = untuned("list", cwd=tmp_path, COLUMNS="0", LINES="0")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == untuned("list", cwd=tmp_path, COLUMNS="80").stdout
    assert "lenet-mnist" in answer.stdout


def test_a_variable_with_a_wrong_value_is_named(tmp_path):
    answer = untuned("run", "digits", cwd=tmp_path, UNTUNED_ENGINE="mkl")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert (
        "(env var: 'UNTUNED_ENGINE'): 'mkl' is not one of 'auto', 'mm', 'onednn'" in answer.stderr
    )
