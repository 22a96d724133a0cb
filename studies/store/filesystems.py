"""Opens file systems: the local one, and object stores with the credentials of the machine."""

import os
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.fs

from studies.errors import UserError

#: Seconds until a server that does not answer is given up, and how often it is asked.
_CONNECT, _REQUEST, _TRIES = 5.0, 5.0, 3
#: Seconds for which Google's client tries again; by itself it does for a quarter of an hour.
_RETRYING = 20
#: The options that the query of an S3 URI may have.
_OPTIONS = ("endpoint_override", "region", "scheme")
#: In the query of a URI, what would be a secret.
_SECRET = re.compile(r"key|secret|token|password|credential|sas|signature", re.IGNORECASE)


def opened(where: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """The file system of a folder or URI, and the folder as that names it.

    Raises:
        UserError: the URI cannot be opened, or has a credential in it.
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
    """See that there is no credential in a URI, which would be written into logs and reports.

    Raises:
        UserError: there is, or may be; it does not repeat the URI.
    """
    kind, _, rest = where.partition("://")
    address, _, query = rest.partition("?")
    # Of a bucket's name neither is a part; a secret may have a slash in it.
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
    """The file system of an S3 URI, with credentials from the environment.

    Args:
        where: the URI; its query may have `region`, `endpoint_override` and `scheme`.
        at_once: whether small objects are sent in one request. Large ones must not be opened like
            that: where their upload cannot begin, an empty object would appear in their place.

    Raises:
        ValueError: the query has something else, or there is no bucket.
        OSError: the bucket's region is not known.
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
    if "region" not in options:  # a store of one's own has none, and AWS is not asked
        known = _of_machine("AWS_REGION", "AWS_DEFAULT_REGION")
        known = known or ("us-east-1" if "endpoint_override" in options else "")
        options["region"] = known or pyarrow.fs.resolve_s3_region(address.netloc)
    return pyarrow.fs.S3FileSystem(
        **options,
        allow_delayed_open=at_once,
        connect_timeout=_CONNECT,
        request_timeout=_REQUEST,
        retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=_TRIES),
    )


def _of_machine(*names: str) -> str:
    """The first of some environment variables that is set; empty if none is."""
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def listed(fs: pyarrow.fs.FileSystem, folder: str) -> list[pyarrow.fs.FileInfo]:
    """What lies in a folder; nothing if it is not there.

    Raises:
        OSError: it cannot be read, or is in a bucket that is not there.
    """
    found: list[pyarrow.fs.FileInfo]
    found = fs.get_file_info(pyarrow.fs.FileSelector(folder, allow_not_found=True))
    if not found and isinstance(fs, pyarrow.fs.S3FileSystem):
        bucket = fs.get_file_info(folder.partition("/")[0])
        if bucket.type == pyarrow.fs.FileType.NotFound:
            raise OSError("NO_SUCH_BUCKET")
    return found


#: What a store's answers mean, by what is found in them.
_MEANINGS = {
    "NO_SUCH_BUCKET|Bucket '[^']*' not found": "there is no such bucket; make it first, as "
    "`untuned` makes none",
    "ACCESS_DENIED|INVALID_ACCESS_KEY_ID|INVALID_CLIENT_TOKEN_ID|SIGNATURE_DOES_NOT_MATCH|"
    "EXPIRED_TOKEN|UNRECOGNIZED_CLIENT|HTTP status 40[13]": "access denied; the credentials are "
    "looked for in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, then in ~/.aws",
    "Could not create a OAuth2 access token": "there are no credentials, or Google does not "
    "answer; set GOOGLE_APPLICATION_CREDENTIALS",
}
#: Environment variables whose values no message may repeat.
_HIDDEN = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")


def reason(error: Exception) -> str:
    """Why a file system failed, in a line and without what is secret."""
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
