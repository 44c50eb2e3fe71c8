"""The programs of command lines that people have."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from sample_texts import TEXTS
from vectors import assert_close


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def curl(*arguments: object, stdin: str = "") -> str:
    command = [program("curl"), "-sS", "--fail-with-body", "--max-time", "30", "--noproxy", "*", *map(str, arguments)]
    result = subprocess.run(command, input=stdin, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr + result.stdout
    return result.stdout


def test_curl_as_documented(server, dense):
    """-d alone says that the body is a form; the docs do it like this, and so do people."""
    found = json.loads(curl(f"{server.url}/score", "-d", json.dumps({"input": TEXTS})))
    assert_close(found, dense)


@pytest.mark.parametrize("option", ["--compressed", "--http1.0", "--http2", "--tcp-nodelay"])
def test_curl_options(server, dense, option):
    if option == "--http2" and "HTTP2" not in curl("--version"):
        pytest.skip("this curl has no HTTP/2")
    assert_close(json.loads(curl(option, f"{server.url}/score", "-d", json.dumps(TEXTS))), dense)


def test_curl_sends_a_stream(server, dense):
    """Chunks, and as of a size, a question before the body."""
    found = curl(f"{server.url}/score", "-H", "Transfer-Encoding: chunked", "-d", "@-", stdin=json.dumps(TEXTS))
    assert_close(json.loads(found), dense)
    large = json.dumps(["word " * 500_000])
    assert len(json.loads(curl(f"{server.url}/score", "-d", "@-", stdin=large))) == 1


def test_curl_writes_raw_vectors(server, dense, tmp_path):
    file = tmp_path / "vectors"
    accept = "Accept: application/octet-stream; dtype=float16"
    curl(f"{server.url}/score", "-H", accept, "-d", json.dumps(TEXTS), "-o", file)
    found = np.fromfile(file, "<f2").reshape(len(TEXTS), -1)
    np.testing.assert_allclose(found, dense, atol=5e-4)


def test_curl_gets(server):
    for route in ("/", "/health", "/ready", "/info", "/metrics", "/docs", "/openapi.json"):
        curl(f"{server.url}{route}")
    assert curl("--head", f"{server.url}/health").startswith("HTTP/1.1 200")


def test_curl_reuses_its_connection(server):
    arguments = [f"{server.url}/health", "-o", "/dev/null", "-w", "%{num_connects}\n"]
    assert curl(*arguments, "--next", "-sS", *arguments).split() == ["1", "0"]


def test_wrk(server, tmp_path):
    """As many connections as there are places: all answers are 200, none is lost."""
    script = tmp_path / "post.lua"
    script.write_text('wrk.method = "POST"\nwrk.body = \'{"input": ["Hello World", "Bonjour le monde"]}\'\n')
    before = server.metric("bgem3_requests_total", route="/score", status="200")
    command = [program("wrk"), "-t1", "-c16", "-d3s", "--timeout", "10s", "-s", script, f"{server.url}/score"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "Non-2xx" not in result.stdout and "Socket errors" not in result.stdout, result.stdout
    count = int(re.search(r"(\d+) requests in", result.stdout)[1])
    assert count > 100
    # Those in work when wrk ends are answered as well.
    assert count <= server.metric("bgem3_requests_total", route="/score", status="200") - before <= count + 16


def test_wrk_with_more_connections_than_places(start_stub, tmp_path):
    """The surplus is refused, and nothing else goes wrong."""
    script = tmp_path / "post.lua"
    script.write_text('wrk.method = "POST"\nwrk.body = \'["sleep 20"]\'\n')
    with start_stub("--max-requests", 16, "--queue-requests", 0) as server:
        command = [program("wrk"), "-t1", "-c64", "-d2s", "--timeout", "10s", "-s", script, f"{server.url}/score"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert "Non-2xx" in result.stdout and "Socket errors" not in result.stdout, result.stdout
        counts = [s for s in server.samples() if s.name == "bgem3_requests_total" and s.labels["route"] == "/score"]
        # 408: in work when wrk left.
        assert {"200", "429"} <= {count.labels["status"] for count in counts} <= {"200", "408", "429"}
        # At most one for each connection.
        assert server.metric("bgem3_requests_total", route="/score", status="408") <= 64
