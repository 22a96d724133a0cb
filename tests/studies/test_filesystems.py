"""A folder or URI has one meaning, or is refused in one line."""

import random
import re

import pytest

from studies.errors import UserError
from studies.store import filesystems
from studies.store.folder import Folder


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("s3://b/x", "s3://b/x"),
        ("s3://b", "s3://b"),
        ("s3://b/", "s3://b"),
        ("s3://b//x///y//", "s3://b/x/y"),
        ("S3://b/X", "s3://b/X"),
        (" s3://b/x\n", "s3://b/x"),
        ("s3://b/a b", "s3://b/a%20b"),
        ("s3://b/a%20b", "s3://b/a%20b"),
        ("s3://b/50%25", "s3://b/50%25"),
        ("s3://b/x#y", "s3://b/x%23y"),
        ("s3://b/\u00e4", "s3://b/%C3%A4"),
        ("s3://b/x/?region=eu", "s3://b/x?region=eu"),
        ("gs://b//x/", "gs://b/x"),
        ("gs://anonymous@b/x", "gs://anonymous@b/x"),
        ("file:///a//b/", "/a/b"),
        ("file:///a%20b", "/a b"),
        ("file:///a b", "/a b"),
        ("file:///a%3Fb%23c", "/a?b#c"),
        ("file://localhost/a", "/a"),
        ("/a%20b", "/a%20b"),
        ("//a//b/", "/a/b"),
        ("/a:b/c", "/a:b/c"),
    ],
)
def test_one_spelling(given, canonical):
    assert filesystems.canonical(given) == canonical
    assert filesystems.canonical(canonical) == canonical


def test_a_working_folder_that_cannot_hold_results_is_named(tmp_path, monkeypatch):
    odd = tmp_path / "a\udcff"
    odd.mkdir()
    monkeypatch.chdir(odd)
    with pytest.raises(UserError, match="has a control character, or bytes that are not UTF-8"):
        filesystems.canonical("results")


def test_a_local_folder_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for given in ("x", "./x/", "x//", "s3x", "a:b"):
        assert filesystems.canonical(given) == str(tmp_path / given)
    assert filesystems.canonical("./s3:/b") == str(tmp_path / "s3:" / "b")


def test_the_root_may_hold_results():
    for given in ("/", "//", "file:///"):
        assert (Folder(given, "own").root, Folder(given, "own").uri) == ("/own", "/own")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("s3:/b/x", "write s3://b/x, or ./s3:/b/x for a folder"),
        ("s3:b/x", "write s3://b/x"),
        ("gs:/b", "write gs://b"),
        ("file:/a", "write file:///a"),
        ("file://a/b", "write file:///a/b"),
        ("file:///a?b", "write %3F for ? and %23 for #"),
        ("file:///a#b", "write %3F for ? and %23 for #"),
        ("file:///a/%FF", "its codes such as %FF are no UTF-8"),
        ("s3://b/%ffx", "its codes such as %FF are no UTF-8"),
        (
            "mock:///x",
            "mock:// can hold no results; give a folder or s3://, gs://, gcs://, abfs://",
        ),
        ("MOCK:///x", "results MOCK:///x: mock:// can hold no results"),
        ("fsspec+memory://x", "fsspec+memory:// can hold no results"),
        ("my_store://x", "my_store:// can hold no results"),
        ("https:/x", "https:// can hold no results"),
        ("gs://", "there is no bucket in it; write gs://BUCKET/FOLDER"),
        ("S3:///x", "there is no bucket in it; write s3://BUCKET/FOLDER"),
        ("abfs://", "there is no bucket in it"),
        ("s3://b/50%", "write %25 for % itself"),
        ("s3://b/%zz", "write %25 for % itself"),
        ("s3://b/../x", "'..' is no name of a folder"),
        ("s3://b/a%2Fb", "'a/b' is no name of a folder"),
        ("s3://b%2Fc/x", "'b/c' is no name of a folder"),
        ("s3://../x", "'..' is no name of a folder"),
        ("s3://b/a\udcff", "has a control character, or bytes that are not UTF-8"),
        ("s3://b/a%00", "has a control character, or bytes that are not UTF-8"),
        ("/a\0b", "has a control character, or bytes that are not UTF-8"),
        ("a\udcff", "has a control character, or bytes that are not UTF-8"),
        ("s3://k:v@b/x", "there are credentials in the URI"),
        ("", "an empty name; give a folder"),
        ("  ", "an empty name; give a folder"),
        ("~nobody-of-this-name/x", "there is no such user"),
    ],
)
def test_what_could_mean_two_things_is_refused(given, message):
    with pytest.raises(UserError, match=re.escape(message)):
        filesystems.canonical(given)


@pytest.mark.parametrize("given", ["file:///{}/a%20b/", "{}//a b", "FILE://{}/./a b"])
def test_every_spelling_finds_the_same_files(given, tmp_path):
    Folder(str(tmp_path / "a b"), "study").put("x", b"1")
    where = given.format(tmp_path).replace("/./", "/")
    folder = Folder(where, "study")
    assert folder.get("x") == b"1"
    assert folder.uri == str(tmp_path / "a b" / "study")
    assert folder.is_local


def test_any_text_is_one_folder_or_is_refused():
    rng, ends = random.Random(3), {"refused": 0, "canonical": 0}
    some = "s3 gs file S3 : / // % %20 %2F %00 b .. ? region=eu # @ ~ \u00e9 . & \\ '"
    pieces = [*some.split(), " ", "\n", "\0", "\udcff"]
    for _ in range(5_000):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 8)))
        try:
            one = filesystems.canonical(text)
        except UserError:
            ends["refused"] += 1
            continue
        assert filesystems.canonical(one) == one, text
        assert one.startswith("/") or "://" in one
        assert "//" not in one.partition("://")[2].partition("?")[0]
        ends["canonical"] += 1
    assert min(ends.values()) > 500


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Write the machine's AWS profiles."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text("[keys]\naws_access_key_id = x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return tmp_path / "config"


PROFILES = """\
[default]
endpoint_url = http://default:1
[profile lab]
endpoint_url = http://lab:2
region = north
[profile other]
services = store
endpoint_url = http://wrong:3
[profile "my lab"]
endpoint_url = http://lab:5
[services store]
s3 =
  endpoint_url = http://store:4
dynamodb =
  endpoint_url = http://wrong:5
"""


@pytest.mark.parametrize(
    ("profile", "endpoint"),
    [
        ("", "default:1"),
        ("default", "default:1"),
        ("lab", "lab:2"),
        ("other", "store:4"),
        ("my lab", "lab:5"),
        ("keys", ""),
    ],
)
def test_the_endpoint_of_a_profile_is_used(profile, endpoint, config, monkeypatch):
    config.write_text(PROFILES)
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)
    assert filesystems._endpoint() == (f"http://{endpoint}" if endpoint else "")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert filesystems._endpoint() == ""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://given:6")
    assert filesystems._endpoint() == "http://given:6"


def test_profiles_that_cannot_be_read_are_named(config):
    config.write_text("no section\n")
    with pytest.raises(UserError, match=rf"{config} cannot be read \(MissingSectionHeaderError\)"):
        Folder("s3://b/x", "study")


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_that_does_not_exist_is_named(variable, config, monkeypatch):
    """Its requests would go to AWS, and not to the endpoint that the user meant."""
    config.write_text(PROFILES)
    monkeypatch.setenv(variable, "labb")
    with pytest.raises(UserError, match=r"did you mean lab.* known: default, keys, lab") as error:
        Folder("s3://b/x", "study")
    assert str(error.value).startswith(f"unknown AWS profile (in neither {config} nor ")
    assert "\n" not in str(error.value)
    refusal = OSError("curlCode: 7, Could not connect to server; more")
    assert filesystems.reason(refusal) == "no connection to AWS (Could not connect to server)"
