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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    try:
        until = time.monotonic() + 60
        while True:
            try:
                made = urllib.request.Request(f"{url}/{bucket}", method="PUT")
                urllib.request.urlopen(made, timeout=5).close()
                break
            except OSError:
                assert server.poll() is None
                assert time.monotonic() < until
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
