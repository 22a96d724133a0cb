"""Opens filesystems: the local one, and object stores with the credentials of the machine."""

import os
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.fs

from studies.errors import UserError

#: Seconds to wait for a connection and for an answer, and how often a request is tried.
_CONNECT, _REQUEST, _TRIES = 5.0, 5.0, 3
#: Seconds for which Google's client tries again; its default is a quarter of an hour.
_RETRYING = 20
#: The options that the query of an S3 URI may have.
_OPTIONS = ("endpoint_override", "region", "scheme")
#: Names of options in the query of a URI whose values would be secrets.
_SECRET = re.compile(r"key|secret|token|password|credential|sas|signature", re.IGNORECASE)


def opened(where: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """Return the filesystem of a folder or URI, and the path of the folder on it.

    Raises:
        UserError: the URI cannot be opened, or contains a credential.
    """
    if "://" not in where:
        return pyarrow.fs.LocalFileSystem(), str(Path(where).expanduser().absolute())
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
    endpoint = _of_machine("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    if endpoint and "endpoint_override" not in options:
        scheme, slashes, host = endpoint.rstrip("/").rpartition("://")
        options |= {"endpoint_override": host} | ({"scheme": scheme} if slashes else {})
    if "region" not in options:
        region = _of_machine("AWS_REGION", "AWS_DEFAULT_REGION")
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
        endpoint = _of_machine("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL").rpartition("@")[2]
        return f"no connection to {endpoint or 'AWS'} ({connection[1]})"
    text = re.sub(r" ?\(Request ID: [^)]*\)", "", text)
    for secret in filter(None, map(os.environ.get, _HIDDEN)):
        text = text.replace(secret, "***")
    return text
