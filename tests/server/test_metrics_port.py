"""--metrics-port: what is answered where, and for how long."""

import socket
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest
import trustme
from server import BODIES, Server, answer_on, head, in_background, refused
from test_start import attempt

ON_METRICS_PORT = ["/metrics", "/health", "/ready"]


@pytest.fixture(scope="module")
def served(start_stub) -> Iterator[Server]:
    with start_stub("--metrics-port", 0) as running:
        yield running


@pytest.fixture(scope="module")
def metrics(served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.metrics_url, trust_env=False) as client:
        yield client


def test_metrics_are_on_their_port_alone(served, metrics):
    assert "bgem3_requests_total" in metrics.get("/metrics").text
    assert "--metrics-port" in refused(served.get("/metrics"), 404, "not_found")


@pytest.mark.parametrize("route", ["/health", "/ready"])
def test_probes_are_on_both(served, metrics, route):
    assert (served.get(route).status_code, metrics.get(route).status_code) == (200, 200)
    assert metrics.head(route).status_code == 200


@pytest.mark.parametrize("route", ["/", "/info", "/openapi.json", "/docs", *BODIES])
def test_nothing_else_is_on_the_port_of_metrics(served, metrics, route):
    for method in ("GET", "POST"):
        message = refused(metrics.request(method, route, json=BODIES.get(route)), 404, "not_found")
        assert all(answered in message for answered in ON_METRICS_PORT)


def test_wrong_method(metrics):
    refused(metrics.post("/metrics", json={}), 405, "method_not_allowed")


def test_requests_of_both_ports_are_counted(served, metrics):
    served.post("/score", ["a"])
    text = metrics.get("/metrics").text
    assert 'bgem3_requests_total{route="/score",status="200"}' in text
    assert 'bgem3_requests_total{route="/metrics",status="200"}' in metrics.get("/metrics").text


def test_description_has_no_metrics(served, stub):
    assert "/metrics" not in served.get("/openapi.json").json()["paths"]
    assert "/metrics" in stub.get("/openapi.json").json()["paths"]


def test_without_the_option_nothing_changes(stub):
    assert stub.get("/metrics").status_code == 200
    assert not [line for line in stub.logs if line["message"] == "listening for metrics"]


def listening(server: Server) -> set[str]:
    connections = psutil.Process(server.process.pid).net_connections("tcp")
    return {f"{c.laddr.ip}:{c.laddr.port}" for c in connections if c.status == psutil.CONN_LISTEN}


@pytest.mark.parametrize(
    ("options", "hosts"),
    [
        ([], ("127.0.0.1", "127.0.0.1")),
        (["--open"], ("0.0.0.0", "0.0.0.0")),
        (["--host", "127.0.0.2"], ("127.0.0.2", "127.0.0.2")),
        (["--open", "--metrics-host", "127.0.0.1"], ("0.0.0.0", "127.0.0.1")),
    ],
)
def test_host(start_stub, options, hosts):
    at = "127.0.0.2" if "127.0.0.2" in options else "127.0.0.1"
    with start_stub("--metrics-port", 0, *options, host=at) as server:
        ports = server.port, int(server.metrics_url.rpartition(":")[2])
        assert listening(server) == {f"{host}:{port}" for host, port in zip(hosts, ports)}


def test_from_the_environment(start_stub):
    environment = {"BGEM3_METRICS_PORT": "0", "BGEM3_METRICS_HOST": "127.0.0.2", "BGEM3_OPEN": "1"}
    with start_stub(environment=environment) as server:
        url = server.metrics_url.replace("127.0.0.1", "127.0.0.2")
        assert httpx.get(f"{url}/metrics", trust_env=False).status_code == 200


def test_keys_are_for_the_other_port(start_stub):
    with start_stub("--metrics-port", 0, environment={"BGEM3_API_KEYS": "a key"}) as server:
        assert httpx.get(f"{server.metrics_url}/metrics", trust_env=False).status_code == 200
        refused(server.post("/score", ["a"]), 401, "unauthorized")


def test_same_tls(start_stub, tmp_path):
    certificate, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    tls = ("--tls-certificate", certificate, "--tls-key", key)
    with start_stub("--metrics-port", 0, *tls, client={"verify": False}) as server:
        assert httpx.get(f"{server.metrics_url}/metrics", verify=False, trust_env=False).status_code == 200


def seconds_to_end(start_stub) -> float:
    """With connections to the port of metrics that wait for more."""
    with start_stub("--metrics-port", 0) as server:
        port = int(server.metrics_url.rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port)) as idle,
            socket.create_connection(("127.0.0.1", port)) as half,
        ):
            idle.sendall(head("GET", "/metrics"))
            assert answer_on(idle).status_code == 200
            half.sendall(b"GET /met")
            server.client.close()
            begin = time.monotonic()
            assert server.stop() == 0
            return time.monotonic() - begin


def test_scrape_that_waits_does_not_delay_the_end(start_stub):
    """Prometheus keeps its connections. Those of the main port would get half a second, each time; a busy processor may
    take as long once."""
    assert any(seconds_to_end(start_stub) < 0.4 for _ in range(3))


def test_metrics_are_answered_while_requests_end(start_stub):
    with start_stub("--metrics-port", 0) as server:
        with in_background(lambda: server.post("/score", ["sleep 1500"])) as (answer,):
            wait = time.monotonic() + 5
            while "bgem3_requests_in_work 1" not in httpx.get(f"{server.metrics_url}/metrics", trust_env=False).text:
                assert time.monotonic() < wait
            server.process.terminate()
            time.sleep(0.2)
            found = httpx.get(f"{server.metrics_url}/metrics", trust_env=False).text
            assert "bgem3_ready 0" in found
            assert httpx.get(f"{server.metrics_url}/ready", trust_env=False).status_code == 503
            assert answer.result().status_code == 200
        assert server.process.wait(timeout=20) == 0


def test_port_is_taken(server_program, nano):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = attempt(server_program, "--model", nano, "--port", 0, "--metrics-port", port)
    assert result.returncode == 1
    assert f"127.0.0.1 port {port}" in result.stderr and "--metrics-host or --metrics-port" in result.stderr


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--port", 8123, "--metrics-port", 8123], "--metrics-port should be another than --port, found 8123"),
        (["--metrics-port", 8080], "found 8080 for both"),
        (["--metrics-host", "127.0.0.1"], "--metrics-host requires --metrics-port"),
        (["--metrics-port", 65536], "65536"),
        (["--metrics-port", "-1"], "-1"),
    ],
)
def test_options_that_do_not_fit(server_program, nano, options, found):
    result = attempt(server_program, "--model", nano, *options)
    assert result.returncode == 2 and found in result.stderr, result.stderr
