"""What SageMaker and Vertex AI start a container with, and where they ask it."""

import json
import socket
import subprocess

import pytest
from server import Server, clean_environment
from test_start import attempt


def test_word_that_sagemaker_starts_containers_with(server_program, nano):
    with Server(server_program, "serve", environment={"BGEM3_MODEL": str(nano)}) as server:
        assert server.get("/ping").status_code == 200
        (vector,) = server.post("/invocations", {"inputs": "a text"}).json()
        assert vector == server.post("/embed", {"inputs": "a text"}).json()[0]


@pytest.mark.parametrize("words", [["train"], ["serve", "serve"]], ids=" ".join)
def test_no_other_word_is_taken(server_program, nano, words):
    result = attempt(server_program, "--model", nano, "--port", 0, *words)
    assert result.returncode == 2 and words[-1] in result.stderr


VERTEX = {"AIP_PREDICT_ROUTE": "/v1/endpoints/1/deployedModels/2:predict", "AIP_HEALTH_ROUTE": "/v1/endpoints/1"}


def test_routes_that_vertex_asks(start_stub):
    with start_stub(environment=VERTEX) as server:
        assert server.get(VERTEX["AIP_HEALTH_ROUTE"]).status_code == 200
        body = {"instances": [{"inputs": "a"}, {"inputs": ["b", "c"]}]}
        found = server.post(VERTEX["AIP_PREDICT_ROUTE"], body).json()
        assert [len(vectors) for vectors in found["predictions"]] == [1, 2]
        assert found == server.post("/vertex", body).json()
        assert set(VERTEX.values()) <= server.get("/openapi.json").json()["paths"].keys()


@pytest.mark.parametrize("probe", ["/", "/health", "/ready", "/ping"])
def test_routes_that_vertex_may_share(start_stub, probe):
    """Those of the server that mean the same."""
    with start_stub(environment={"AIP_PREDICT_ROUTE": "/vertex", "AIP_HEALTH_ROUTE": probe}) as server:
        assert server.get(probe).status_code == 200
        assert len(server.post("/vertex", {"instances": [{"inputs": "a"}]}).json()["predictions"]) == 1


def test_predict_route_needs_a_key(start_stub):
    with start_stub(environment={**VERTEX, "BGEM3_API_KEYS": "a key"}) as server:
        assert server.get(VERTEX["AIP_HEALTH_ROUTE"]).status_code == 200
        body = {"instances": [{"inputs": "a"}]}
        assert server.post(VERTEX["AIP_PREDICT_ROUTE"], body).status_code == 401
        assert server.post(VERTEX["AIP_PREDICT_ROUTE"], body, headers={"x-api-key": "a key"}).status_code == 200


@pytest.mark.parametrize(
    ("port", "environment"), [(True, {}), (False, {"BGEM3_PORT": "0"})], ids=["alone", "beside ours"]
)
def test_port_that_vertex_wants(server_program, nano, port, environment):
    """Unless ours says another: that one is a free one here."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        wanted = free.getsockname()[1]
    command = [server_program, "--model", str(nano)]
    told = clean_environment({"AIP_HTTP_PORT": str(wanted), **environment})
    with subprocess.Popen(command, env=told, stdout=subprocess.PIPE) as process:
        found = next(json.loads(line)["port"] for line in process.stdout if b'"listening"' in line)
        process.terminate()
        assert process.wait(timeout=20) == 0
    assert (found == wanted) is port


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("AIP_HTTP_PORT", "http", 2),
        ("AIP_HTTP_PORT", "65536", 2),
        ("AIP_HTTP_PORT", "-1", 2),
        ("AIP_HTTP_PORT", "80 ", 2),
        ("AIP_PREDICT_ROUTE", "predict", 2),
        ("AIP_PREDICT_ROUTE", "/a?b", 2),
        ("AIP_HEALTH_ROUTE", "/{id}", 2),
        ("AIP_HEALTH_ROUTE", "/a b", 2),
        ("AIP_PREDICT_ROUTE", "/embed", 1),
        ("AIP_PREDICT_ROUTE", "/predict", 1),
        ("AIP_HEALTH_ROUTE", "/info", 1),
    ],
)
def test_what_vertex_cannot_have(server_program, nano, name, value, status):
    """What is no port, no path, or another route of the server's own."""
    result = attempt(
        server_program, "--model", nano, *([] if name == "AIP_HTTP_PORT" else ["--port", 0]), environment={name: value}
    )
    assert result.returncode == status, result.stderr
    assert result.stderr.startswith("bgem3-server: ")
    assert name in result.stderr and value in result.stderr
