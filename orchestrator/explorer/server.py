"""Serves the page of `untuned explore` on loopback."""

import logging
import socket
from collections.abc import Callable

from analysis.tables import Results
from studies.errors import UserError

_HOST = "127.0.0.1"


def serve(read: Callable[[], Results], port: int, ready: Callable[[str], object]) -> None:
    """Serve the page until the process is interrupted.

    Args:
        read: reads the results; called again for each refresh.
        port: on loopback; 0 for any free one.
        ready: is called with the page's address once the server listens.

    Raises:
        UserError: a package is missing, there are no results, or the port is not free.
    """
    try:
        from werkzeug.serving import make_server

        from orchestrator.explorer import page
    except ModuleNotFoundError as error:
        if error.name not in ("dash", "dash_ag_grid", "plotly", "flask", "werkzeug"):
            raise
        raise UserError(
            f"explore needs {error.name}: pip install 'untuned[explore]' brings it"
        ) from None
    from orchestrator.explorer.data import Live

    listening = _listen(port)
    with listening:
        live = Live(read)
        if live.results.trials.empty:
            raise UserError(
                f"{', '.join(live.results.names)}: no trial is finished yet; run it first, or wait"
            )
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for each request
        app = page.make(live)
        number = listening.getsockname()[1]
        server = make_server(_HOST, number, app.server, threaded=True, fd=listening.fileno())
        ready(f"http://{_HOST}:{number}/")
        server.serve_forever()


def _listen(port: int) -> socket.socket:
    """Return a socket on loopback.

    Raises:
        UserError: the port is taken or not allowed.
    """
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((_HOST, port))
    except OSError as error:
        opened.close()
        raise UserError(
            f"--port {port}: {error.strerror}; give another one, or leave it out"
        ) from None
    opened.listen()
    return opened
