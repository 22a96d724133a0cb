"""A real S3 endpoint on loopback: moto's server in a process of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request

SECRET = "topsecret"


@contextlib.contextmanager
def served(bucket="results"):
    """The server's URL, and the environment variables with which a client reaches it."""
    server, url = _started()
    try:
        while not _is_made(f"{url}/{bucket}"):
            if server.poll() is not None:  # another program has taken the port
                server, url = _started()
            time.sleep(0.1)
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "untuned",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    finally:
        server.kill()
        server.wait()


def _started():
    """A server that starts, and its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    return server, f"http://127.0.0.1:{port}"


def _is_made(url):
    """Make a bucket; return whether the server has answered."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=600).close()
    except OSError:
        return False
    return True
