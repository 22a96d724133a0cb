"""Keeps proxies, which are for the world outside, from between us and a cluster."""

import os

#: The names under which a machine talks to itself.
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def bypass(*hosts: str) -> None:
    """Have this process, and those that it starts, talk to hosts without a proxy.

    Args:
        hosts: names or addresses; those of loopback are added.
    """
    # Programs read one of the two spellings, and gRPC its own variable if that is set.
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    for name, value in {
        "no_proxy": known,
        "NO_PROXY": known,
        "no_grpc_proxy": os.environ.get("no_grpc_proxy"),  # noqa: SIM112
    }.items():
        if value is None:
            continue
        names = [text for text in (text.strip() for text in value.split(",")) if text]
        os.environ[name] = ",".join(dict.fromkeys([*names, *_LOOPBACK, *filter(None, hosts)]))
