"""Runs a server of embeddings in a process of its own, as a container does, and checks its answers."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import requests


@dataclass
class Server:
    url: str
    log: pathlib.Path

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=60)

    def post(self, body: Any, **headers: str) -> requests.Response:
        return requests.post(f"{self.url}/score", json=body, headers=headers, timeout=60)

    def ask(self, path: str, body: Any) -> requests.Response:
        """Another route, which has to answer."""
        response = requests.post(self.url + path, json=body, timeout=60)
        assert response.status_code == 200, response.text
        return response

    def post_text(self, body: str | bytes) -> requests.Response:
        data = body.encode() if isinstance(body, str) else body
        return requests.post(f"{self.url}/score", data=data, timeout=60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(
    command: Sequence[str | pathlib.Path], environment: dict[str, str], port: int, log: pathlib.Path, ready: str
) -> Iterator[Server]:
    """From when the route `ready` answers 200 to the end of the `with`, which SIGTERM must bring, with status 0.

    Of the variables of this process, those that are settings of bgem3 do not get through.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BGEM3_")}
    inherited["XDG_RUNTIME_DIR"] = str(log.parent)  # where gunicorn leaves a socket
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=inherited | environment, cwd=log.parent, stdout=output, stderr=output, start_new_session=True
        )
    try:
        server = Server(f"http://127.0.0.1:{port}", log)
        wait_until_ready(server, process, ready)
        yield server
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0, log.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_ready(server: Server, process: subprocess.Popen, path: str) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert process.poll() is None, f"exit status {process.returncode}: {server.log.read_text()}"
        with contextlib.suppress(requests.ConnectionError):
            if server.get(path).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(server.log.read_text())


def assert_close(found: Any, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(np.asarray(found, np.float32), wanted, rtol=0, atol=5e-6)


def refused(response: requests.Response, status: int, code: str) -> str:
    """Expects an error as docs/serving.md describes it; its message."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"error"}
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "code"} and error["code"] == code
    return error["message"]
