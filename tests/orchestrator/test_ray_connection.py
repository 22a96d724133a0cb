"""Joining a cluster: what is refused in a line before Ray tries, fails or waits."""

import re
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from orchestrator.execution import ray_tokens
from orchestrator.execution.ray_connection import check_address
from studies.errors import UserError

#: What is said, by whether the cluster asks for a token, RAY_AUTH_MODE, and whether one is here.
REFUSED = {
    (True, None, False): "the cluster requires a token; set RAY_AUTH_MODE=token, and put the token",
    (True, None, True): "the cluster requires a token; set RAY_AUTH_MODE=token, and put the token",
    (True, "token", False): "RAY_AUTH_MODE=token: there is no token here; put the token",
    (True, "token", True): "",
    (True, "disabled", False): "the cluster requires a token; set RAY_AUTH_MODE=token",
    (True, "disabled", True): "the cluster requires a token; set RAY_AUTH_MODE=token",
    (False, None, False): "",
    (False, None, True): "",
    (False, "token", False): "RAY_AUTH_MODE=token: there is no token here; put the token",
    (False, "token", True): "the cluster asks for no token, .*; set RAY_AUTH_MODE=disabled",
    (False, "disabled", False): "",
    (False, "disabled", True): "",
}


class Head(grpc.GenericRpcHandler):
    """Answers as Ray's head does."""

    def __init__(self, asks):
        self._asks = asks

    def service(self, details):
        assert details.method == "/ray.rpc.NodeInfoGcsService/CheckAlive"
        return grpc.unary_unary_rpc_method_handler(self._answer)

    def _answer(self, request, context):
        if self._asks and "authorization" not in dict(context.invocation_metadata()):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "InvalidAuthToken")
        return b""


@pytest.fixture(scope="module", params=[True, False], ids=["with token", "without"])
def head(request):
    """Whether a head asks for a token, and its address."""
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool, [Head(request.param)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield request.param, f"127.0.0.1:{port}"
        server.stop(None).wait()


@pytest.mark.parametrize("has_token", [False, True], ids=["no file", "file"])
@pytest.mark.parametrize("mode", [None, "token", "disabled"])
def test_a_setting_that_does_not_fit_the_cluster_is_refused(
    mode, has_token, head, tmp_path, monkeypatch
):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(ray_tokens, "_SECONDS", 3600.0)
    if mode:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    if has_token:
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray/auth_token").write_text("a" * 64)
    asks, address = head
    message = REFUSED[asks, mode, has_token]
    if not message:
        check_address(address)
        return
    with pytest.raises(UserError) as error:
        check_address(address)
    assert re.search(message, str(error.value))
    assert "\n" not in str(error.value)


def test_rays_words_for_a_worker_that_the_network_hides_are_known():
    from ray.exceptions import ActorDiedError, ActorUnavailableError

    from orchestrator.execution.executors import ray_tune_adapters

    hidden = ActorUnavailableError("RpcError: connection reset", bytes(16))
    assert ray_tune_adapters._OUT_OF_SIGHT.search(str(hidden))
    assert not ray_tune_adapters._OUT_OF_SIGHT.search(str(ActorDiedError()))
