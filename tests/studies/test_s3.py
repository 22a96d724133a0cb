"""Results on a real S3 endpoint: whole or not at all, and no credential anywhere."""

import contextlib
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from s3_support import SECRET, served

import analysis
from studies.errors import UserError
from studies.store import Store, filesystems, part_files, studies_in
from studies.store.compaction import compact
from studies.store.finished import failure_logs, finished
from studies.store.folder import Folder, NotWrittenError
from studies.store.forgetting import forget
from studies.store.importing import compared
from studies.store.writer import Writer
from studies.study import find


@pytest.fixture(scope="module")
def endpoint():
    with served() as environment, pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3"):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield environment


@pytest.fixture
def uri(endpoint, request):
    return f"s3://results/{re.sub('[^a-z0-9_]', '-', request.node.name)}"


def keys(uri):
    """What the server says is in a bucket, by itself."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    url = f"{os.environ['AWS_ENDPOINT_URL']}/{bucket}?list-type=2&prefix={prefix}"
    text = urllib.request.urlopen(url, timeout=10).read().decode()
    found = [chunk.partition("</Key>")[0] for chunk in text.split("<Key>")[1:]]
    return [key for key in found if not key.endswith("/")]


def test_trials_are_taken_over_dropped_and_deleted_there(uri, trial, record, tmp_path):
    source, target = Store(str(tmp_path), "own"), Store(uri, "own")
    source.definitions.record(find("digits"))
    writer = Writer(source)
    for seed in (1, 2):
        record(writer, trial(seed))
    writer.flush()
    compared(source, target).run()
    assert finished(target).ids == {trial(1).trial_id, trial(2).trial_id}
    assert target.definitions.recorded() == source.definitions.recorded()
    assert target.size() > 1000
    forget(target, {finished(target).row(trial(1).trial_id)["attempt"]})
    assert finished(target).ids == {trial(2).trial_id}
    assert list(target.forgotten.all()) == [trial(1).trial_id]
    later = find("digits").model_copy(update={"margin": 1.0})
    target.definitions.record(later)
    target.definitions.drop(later)
    assert target.definitions.all() == [find("digits")]
    beside = Store(uri, "beside")
    beside.definitions.record(find("digits"))
    target.delete()
    assert all("/beside/" in key for key in keys(uri))
    assert studies_in(uri) == ["beside"]


@pytest.mark.parametrize("ending", ["", "/", "/deep/er"])
def test_a_study_lives_there_as_on_a_disk(uri, ending, trial, record):
    where = uri + ending
    store = Store(where, "own")
    store.check_writable()
    store.definitions.record(find("digits"))
    writer = Writer(store)
    for seed in range(1, 5):
        record(writer, trial(seed))
        writer.flush()
    writer.fail(trial(5), writer.attempt(), "here", "ValueError: x", "Traceback ...")
    writer.flush()
    assert len(finished(store).ids) == 4
    assert list(failure_logs(store, finished(store).ids)) == [trial(5).trial_id]
    assert store.definitions.all() == [find("digits")]
    assert studies_in(where) == ["own"]
    assert store.uri == f"{where.rstrip('/')}/own"
    store.heartbeats.write("0-me", b"{}")
    assert store.heartbeats.read_all() == {"0-me": b"{}"}
    store.heartbeats.remove("0-me")
    assert store.heartbeats.read_all() == {}
    store.checkpoints.save("abc", b"one")
    store.checkpoints.save("abc", b"two")
    assert store.checkpoints.load("abc") == b"two"
    assert compact(store)["trials"].after == 1
    assert len(finished(store).ids) == 4
    merged = set(store.tables.parts("trials").where.values())
    assert store.tables.dataset("trials", merged).count_rows() == 4


def test_it_travels_without_credentials_and_opens_with_those_of_the_machine(uri, trial, record):
    store = Store(uri, "own")
    content = pickle.dumps(store)
    assert SECRET.encode() not in content
    assert os.environ["AWS_ENDPOINT_URL"].encode() not in content
    writer = Writer(pickle.loads(content))
    record(writer, trial())
    writer.flush()
    assert len(finished(store).ids) == 1


@pytest.mark.parametrize(
    "where",
    [
        f"s3://key:{SECRET}@results/x",
        f"s3://key:top/{SECRET}@results/x",
        f"s3://{SECRET}@results/x",
        f"s3://key:{SECRET}/x",
        f"s3://results/x?endpoint_override=http://key:{SECRET}@host",
        f"s3://results/x?access_key=key&secret_key={SECRET}",
        f"gs://key:{SECRET}@results/x",
        f"gs://results/x?access_token={SECRET}",
        f"abfs://c@account.dfs.core.windows.net/x?client_secret={SECRET}",
        f"nonsense://key:{SECRET}@x",
    ],
)
def test_credentials_in_a_uri_are_refused_and_not_repeated(where):
    for opened in (lambda uri: Store(uri, "own"), analysis.load):
        with pytest.raises(UserError, match="credentials in the URI") as caught:
            opened(where)
        assert SECRET not in str(caught.value)


def test_a_uri_of_credentials_and_no_folder_is_not_repeated():
    with pytest.raises(UserError, match="credentials in the URI"):
        analysis.load(f"s3://key:{SECRET}@results")


@pytest.mark.parametrize(
    "where", ["gs://anonymous@bucket/x", "abfss://c@account.dfs.core.windows.net/x", "s3://b/a@b"]
)
def test_what_is_no_credential_is_let_through(where):
    filesystems.check(where)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("s3://", "there is no bucket in it"),
        ("s3:///x", "there is no bucket in it"),
        ("s3://results/x?colour=red", "unknown option 'colour'; known: endpoint_override, region"),
        ("s3://results/x?colour", "unknown option 'colour'"),
        ("nonsense://x", "nonsense:// can hold no results; give a folder or s3://"),
    ],
)
def test_what_is_no_uri_is_refused_in_a_line(endpoint, where, message):
    with pytest.raises(UserError, match=message) as caught:
        Store(where, "own")
    assert "\n" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_said(endpoint):
    store = Store("s3://nobucket/x", "own")
    with pytest.raises(UserError, match=r"cannot be written to \(there is no such bucket; make it"):
        store.check_writable()
    for look in (
        store.definitions.all,
        lambda: finished(store),
        lambda: studies_in("s3://nobucket"),
    ):
        with pytest.raises(UserError, match=r"cannot be read \(there is no such bucket; make it"):
            look()


def test_a_server_that_denies_access_is_asked_once_and_said(endpoint, patient, monkeypatch):
    asked = []
    with _proxy(refused=lambda method: asked.append(method) or True) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(UserError, match=r"cannot be read \(access denied; the credentials are"):
            finished(Store("s3://results/x", "own"))
    assert asked == ["GET"]


def test_no_message_repeats_a_secret(endpoint):
    said = filesystems.reason(OSError(f"the key {SECRET}\nis not known (Request ID: abc)"))
    assert said == "the key *** is not known"


def test_a_server_that_is_not_there_is_said(monkeypatch, nobodys_port):
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobodys_port}")
    with pytest.raises(
        UserError, match=rf"no connection to http://127.0.0.1:{nobodys_port} \(Could"
    ):
        finished(Store("s3://results/x", "own"))
    with pytest.raises(
        NotWrittenError, match=r"results/x/own/a\?region=r: no connection .* \(1 byte"
    ):
        Folder("s3://results/x?region=r", "own").put("a", b"1")


def test_googles_client_gives_up_too(monkeypatch, nobodys_port):
    monkeypatch.setattr(filesystems, "_RETRYING", 1)  # and not within a quarter of an hour
    where = f"gs://anonymous@results/x?endpoint_override=127.0.0.1:{nobodys_port}&scheme=http"
    store = Store(where, "own")
    assert store.uri == where.replace("/x?", "/x/own?")
    with pytest.raises(UserError, match=r"cannot be read .*[Cc]ould not connect|CURL error"):
        finished(store)


@pytest.mark.parametrize("size", [10, 12_000_000])
def test_an_upload_that_the_server_refuses_leaves_nothing(uri, size, monkeypatch):
    """The first answer to it is a refusal, from a proxy before the real server."""
    with _proxy(refused=lambda method: method in ("PUT", "POST")) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(NotWrittenError, match=rf"own/a: .*\({size:,} bytes were to be"):
            Folder(uri, "own").put("a", bytes(size))
    monkeypatch.undo()
    assert keys(uri) == []


@pytest.fixture
def patient(monkeypatch):
    """A client that does not ask again where an answer is late."""
    for name in ("_CONNECT", "_REQUEST"):
        monkeypatch.setattr(filesystems, name, 600.0)


def test_a_part_is_one_request(uri, patient):
    requests = []
    with (
        _proxy(refused=lambda method: requests.append(method)) as port,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        Folder(uri, "own").put("a", bytes(100_000))
    assert requests == ["PUT"]
    assert keys(uri) == [f"{uri.removeprefix('s3://results/')}/own/a"]


WRITER = """
import sys
from studies.store import Store
store = Store(sys.argv[1], "own")
print("ready", flush=True)
store.tables.put("layers", bytes(int(sys.argv[2])), "writer", 1)
print("done", flush=True)
"""


@pytest.mark.cluster
@pytest.mark.parametrize("size", [3_000_000, 30_000_000])
def test_a_writer_that_is_killed_in_mid_upload_leaves_no_part(uri, size):
    with _proxy(bytes_each_second=1_000_000) as port:
        environment = os.environ | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        command = [sys.executable, "-c", WRITER, uri, str(size)]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout.readline() == "ready\n"
            while not _proxy.passed > 500_000:  # in the middle of it
                assert writer.poll() is None
                time.sleep(0.02)
            writer.send_signal(signal.SIGKILL)
            assert writer.stdout.read() == ""
    time.sleep(0.5)
    store = Store(uri, "own")
    # S3 takes no body that ends early; this server does, and the part's name gives it away.
    found = store.tables.parts("layers")
    assert not found.where
    assert len(found.damaged) == len(keys(uri)) <= (size < 5_000_000)
    for part in found.damaged:
        store.tables.set_aside("layers", part)
    store.tables.put("layers", bytes(size), "writer", 1)
    found = store.tables.parts("layers")
    assert (len(found.where), found.damaged) == (1, ())


def test_nothing_is_deleted_before_the_merged_part_is_there(uri, trial, record, monkeypatch):
    store = Store(uri, "own")
    writer = Writer(store)
    for seed in (1, 2, 3):
        record(writer, trial(seed))
        writer.flush()
    seen = []
    real = Folder.delete

    def look_first(folder, path):
        table, _ = path.split("/")
        merged = [key for key in keys(uri) if f"/{table}/{part_files.MERGED}" in key]
        seen.append(bool(merged))
        real(folder, path)

    monkeypatch.setattr(Folder, "delete", look_first)
    compact(store)
    assert len(seen) == 9
    assert all(seen)
    assert len(finished(store).ids) == 3


def test_nothing_is_deleted_where_the_merged_part_does_not_read_back(
    uri, trial, record, monkeypatch
):
    store = Store(uri, "own")
    writer = Writer(store)
    for seed in (1, 2):
        record(writer, trial(seed))
        writer.flush()
    before = keys(uri)
    real = Folder.put
    monkeypatch.setattr(  # a store that loses the end of what it takes
        Folder, "put", lambda self, path, content, **how: real(self, path, content[:-1], **how)
    )
    with pytest.raises(OSError, match=r"layers/merged.*does not read back as it was written"):
        compact(store)
    monkeypatch.undo()
    assert set(before) < set(keys(uri))
    assert len(finished(store).ids) == 2


def test_the_region_is_that_of_the_machine(endpoint, monkeypatch):
    assert filesystems.s3("s3://results/x").region == "us-east-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert filesystems.s3("s3://results/x").region == "eu-central-1"
    assert filesystems.s3("s3://results/x?region=eu-west-3").region == "eu-west-3"


@contextlib.contextmanager
def _proxy(refused=lambda method: False, bytes_each_second=None):
    """A proxy before the endpoint, that refuses some requests or passes them on slowly."""
    host, _, port = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://").partition(":")
    listening = socket.create_server(("127.0.0.1", 0))
    _proxy.passed = 0

    def serve(client):
        with (
            contextlib.suppress(OSError),  # a client that gives up
            client,
            socket.create_connection((host, int(port))) as server,
        ):
            first = client.recv(65536)
            if refused(first.split(b" ")[0].decode()):
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            back = threading.Thread(target=_pass, args=(server, client, None), daemon=True)
            back.start()
            server.sendall(first)
            _pass(client, server, bytes_each_second)
            back.join(5)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


def _pass(source, target, bytes_each_second):
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            if bytes_each_second:
                _proxy.passed += len(chunk)
                time.sleep(len(chunk) / bytes_each_second)
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)


def test_the_endpoint_and_the_region_of_a_profile_are_used(uri, monkeypatch, tmp_path):
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    config = tmp_path / "config"
    config.write_text(f"[profile lab]\nendpoint_url = {endpoint}\nregion = us-east-1\n")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    Folder(uri, "study").put("x", b"1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert [key.rpartition("/")[2] for key in keys(uri)] == ["x"]


def test_every_spelling_of_a_uri_finds_the_same_objects(uri):
    Folder(f"{uri}/a b", "study").put("x", b"1")
    for spelt in (f"{uri}/a%20b/", f"{uri}//a b//", f"S3{uri[2:]}/a%20b"):
        assert Folder(spelt, "study").get("x") == b"1"
        assert Folder(spelt, "study").uri == f"{uri}/a%20b/study"
