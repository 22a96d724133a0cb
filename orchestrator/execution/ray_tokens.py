"""Whether a cluster asks for a token, and whether this machine would send one.

Ray leaves that to RAY_AUTH_MODE on either side. Where the two differ, Ray itself tries for a long
time, and then says that it cannot connect, or waits for ever.
"""

import contextlib
import os
from pathlib import Path

from studies.errors import UserError

#: Seconds within which a cluster's head must answer.
_SECONDS = 2.0
#: The call of Ray's head that shows whether it asks for a token.
_CHECK_ALIVE = "/ray.rpc.NodeInfoGcsService/CheckAlive"
#: Where a token comes from and goes to; "put" comes before it.
REMEDY = (
    "the token that `ray get-auth-token` prints on the head into RAY_AUTH_TOKEN or "
    "~/.ray/auth_token"
)


def check_automatic() -> None:
    """Check, as `check`, the cluster that Ray finds for ``auto``, if it finds one."""
    from ray._private import services

    try:
        address = services.canonicalize_bootstrap_address("auto")
    except Exception:  # Ray raises it again where the run joins
        return
    # Where Ray finds the cluster by itself, it uses a token if there is one.
    finds_token = "RAY_ADDRESS" not in os.environ and has_token()
    default = "token" if finds_token else ""
    if address:
        check(address, os.environ.get("RAY_AUTH_MODE", default))


def check(address: str, mode: str | None = None) -> None:
    """Refuse a setting of this machine under which Ray would fail to join, or wait for ever.

    Args:
        address: HOST:PORT of the cluster's head.
        mode: what Ray takes RAY_AUTH_MODE for; what it is if not given.

    Raises:
        UserError: only one of the two sides asks for a token, or there is none here.
    """
    is_asked = _asks_for_token(address)
    mode = (mode or os.environ.get("RAY_AUTH_MODE", "")).lower()
    if is_asked and mode != "token":
        raise UserError(
            f"--address {address}: the cluster requires a token; set RAY_AUTH_MODE=token, and put "
            f"{REMEDY}"
        )
    if mode == "token" and not has_token():
        raise missing_here()
    if mode == "token" and is_asked is False:
        raise UserError(
            f"--address {address}: the cluster asks for no token, and a run that uses one would "
            "wait for ever; set RAY_AUTH_MODE=disabled, or start the cluster anew with "
            "RAY_AUTH_MODE=token"
        )


def missing_here() -> UserError:
    """Return the error of a machine that is to use a token and has none."""
    return UserError(
        f"RAY_AUTH_MODE=token: there is no token here; put {REMEDY}; or set "
        "RAY_AUTH_MODE=disabled if the cluster has none"
    )


def _asks_for_token(address: str) -> bool | None:
    """Return whether a cluster's head answers only those who have a token; None if not known.

    Ray itself tries for 20 seconds and then says that it cannot connect.
    """
    try:
        import grpc

        with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
            channel.unary_unary(_CHECK_ALIVE)(b"", timeout=_SECONDS)
    except ModuleNotFoundError:
        return None
    except grpc.RpcError as error:
        is_denied = error.code() is grpc.StatusCode.UNAUTHENTICATED
        return True if is_denied else None
    return False


def has_token() -> bool:
    """Return whether Ray finds a token here."""
    path = os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token"
    with contextlib.suppress(OSError, RuntimeError):  # there is no home, or it cannot be read
        return bool(os.environ.get("RAY_AUTH_TOKEN")) or Path(path).expanduser().is_file()
    return False
