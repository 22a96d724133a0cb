"""Opens file systems: the local one, and object stores with the credentials of the machine."""

import os
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.fs

from studies.errors import UserError

#: Seconds until a server that does not answer is given up, and how often it is asked.
_CONNECT, _REQUEST, _TRIES = 5.0, 20.0, 3
#: In the query of a URI, what would be a secret.
_SECRET = re.compile(r"key|secret|token|password|credential|sas|signature", re.IGNORECASE)


def opened(where: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """The file system of a folder or URI, and the folder as that names it.

    Raises:
        UserError: the URI cannot be opened, or has a credential in it.
    """
    if "://" not in where:
        return pyarrow.fs.LocalFileSystem(), str(Path(where).expanduser().absolute())
    refuse_secrets(where)
    try:
        if where.startswith("s3://"):
            address = urlsplit(where)
            return s3(where), unquote(f"{address.netloc}{address.path}").rstrip("/")
        fs, root = pyarrow.fs.FileSystem.from_uri(where)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(
            f"results {where}: {in_a_line(error)}; give a folder or s3://, gs://"
        ) from None
    return fs, root.rstrip("/")


def refuse_secrets(where: str) -> None:
    """See that there is no credential in a URI, which would be written into logs and reports.

    Raises:
        UserError: there is; it does not repeat the URI.
    """
    kind, _, rest = where.partition("://")
    address, _, query = rest.partition("?")
    user, at, _ = address.partition("/")[0].partition("@")
    named = kind in ("s3", "gs") and at and user != "anonymous"
    secret = named or re.search(r":.*@", address)
    if secret or any(_SECRET.search(name) for name in parse_qs(query, keep_blank_values=True)):
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
    address = urlsplit(where)
    options = {name: values[-1] for name, values in parse_qs(address.query).items()}
    if unknown := options.keys() - {"region", "endpoint_override", "scheme"}:
        raise ValueError(f"unknown option {sorted(unknown)[0]!r}")
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


def in_a_line(error: Exception) -> str:
    """An error's text without line breaks."""
    return " ".join(str(error).split())
