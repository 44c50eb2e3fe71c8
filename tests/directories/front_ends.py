"""The ways in which bgem3 opens a model directory. Each gives vectors [B, D], or scores [B], or raises Refused."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import bgem3

Pair = tuple[str, str]


class Refused(Exception):
    """With the message that the user gets."""


def python_embed(directory: pathlib.Path, texts: Sequence[str]) -> np.ndarray:
    try:
        return bgem3.EmbeddingModel(directory, device="cpu").encode(list(texts))
    except bgem3.BadModelError as error:
        raise Refused(str(error)) from error


def python_rerank(directory: pathlib.Path, pairs: Sequence[Pair]) -> np.ndarray:
    try:
        return bgem3.FlagReranker(str(directory), devices="cpu").predict(list(pairs))
    except bgem3.BadModelError as error:
        raise Refused(str(error)) from error


def command_embed(directory: pathlib.Path, texts: Sequence[str]) -> np.ndarray:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    command = [os.environ["BGEM3_CLI"], "encode", "--model", str(directory), "--input-format", "jsonl"]
    result = subprocess.run(command, input=lines, capture_output=True, text=True, encoding="utf-8", timeout=300)
    if result.returncode != 0:
        raise Refused(result.stderr)
    return np.array([json.loads(line)["dense"] for line in result.stdout.splitlines()], np.float32)


def cpp_front_end(run: Callable[[dict], dict], kind: str, directory: pathlib.Path, inputs: Sequence[Any]) -> np.ndarray:
    answer = run({"kind": kind, "directory": str(directory), "texts" if kind == "embedder" else "pairs": list(inputs)})
    if "error" in answer:
        raise Refused(answer["error"])
    return np.array(answer["vectors" if kind == "embedder" else "scores"], np.float32)


@contextlib.contextmanager
def _server(*options: str) -> Iterator[str]:
    """The address of a server that is ready."""
    # Appended to: server and test share one position in the file, which reading moves.
    with tempfile.TemporaryFile("a+") as log:
        command = [os.environ["BGEM3_SERVER"], *options, "--port", "0", "--open"]
        with subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as process:
            try:
                yield _wait_until_ready(process, log)
            finally:
                process.terminate()


def _wait_until_ready(process: subprocess.Popen, log: Any) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        log.seek(0)
        text = log.read()
        if process.poll() is not None:
            raise Refused(text)
        ports = [
            json.loads(line).get("port") for line in text.splitlines() if line.startswith("{") and line.endswith("}")
        ]
        port = next((port for port in ports if port), None)
        if port is not None and _is_ready(f"http://127.0.0.1:{port}"):
            return f"http://127.0.0.1:{port}"
        time.sleep(0.02)
    raise TimeoutError(text)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/ready", timeout=5) as answer:
            return answer.status == 200
    except urllib.error.URLError:
        return False


def _post(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def server_embed(directory: pathlib.Path, texts: Sequence[str]) -> np.ndarray:
    with _server("--model", str(directory)) as url:
        return np.array(_post(url + "/score", {"input": list(texts)}), np.float32)


def server_rerank(embedder: pathlib.Path, directory: pathlib.Path, pairs: Sequence[Pair]) -> np.ndarray:
    scores = []
    with _server("--model", str(embedder), "--reranker", str(directory)) as url:
        for query, passage in pairs:
            scores.append(_post(url + "/rerank", {"query": query, "texts": [passage]})[0]["score"])
    return np.array(scores, np.float32)
