"""What keeps a server from starting: exit status and message."""

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable

import httpx
import psutil
import pytest
from server import Server, clean_environment


def attempt(program: str, *options: object, environment: dict | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [program, *map(str, options)],
        env=clean_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def fail(server_program) -> Callable[..., str]:
    """Expects an exit status and one line on stderr, which is returned."""

    def fail(*options: object, status: int = 1, environment: dict | None = None) -> str:
        result = attempt(server_program, *options, environment=environment)
        assert result.returncode == status, result.stderr
        assert re.fullmatch(r"bgem3-server: .*\n", result.stderr) or status == 2
        assert result.stderr.startswith("bgem3-server: ")
        return result.stderr

    return fail


def test_model_directory_is_missing(fail, tmp_path):
    missing, file = tmp_path / "none", tmp_path / "file"
    file.touch()
    for path in (missing, file, tmp_path):
        assert str(path) in fail("--model", path, "--port", 0)


def test_reranker_directory_is_missing(fail, nano, tmp_path):
    assert str(tmp_path / "none") in fail("--model", nano, "--reranker", tmp_path / "none", "--port", 0)


def test_port_is_taken(fail, nano, stub):
    assert str(stub.port) in fail("--model", nano, "--port", stub.port)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in fail("--model", nano, "--host", "127.0.0.1", "--port", port)


def test_port_is_free_again_at_once(start_stub, nano, server_program):
    """Connections of the server before are still in TIME_WAIT."""
    with start_stub() as first:
        port = first.port
        first.post("/score", ["a"], headers={"Connection": "close"})
    with subprocess.Popen(
        [server_program, "--model", str(nano), "--port", str(port)],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as second:
        try:
            line = second.stdout.readline()
            while line and b'"listening"' not in line:
                line = second.stdout.readline()
            assert str(port).encode() in line
        finally:
            second.terminate()
        assert second.wait(timeout=20) == 0


def test_host_that_is_none_of_ours(fail, nano):
    assert "192.0.2.1" in fail("--model", nano, "--host", "192.0.2.1", "--port", 0)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--port", "70000"], "--port"),
        (["--port", "http"], "--port"),
        (["--max-requests", "0"], "--max-requests"),
        (["--max-requests", "-1"], "--max-requests"),
        (["--max-texts", "0"], "--max-texts"),
        (["--max-body-mb", "x"], "--max-body-mb"),
        (["--batch-size", "0"], "--batch-size"),
        (["--batch-tokens", "0"], "--batch-tokens"),
        (["--read-timeout-ms", "-1"], "--read-timeout-ms"),
        (["--dtype", "int3"], "int3"),
        (["--cuda-graphs=maybe"], "--cuda-graphs = maybe"),
        (["--threads", "-1"], "--threads"),
        (["--threads", "1025"], "--threads"),
        (["--max-answers-mb", "100"], "--max-answers-mb should be at least --max-answer-mb, 512, found 100"),
        (["--log-level", "loud"], "loud"),
        (["--tls-certificate", "only.pem"], "--tls-key"),
        (["--tls-key", "only.pem"], "--tls-certificate"),
        (["--api-key", "secret"], "--api-key"),
        (["surplus"], "surplus"),
    ],
    ids=" ".join,
)
def test_wrong_usage(fail, nano, options, named):
    message = fail("--model", nano, *options, status=2)
    assert named in message and "bgem3-server --help" in message


def test_model_is_needed(fail):
    assert "--model" in fail("--port", 0, status=2)


def test_device_that_is_not_there(fail, nano):
    assert "tpu" in fail("--model", nano, "--device", "tpu", "--port", 0, status=1)


def test_length_is_at_most_the_models(start_server):
    with start_server("--max-length", 100_000) as server:
        assert server.get("/info").json()["max_input_length"] == 8192


@pytest.mark.parametrize("content", [None, "", "\n \n"], ids=["missing", "empty", "blank"])
def test_file_without_keys_lets_nobody_in(fail, nano, tmp_path, content):
    """A server without keys is open to all, so what should have keys must not start without."""
    file = tmp_path / "keys"
    if content is not None:
        file.write_text(content)
    assert str(file) in fail("--model", nano, "--api-keys-file", file, "--port", 0)


@pytest.mark.parametrize("keys", ["", " , "])
def test_variable_without_keys_lets_nobody_in(fail, nano, keys):
    assert "BGEM3_API_KEYS" in fail("--model", nano, "--port", 0, environment={"BGEM3_API_KEYS": keys})


def test_certificate_that_is_none(fail, nano, tmp_path):
    file = tmp_path / "file.pem"
    for content in (None, "no certificate"):
        if content:
            file.write_text(content)
        message = fail("--model", nano, "--tls-certificate", file, "--tls-key", file, "--port", 0)
        assert str(file) in message


# Who is let in, and from where


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


with_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def hosts(server: Server) -> set[str]:
    """Addresses that the process listens on."""
    connections = psutil.Process(server.process.pid).net_connections("tcp")
    return {connection.laddr.ip for connection in connections if connection.status == psutil.CONN_LISTEN}


def warnings(server: Server) -> list[str]:
    return [line["message"] for line in server.logs if line["level"] == "warning"]


def test_without_keys_the_server_is_for_this_machine(start_stub):
    with start_stub() as server:
        assert hosts(server) == {"127.0.0.1"}
        (warning,) = warnings(server)
        assert "only this machine" in warning
        for way in ("--api-keys-file", "BGEM3_API_KEYS", "--open"):
            assert way in warning


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (["--open"], {}),
        ([], {"BGEM3_OPEN": "1"}),
        ([], {"BGEM3_OPEN": "true"}),
        ([], {"BGEM3_API_KEYS": "a key"}),
        (["--api-keys-file", "FILE"], {}),
        (["--api-keys-file", "FILE"], {"BGEM3_OPEN": "false"}),
    ],
)
def test_with_keys_or_open_it_is_for_all(start_stub, tmp_path, options, environment):
    file = tmp_path / "keys"
    file.write_text("a key")
    with start_stub(*(file if option == "FILE" else option for option in options), environment=environment) as server:
        assert hosts(server) == {"0.0.0.0"}
        assert warnings(server) == []


@pytest.mark.parametrize(("options", "environment"), [(["--host", "0.0.0.0"], {}), ([], {"BGEM3_HOST": "0.0.0.0"})])
def test_host_that_is_given_is_obeyed_with_a_warning(start_stub, options, environment):
    with start_stub(*options, environment=environment) as server:
        assert hosts(server) == {"0.0.0.0"}
        (warning,) = warnings(server)
        assert "anybody who reaches the port" in warning and "--open" in warning


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", pytest.param("::1", marks=with_ipv6)])
def test_loopback_that_is_given_needs_no_warning(start_stub, host):
    with start_stub("--host", host, host=host) as server:
        assert hosts(server) == {host}
        assert warnings(server) == []


def test_host_is_obeyed_with_open(start_stub):
    with start_stub("--open", "--host", "127.0.0.1") as server:
        assert hosts(server) == {"127.0.0.1"} and warnings(server) == []


@with_ipv6
def test_every_address_of_ipv6_and_ipv4(start_stub):
    with start_stub("--open", "--host", "::") as server:
        assert hosts(server) == {"::"}
        for host in ("127.0.0.1", "[::1]"):
            assert httpx.get(f"http://{host}:{server.port}/ready", trust_env=False).status_code == 200


def test_open_and_keys_contradict_each_other(fail, nano, tmp_path):
    file = tmp_path / "keys"
    file.write_text("a key")
    for options, environment in [
        (["--open", "--api-keys-file", file], {}),
        (["--open"], {"BGEM3_API_KEYS": "a key"}),
        (["--api-keys-file", file], {"BGEM3_OPEN": "1"}),
    ]:
        message = fail("--model", nano, "--port", 0, *options, environment=environment, status=2)
        assert "--open" in message and "--api-keys-file or BGEM3_API_KEYS" in message


def test_help(server_program):
    result = attempt(server_program, "--help")
    assert result.returncode == 0 and result.stderr == ""
    options = re.findall(r"--[a-z-]+", result.stdout)
    assert {"--model", "--reranker", "--port", "--max-requests", "--tls-key", "--shutdown-timeout-ms"} <= set(options)
    assert max(map(len, result.stdout.splitlines())) <= 120
    assert {"--cuda-graphs", "--no-cuda-graphs"} <= set(options) and "no effect on the CPU" in result.stdout
    assert "BGEM3_MAX_REQUESTS" in result.stdout and "BGEM3_CUDA_GRAPHS" in result.stdout


def test_version(server_program):
    assert re.match(r"bgem3-server \d+\.\d+\.\d+", attempt(server_program, "--version").stdout)


def test_options_from_the_environment(server_program, nano):
    environment = {"BGEM3_MODEL": str(nano), "BGEM3_MAX_TEXTS": "3", "BGEM3_MAX_REQUESTS": "5"}
    with Server(server_program, "--max-requests", 7, environment=environment) as server:
        info = server.get("/info").json()
        assert info["max_client_batch_size"] == 3
        assert info["max_concurrent_requests"] == 7  # the command line comes first


def test_threads(server_program, nano):
    for options, environment in [(["--threads", 3], {}), ([], {"BGEM3_THREADS": "3"})]:
        with Server(server_program, "--model", nano, *options, environment=environment) as server:
            info = server.get("/info").json()
            assert (info["threads"], info["tokenization_workers"]) == (3, 3)


def test_cuda_graphs_have_no_effect_on_the_cpu(server_program, nano):
    with Server(server_program, "--model", nano, "--dtype", "float32") as server:
        expected = server.post("/embed", {"inputs": "a text"}).json()
    for options, environment in [(["--no-cuda-graphs"], {}), ([], {"BGEM3_CUDA_GRAPHS": "false"})]:
        with Server(server_program, "--model", nano, "--dtype", "float32", *options, environment=environment) as server:
            assert server.post("/embed", {"inputs": "a text"}).json() == expected


def test_cuda_graphs_from_the_environment_are_on_or_off(fail, nano):
    environment = {"BGEM3_CUDA_GRAPHS": "maybe"}
    assert "--cuda-graphs = maybe" in fail("--model", nano, "--port", 0, environment=environment, status=2)


def test_not_ready_before_the_model_is_loaded(server_program, tiny):
    """From the first answer on: 503 until it is ready, then 200, and never anything else."""
    answers = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [server_program, "--model", str(tiny), "--port", str(port)]
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 60
            while (not answers or answers[-1] != 200) and time.monotonic() < end:
                status = _ready(port)
                if status:
                    answers.append(status)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    before = answers[: answers.index(200)]
    assert set(before) <= {503}
    if not before:
        pytest.skip("the model was loaded before a request could be sent")


def _ready(port: int) -> int | None:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET /ready HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            return int(connection.recv(12)[9:] or 0) or None
    except ConnectionError:
        return None


def test_signal_while_loading(server_program, tiny):
    """Whenever it comes, the process ends by itself, and soon."""
    for pause in (0.0, 0.05, 0.1, 0.2, 0.4):
        with subprocess.Popen(
            [server_program, "--model", str(tiny), "--port", "0"], env=clean_environment(), stdout=subprocess.DEVNULL
        ) as process:
            time.sleep(pause)
            process.terminate()
            # Before the handler is in place, the signal ends the process.
            assert process.wait(timeout=20) in (0, -signal.SIGTERM)


def test_log_has_what_the_library_tells_of_the_model(server_program, nano):
    command = [server_program, "--model", str(nano), "--port", "0"]
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE) as process:
        line = next(json.loads(line) for line in process.stdout if b"is loaded in" in line)
        assert line["level"] == "info" and f"'{nano}'" in line["message"]
        process.terminate()
        assert process.wait(timeout=20) == 0


def test_log_that_nobody_reads_any_more(server_program, nano):
    """The reader of a pipe has ended."""
    command = [server_program, "--model", str(nano), "--port", "0"]
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE) as process:
        port = next(json.loads(line)["port"] for line in process.stdout if b'"listening"' in line)
        process.stdout.close()
        end = time.monotonic() + 60
        while _ready(port) != 200:
            assert process.poll() is None and time.monotonic() < end
        assert [_ready(port) for _ in range(5)] == [200] * 5
        process.terminate()
        assert process.wait(timeout=20) == 0


def test_log_that_cannot_be_written(server_program, nano):
    """A full disk under the log is no reason to end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        open("/dev/full", "wb") as full,
        subprocess.Popen(
            [server_program, "--model", str(nano), "--port", str(port)], env=clean_environment(), stdout=full
        ) as process,
    ):
        end = time.monotonic() + 60
        while _ready(port) != 200:
            assert process.poll() is None and time.monotonic() < end
        assert _ready(port) == 200
        process.terminate()
        assert process.wait(timeout=20) == 0
