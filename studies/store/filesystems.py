"""Opens filesystems: the local one, and object stores with the credentials of the machine."""

import configparser
import contextlib
import os
import re
import shlex
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pyarrow as pa
import pyarrow.fs

from studies import sources
from studies.errors import UserError, shown, unknown

#: Seconds to wait for a connection and for an answer, and how often a request is tried.
_CONNECT, _REQUEST, _TRIES = 5.0, 5.0, 3
#: Seconds for which Google's client tries again; its default is a quarter of an hour.
_RETRYING = 20
#: Kinds of URIs that can hold results. pyarrow opens others too, and one is lost with the process.
KINDS = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs", "file")
#: Kinds of URIs that are taken for one even where a slash is missing.
_TAKEN_FOR_URIS = (*KINDS, "http", "https", "ftp")
#: Control characters, and bytes of an argument that are not UTF-8 (surrogates).
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
#: The options that the query of an S3 URI may have.
_OPTIONS = ("endpoint_override", "region", "scheme")
#: Names of options in the query of a URI whose values would be secrets.
_SECRET = re.compile(r"key|secret|token|password|credential|sas|signature", re.IGNORECASE)


def canonical(where: str) -> str:
    """Return the one spelling of a folder or URI.

    A URI's kind is in lower case. Slashes are single, and none is at the end. A space and other
    characters may be written as in a URI (``%20``) or as they are; ``%`` itself is ``%25``. A
    local folder is an absolute path, in which ``%`` has no meaning.

    Raises:
        UserError: it is no folder and no URI, or could mean two things.
    """
    kind, colon, rest = where.strip().partition(":")
    kind = kind.lower()
    if not where.strip():
        raise UserError("results: an empty name; give a folder or s3://BUCKET/FOLDER")
    is_uri = kind in _TAKEN_FOR_URIS or (rest.startswith("//") and "/" not in kind)
    if not colon or not is_uri:
        folder = str(sources.expanded(where).absolute())
        check_characters(where, folder)
        return f"/{folder.lstrip('/')}"
    check_characters(where, where.strip())
    check(f"{kind}:{rest}")
    if kind not in KINDS:
        known = ", ".join(f"{known}://" for known in KINDS)
        raise UserError(f"results {where}: {kind}:// can hold no results; give a folder or {known}")
    if not rest.startswith("//"):
        slashes = "///" if kind == "file" else "//"
        path = rest.lstrip("/")
        raise UserError(f"results {where}: write {kind}:{slashes}{path}, or ./{where} for a folder")
    address, mark, query = rest[2:].partition("?")
    if re.search("%(?![0-9A-Fa-f]{2})", address):
        raise UserError(f"results {where}: % begins a code such as %20; write %25 for % itself")
    host, _, path = address.partition("/")
    if not host and kind not in ("file", "hdfs", "viewfs"):
        raise UserError(f"results {where}: there is no bucket in it; write {kind}://BUCKET/FOLDER")
    if kind == "file" and (mark or "#" in address):
        raise UserError(
            f"results {where}: a file:// URI takes no options; write %3F for ? and %23 for #"
        )
    if kind == "file" and host not in ("", "localhost"):
        raise UserError(f"results {where}: write file:///{host}/{path} for a local folder")
    try:
        names = [unquote(name, errors="strict") for name in (host, *path.split("/"))]
    except UnicodeDecodeError:
        raise UserError(
            f"results {where}: its codes such as %FF are no UTF-8; name another folder"
        ) from None
    host, *names = names[0], *filter(None, names[1:])
    for name in (host, *names):
        if name in (".", "..") or "/" in name:
            raise UserError(
                f"results {where}: {name!r} is no name of a folder; write the whole path"
            )
        check_characters(where, name)
    if kind == "file":
        return f"/{'/'.join(names)}"
    path = quote("/".join([host, *names]), safe="/@:+,;=~$&!*'()")
    return f"{kind}://{path}{mark}{query}"


def check_characters(where: str, name: str) -> None:
    """Refuse a name that no filesystem takes, or that a terminal shows as something else.

    Raises:
        UserError: it has a control character, or bytes that are not UTF-8.
    """
    if _UNUSABLE.search(name):
        raise UserError(
            f"results {where}: {shown(name)} has a control character, or bytes that are not UTF-8; "
            "name another folder"
        )


def opened(where: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """Return the filesystem of a folder or URI, and the path of the folder on it.

    Args:
        where: the folder or URI in its canonical spelling.

    Raises:
        UserError: the URI cannot be opened, or contains a credential.
    """
    if "://" not in where:
        return pyarrow.fs.LocalFileSystem(), where
    check(where)
    try:
        if where.startswith(("gs://", "gcs://")) and "retry_limit_seconds=" not in where:
            limit = f"{'&' if '?' in where else '?'}retry_limit_seconds={_RETRYING}"
            fs, root = pyarrow.fs.FileSystem.from_uri(where + limit)
        elif where.startswith("s3://"):
            address = urlsplit(where, allow_fragments=False)
            fs, root = s3(where), unquote(f"{address.netloc}{address.path}")
        else:
            fs, root = pyarrow.fs.FileSystem.from_uri(where)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(
            f"results {where}: {reason(error)}; give a folder or s3://, gs://"
        ) from None
    return fs, root.rstrip("/")


def check(where: str) -> None:
    """Refuse a URI that contains a credential, which would be written into logs and reports.

    Raises:
        UserError: it contains one, or may contain one; the message does not repeat the URI.
    """
    kind, _, rest = where.partition("://")
    address, _, query = rest.partition("?")
    # A bucket's name contains neither ":" nor "@"; a secret may contain a slash.
    host = address.partition("/")[0].removeprefix("anonymous@" if kind in ("gs", "gcs") else "")
    user = re.search(r":.*@", address) or (kind in ("s3", "gs", "gcs") and re.search("[:@]", host))
    names = parse_qs(query, keep_blank_values=True)
    if user or "@" in query or any(_SECRET.search(name) for name in names):
        raise UserError(
            f"results {kind}://...: there are credentials in the URI, which would be recorded; "
            f"give {kind}://BUCKET/FOLDER, and put them into the environment of every machine: "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or GOOGLE_APPLICATION_CREDENTIALS"
        )


def s3(where: str, *, at_once: bool = True) -> pyarrow.fs.S3FileSystem:
    """Return the filesystem of an S3 URI, with credentials from the environment.

    Args:
        where: the URI; its query may have `region`, `endpoint_override` and `scheme`.
        at_once: whether small objects are sent in one request. Large objects must not be: if their
            upload could not begin, an empty object would appear.

    Raises:
        ValueError: the query has another option, or there is no bucket.
        OSError: the bucket's region is unknown.
    """
    address = urlsplit(where, allow_fragments=False)
    given = parse_qs(address.query, keep_blank_values=True)
    options = {name: values[-1] for name, values in given.items()}
    if unknown := options.keys() - set(_OPTIONS):
        raise ValueError(f"unknown option {sorted(unknown)[0]!r}; known: {', '.join(_OPTIONS)}")
    if not address.netloc:
        raise ValueError("there is no bucket in it")
    endpoint = _endpoint()
    if endpoint and "endpoint_override" not in options:
        scheme, slashes, host = endpoint.rstrip("/").rpartition("://")
        options |= {"endpoint_override": host} | ({"scheme": scheme} if slashes else {})
    if "region" not in options:
        region = _of_machine("AWS_REGION", "AWS_DEFAULT_REGION") or _of_profile().get("region", "")
        # A store other than AWS has no regions, so AWS need not be asked for one.
        region = region or ("us-east-1" if "endpoint_override" in options else "")
        options["region"] = region or pyarrow.fs.resolve_s3_region(address.netloc)
    return pyarrow.fs.S3FileSystem(
        **options,
        allow_delayed_open=at_once,
        connect_timeout=_CONNECT,
        request_timeout=_REQUEST,
        retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=_TRIES),
    )


def _of_machine(*names: str) -> str:
    """Return the first of some environment variables that is set; empty if none is."""
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _endpoint() -> str:
    """Return the address of the S3 server, from the environment or from the profile; or empty."""
    given = _of_machine("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    ignored = _of_machine("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").lower() == "true"
    return given or ("" if ignored else _of_profile().get("endpoint_url", ""))


def _of_profile() -> dict[str, str]:
    """Return the options of the machine's AWS profile; those of its service `s3` come first.

    pyarrow takes the credentials of a profile, but not its endpoint.

    Raises:
        ValueError: a file of profiles cannot be read.
        UserError: the environment names a profile that is in none of them.
    """
    profile = _of_machine("AWS_PROFILE", "AWS_DEFAULT_PROFILE") or "default"
    path = _of_machine("AWS_CONFIG_FILE") or "~/.aws/config"
    config = _sections(path)
    of_profiles: dict[str, dict[str, str]] = {}
    for name in sorted(config):  # what [profile default] says counts more than [default]
        if name == "default" or name.startswith("profile "):
            of_profiles.setdefault(name.removeprefix("profile "), {}).update(config[name])
    if profile != "default" and profile not in of_profiles:
        # The other file has the profiles' credentials, and nothing that is needed here.
        other = _of_machine("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
        known = {*of_profiles, *_sections(other)}
        if profile not in known:
            raise unknown(f"AWS profile (in neither {path} nor {other})", profile, known)
    options = of_profiles.get(profile, {})
    of_s3 = config.get(f"services {options.get('services', '')}", {}).get("s3", "")
    pairs = (line.partition("=") for line in of_s3.splitlines())
    return options | {key.strip(): value.strip() for key, _, value in pairs if value}


def _sections(path: str) -> dict[str, dict[str, str]]:
    """Return the sections of a file of AWS profiles; none if there is no file, or no home.

    Raises:
        ValueError: it cannot be read.
    """
    file = configparser.ConfigParser(interpolation=None, strict=False, default_section="")
    try:
        file.read(sources.expanded(path), encoding="utf-8")
        # A name may be quoted, as in [profile "my lab"].
        return {" ".join(shlex.split(name)): dict(file[name]) for name in file.sections()}
    except (configparser.Error, ValueError) as error:
        raise ValueError(f"{path} cannot be read ({type(error).__name__})") from None
    except UserError:
        return {}


def listed(fs: pyarrow.fs.FileSystem, folder: str) -> list[pyarrow.fs.FileInfo]:
    """Return the files and folders in a folder; none if it does not exist.

    Raises:
        OSError: it cannot be read, or its bucket does not exist.
    """
    infos: list[pyarrow.fs.FileInfo]
    infos = fs.get_file_info(pyarrow.fs.FileSelector(folder, allow_not_found=True))
    if not infos and isinstance(fs, pyarrow.fs.S3FileSystem):
        bucket = fs.get_file_info(folder.partition("/")[0])
        if bucket.type == pyarrow.fs.FileType.NotFound:
            raise OSError("NO_SUCH_BUCKET")
    return infos


#: What a store's error messages mean, by a pattern in them.
_MEANINGS = {
    "NO_SUCH_BUCKET|Bucket '[^']*' not found": "there is no such bucket; make it first: "
    "`untuned` does not create buckets",
    "ACCESS_DENIED|INVALID_ACCESS_KEY_ID|INVALID_CLIENT_TOKEN_ID|SIGNATURE_DOES_NOT_MATCH|"
    "EXPIRED_TOKEN|UNRECOGNIZED_CLIENT|HTTP status 40[13]": "access denied; the credentials are "
    "taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from ~/.aws",
    "Could not create a OAuth2 access token": "there are no credentials, or Google does not "
    "answer; set GOOGLE_APPLICATION_CREDENTIALS",
}
#: Environment variables whose values no message may repeat.
_HIDDEN = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")


def reason(error: Exception) -> str:
    """Return why a filesystem failed, in one line and without secrets."""
    text = " ".join(str(error).split())
    for pattern, meaning in _MEANINGS.items():
        if re.search(pattern, text):
            return meaning
    if connection := re.search(r"curlCode: \d+, ([^;]+)", text):
        endpoint = ""
        with contextlib.suppress(ValueError, UserError):  # of profiles; an endpoint may be given
            endpoint = _endpoint().rpartition("@")[2]
        return f"no connection to {endpoint or 'AWS'} ({connection[1]})"
    text = re.sub(r" ?\(Request ID: [^)]*\)", "", text)
    for secret in filter(None, map(os.environ.get, _HIDDEN)):
        text = text.replace(secret, "***")
    return text
