"""Starts what is measured, as its operator does, and ends it."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from client import Connection, Endpoint

ROOT = pathlib.Path(__file__).resolve().parents[2]
AZURE = ROOT / "deploy" / "azureml"
START_SECONDS = 300  # a model has to be read
STOP_SECONDS = 30


@dataclass(frozen=True)
class Program:
    """A server as a command; {port} in it is replaced."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    ready_route: str = "/"


@dataclass(frozen=True)
class ServerSettings:
    """What all servers are started with, each in its own words."""

    model: pathlib.Path
    device: str
    dtype: str
    threads: int
    batch_size: int
    max_requests: int
    queue_requests: int
    timeout: float
    build: pathlib.Path  # where bgem3-server is
    inference_server: pathlib.Path  # the program azmlinfsrv, of Azure ML


def bgem3_server(settings: ServerSettings, program: str = "bgem3-server") -> Program:
    options = {
        "--model": settings.model,
        "--device": settings.device,
        "--dtype": settings.dtype,
        "--batch-size": settings.batch_size,
        "--max-requests": settings.max_requests,
        "--queue-requests": settings.queue_requests,
        "--request-timeout-ms": int(settings.timeout * 1000),
        "--port": "{port}",
    }
    words = [str(word) for pair in options.items() for word in pair]
    return Program([str(settings.build / program), *words], threads_environment(settings), "/ready")


def stub_server(settings: ServerSettings) -> Program:
    return bgem3_server(settings, "tests/server/bgem3_stub_server")


def score_bgem3(settings: ServerSettings) -> Program:
    """With what deployment.yml sets, but for what all servers are to have in common."""
    deployment = yaml.safe_load((AZURE / "deployment.yml").read_text("utf-8"))
    changes = {
        "BGEM3_DEVICE": settings.device,
        "BGEM3_DTYPE": settings.dtype,
        "BGEM3_BATCH_SIZE": str(settings.batch_size),
        "BGEM3_REQUEST_TIMEOUT_MS": str(int(settings.timeout * 1000)),
    }
    script = AZURE / deployment["code_configuration"]["scoring_script"]
    return _inference_server(settings, script, {**deployment["environment_variables"], **changes})


def score_flagembedding(settings: ServerSettings) -> Program:
    """With the inference server's defaults: one worker, one request at a time."""
    script = pathlib.Path(__file__).with_name("score_flagembedding.py")
    return _inference_server(settings, script, {"FLAGEMBEDDING_DEVICE": settings.device})


def score_flagembedding_threads(settings: ServerSettings) -> Program:
    """With connections that are kept, and requests that wait in the process instead of before it."""
    plain = score_flagembedding(settings)
    threads = {"GUNICORN_CMD_ARGS": "--threads 40 --keep-alive 75"}
    return Program(plain.command, {**plain.environment, **threads})


def _inference_server(settings: ServerSettings, script: pathlib.Path, environment: dict[str, str]) -> Program:
    return Program(
        [str(settings.inference_server), "--entry_script", str(script), "--port", "{port}"],
        {
            "AZUREML_MODEL_DIR": str(settings.model),
            "HF_HUB_OFFLINE": "1",
            **threads_environment(settings),
            **environment,
        },
    )


def threads_environment(settings: ServerSettings) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(settings.threads)}


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen
    port: int
    log: pathlib.Path

    def check(self) -> None:
        """Raises once the process has ended."""
        status = self.process.poll()
        if status is not None:
            words = self.log.read_text(errors="replace").splitlines()[-3:]
            raise ServerError(f"the server ended with status {status}; the last lines of {self.log}: {words}")


class ServerError(Exception):
    """A server that does not start, has ended, or answers with no vectors."""


@contextlib.contextmanager
def serving(program: Program, log: pathlib.Path) -> Iterator[Running]:
    """From when it answers until the end of the `with`, which SIGTERM brings, or SIGKILL where that does not help."""
    if not pathlib.Path(program.command[0]).is_file():
        raise ServerError(f"{program.command[0]} is missing: scripts/load builds and installs what is needed")
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BGEM3_")}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [word.replace("{port}", str(port)) for word in program.command],
            env={**kept, **program.environment},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Running(process, port, log)
    try:
        wait_until_ready(running, program.ready_route)
        yield running
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # of children, too
        process.wait()


def wait_until_ready(running: Running, route: str) -> None:
    endpoint = Endpoint("127.0.0.1", running.port, route, timeout=10)
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        running.check()
        with contextlib.suppress(OSError):
            connection = Connection(endpoint)
            status = connection.ask(endpoint.get()).status
            connection.close()
            if status == 200:
                return
        time.sleep(0.1)
    raise ServerError(f"the server was not ready after {START_SECONDS} s; its log is {running.log}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
