"""Runs bgem3-server, or its stub, as an operator does: options in, a port and log lines out."""

import contextlib
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from sample_texts import TEXTS
from waiting import wait_for

# A request to each route that takes one, with two texts.
BODIES: dict[str, Any] = {
    "/score": {"input": TEXTS[:2]},
    "/v1/embeddings": {"input": TEXTS[:2], "model": "bge-m3"},
    "/v1/encode": {"input": TEXTS[:2]},
    "/embed": {"inputs": TEXTS[:2]},
    "/embed_sparse": {"inputs": TEXTS[:2]},
    "/embed_all": {"inputs": TEXTS[:2]},
    "/tokenize": {"inputs": TEXTS[:2]},
    "/rerank": {"query": "a question", "texts": TEXTS[:2]},
}
# Of interfaces that call texts by other names, or have other ones beside them.
OTHER_BODIES: dict[str, Any] = {
    "/v1/rerank": {"query": "a question", "documents": TEXTS[:2]},
    "/v1/score": {"text_1": "a question", "text_2": TEXTS[:2]},
    "/similarity": {"inputs": {"source_sentence": "a question", "sentences": TEXTS[:2]}},
    "/predict": {"inputs": [["a question", text] for text in TEXTS[:2]]},
    "/decode": {"ids": [[0, 10, 11, 2], [0, 12, 2]]},
    "/vertex": {"instances": [{"inputs": text} for text in TEXTS[:2]]},
    "/api/embed": {"model": "m", "input": TEXTS[:2]},
    "/api/embeddings": {"model": "m", "prompt": TEXTS[0]},
}
# A route for each model, which has a queue of its own, with what /metrics calls the model.
QUEUES = {"/score": "embedder", "/rerank": "reranker"}
GET_ROUTES = ["/", "/health", "/ready", "/ping", "/info", "/metrics", "/openapi.json", "/docs"]
GET_ROUTES += ["/v1/models", "/api/tags", "/api/ps", "/api/version"]

END_SECONDS = 20  # more than any request of a test takes, less than the time for which idle connections are kept


def body_of(route: str, texts: list[str]) -> Any:
    """What texts are sent as to one of QUEUES."""
    return {"query": "a question", "texts": texts} if route == "/rerank" else texts


class Server:
    """A server in a process of its own, on a port that it chooses. Leaving the `with` sends SIGTERM and expects 0."""

    is_silent = True  # nothing is expected on its standard error

    def __init__(
        self,
        program: str,
        *options: object,
        environment: dict[str, str] | None = None,
        client: dict | None = None,
        host: str = "127.0.0.1",
    ):
        self._command = [program, *map(str, options), "--port", "0"]
        self._environment = clean_environment(environment)
        self._client_options = {"timeout": 60, "trust_env": False, "limits": httpx.Limits(), **(client or {})}
        self._host = f"[{host}]" if ":" in host else host
        self._scheme = "https" if "--tls-key" in options else "http"

    def __enter__(self) -> "Server":
        self._files = contextlib.ExitStack()
        self._stdout, self._stderr = (self._files.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        self.process = subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=self._stdout, stderr=self._stderr
        )
        try:
            wait_for(self._listens)
            self.client = httpx.Client(base_url=self.url, **self._client_options)
            wait_for(lambda: self.client.get("/ready").status_code == 200)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, kind: type | None, *_error: object) -> None:
        """With connections of the client still open: they must not delay the end."""
        try:
            if kind is None and self.process.poll() is None:
                assert self.stop() == 0, self.stderr
            if kind is None and self.process.returncode == 0 and self.is_silent:
                assert self.stderr == ""
        finally:
            self.client.close()
            self._kill()

    @property
    def port(self) -> int:
        return self._logged_port("listening")

    @property
    def metrics_url(self) -> str:
        """Of --metrics-port."""
        return f"{self._scheme}://{self._host}:{self._logged_port('listening for metrics')}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self._host}:{self.port}"

    @property
    def logs(self) -> list[dict]:
        """What was logged up to now; a line that is not JSON fails."""
        return [json.loads(line) for line in _written(self._stdout).rpartition(b"\n")[0].splitlines()]

    @property
    def log_text(self) -> str:
        return _written(self._stdout).decode()

    @property
    def stderr(self) -> str:
        return _written(self._stderr).decode(errors="replace")

    def get(self, route: str, **options) -> httpx.Response:
        return self.client.get(route, **options)

    def post(self, route: str, body: object, **options) -> httpx.Response:
        headers = {"Content-Type": "application/json", **options.pop("headers", {})}
        return self.client.post(route, content=json.dumps(body), headers=headers, **options)

    def post_at_once(self, route: str, bodies: Sequence[object], **options) -> list[httpx.Response]:
        """The answers to requests that are all sent at the same time, each from a thread and a connection of its own."""
        barrier = threading.Barrier(len(bodies))

        def post(body: object) -> httpx.Response:
            barrier.wait()
            return self.post(route, body, **options)

        with ThreadPoolExecutor(len(bodies)) as pool:
            return list(pool.map(post, bodies))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=END_SECONDS)

    def samples(self) -> list[Sample]:
        """What /metrics says."""
        families = text_string_to_metric_families(self.get("/metrics").text)
        return [sample for family in families for sample in family.samples]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name which have these labels."""
        found = [s.value for s in self.samples() if s.name == name and labels.items() <= s.labels.items()]
        assert found or labels, f"/metrics has no {name}"
        return sum(found)

    def wait_for_work(self, requests: int) -> None:
        """Until as many requests are accepted and not answered."""
        wait_for(lambda: self.metric("bgem3_requests_in_work") == requests, seconds=10)

    def log_of(self, request_id: str) -> dict:
        """The line about one request, which may come a moment after the answer."""
        wait_for(lambda: any(request_id in line.values() for line in self.logs), seconds=5)
        return next(line for line in self.logs if request_id in line.values())

    def _logged_port(self, message: str) -> int:
        return next(line["port"] for line in self.logs if line["message"] == message)

    def _listens(self) -> bool:
        assert self.process.poll() is None, f"exit status {self.process.returncode}: {self.stderr}"
        return any(line["message"] == "listening" for line in self.logs)

    def _kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._files.close()


def clean_environment(changes: dict[str, str] | None = None) -> dict[str, str]:
    """Without the variables that ctest sets, which could be taken for options."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BGEM3_")}
    return {**kept, **(changes or {})}


def _written(file: BinaryIO) -> bytes:
    """Without moving the position, which the process writes at."""
    return os.pread(file.fileno(), 1 << 30, 0)


@contextlib.contextmanager
def in_background(*calls: Callable[[], Any]) -> Iterator[list]:
    """Starts the calls, one thread each; the futures of their results. Leaving waits for them."""
    with ThreadPoolExecutor(len(calls)) as pool:
        yield [pool.submit(call) for call in calls]


def refused(response: httpx.Response, status: int, code: str) -> str:
    """Expects an error as docs/serving.md describes it; its message."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    (error,) = response.json().values()
    assert response.json().keys() == {"error"}
    if isinstance(error, str):  # of Ollama's routes
        return error
    assert error.keys() == {"message", "type", "code"}
    assert error["code"] == code
    assert error["message"] and error["type"]
    if status in (429, 503):
        assert int(response.headers["retry-after"]) >= 1
    return error["message"]


MEGABYTE = 1 << 20


def resident(server: Server) -> int:
    """Bytes of the server's memory."""
    return psutil.Process(server.process.pid).memory_info().rss


# Below HTTP libraries, which would not send what is broken


@contextlib.contextmanager
def connected(server: Server, seconds: float = 30) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        yield connection


def head(method: str, route: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {route} HTTP/1.1", "Host: test", *lines, "", ""]).encode()


def post_bytes(route: str, body: bytes, *lines: str) -> bytes:
    return head("POST", route, f"Content-Length: {len(body)}", *lines) + body


def answer_on(connection: Any) -> httpx.Response:
    """Reads one answer."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


def exchange(server: Server, request: bytes) -> httpx.Response:
    """Sends bytes on a connection of their own; the answer to them."""
    with connected(server) as connection:
        connection.sendall(request)
        return answer_on(connection)


class Replay(io.BytesIO):
    """Received bytes as http.client reads them from a socket, one answer after another."""

    def makefile(self, _mode: str) -> "Replay":
        return self

    def close(self) -> None:
        """After an answer: the next one follows."""


def responses(server: Server, request: bytes, seconds: float = 10, ends: bool = False) -> list[httpx.Response]:
    """The answers to what is sent at once, up to the end of the connection. `ends`: nothing more will be sent, so that
    the server ends it."""
    received = bytearray()
    with connected(server, seconds) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(request)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(1 << 16):
            received += part
    replay = Replay(received)
    found = []
    while replay.tell() < len(received):
        found.append(answer_on(replay))
    return found


def answers(server: Server, request: bytes, seconds: float = 10) -> list[int]:
    """The status of each."""
    return [response.status_code for response in responses(server, request, seconds)]
