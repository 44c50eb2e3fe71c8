"""score.py as Azure ML runs it: under the real inference server, with the settings of deploy/azureml/deployment.yml."""

import base64
import pathlib
import re
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import numpy as np
import pytest
import requests
import yaml
from conftest import DEPLOY
from sample_texts import TEXTS
from serving import Server, assert_close, free_port, refused, running

DEPLOYMENT = yaml.safe_load((DEPLOY / "azureml" / "deployment.yml").read_text("utf-8"))
SCRIPT = DEPLOY / "azureml" / DEPLOYMENT["code_configuration"]["scoring_script"]
CONCURRENT = DEPLOYMENT["request_settings"]["max_concurrent_requests_per_instance"]

LONG = "a long text of many words " * 2000
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def serving(model_dir: pathlib.Path, log: pathlib.Path, **settings: str) -> AbstractContextManager[Server]:
    """azmlinfsrv with what deployment.yml gives it and further variables."""
    port = free_port()
    environment = DEPLOYMENT["environment_variables"] | {"AZUREML_MODEL_DIR": str(model_dir)} | settings
    program = pathlib.Path(sys.executable).parent / "azmlinfsrv"
    return running([program, "--entry_script", SCRIPT, "--port", str(port)], environment, port, log, ready="/")


def long_texts(count: int) -> list[str]:
    """No two are the same, which would be computed once."""
    return [f"{number} {LONG}" for number in range(count)]


def probe(server: Server) -> float:
    """The seconds that the liveness route takes."""
    start = time.perf_counter()
    response = server.get("/")
    assert response.status_code == 200 and response.text == "Healthy"
    return time.perf_counter() - start


@pytest.fixture(scope="module")
def model_dir(nano, tmp_path_factory) -> pathlib.Path:
    """A registered model as Azure ML mounts it: a folder in AZUREML_MODEL_DIR."""
    directory = tmp_path_factory.mktemp("models")
    (directory / "bge-m3").symlink_to(nano)
    return directory


@pytest.fixture(scope="module")
def server(model_dir, tmp_path_factory) -> Iterator[Server]:
    with serving(model_dir, tmp_path_factory.mktemp("log") / "azmlinfsrv.log") as started:
        yield started


# Answers


def test_reference_request(server, expected):
    response = server.post({"input": TEXTS}, Authorization="Bearer KEY")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert_close(response.json(), expected)


@pytest.mark.parametrize("body", [{"input": TEXTS[1]}, TEXTS[1:2], {"input": TEXTS[1:2], "encoding_format": "float"}])
def test_bodies(server, expected, body):
    assert_close(server.post(body).json(), expected[1:2])


def test_floats_are_short(server):
    body = server.post(TEXTS).content
    numbers = NUMBER.findall(body)
    assert len(numbers) > len(TEXTS)
    assert all(len(re.sub(rb"e.*|[-.]", b"", number).lstrip(b"0")) <= 9 for number in numbers)


def test_base64(server, expected):
    rows = server.post({"input": TEXTS, "encoding_format": "base64"}).json()
    assert_close([np.frombuffer(base64.b64decode(row), "<f4") for row in rows], expected)


@pytest.mark.parametrize(
    ("accept", "dtype"),
    [
        ("application/octet-stream", "float32"),
        ("application/octet-stream; dtype=float32", "float32"),
        ("text/html, application/octet-stream;dtype=float16", "float16"),
    ],
)
def test_raw_bytes(server, expected, accept, dtype):
    response = server.post({"input": TEXTS}, Accept=accept)
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["x-dtype"] == dtype
    shape = [int(size) for size in response.headers["x-shape"].split(",")]
    found = np.frombuffer(response.content, response.headers["x-dtype"]).reshape(shape)
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-4 if dtype == "float16" else 5e-6)


# Many at a time


def test_one_model_for_concurrent_calls(server, expected):
    with ThreadPoolExecutor(CONCURRENT) as pool:
        answers = list(pool.map(server.post, [TEXTS[number % len(TEXTS) :] for number in range(CONCURRENT)]))
    for number, answer in enumerate(answers):
        assert answer.status_code == 200, answer.text
        assert_close(answer.json(), expected[number % len(TEXTS) :])
    assert server.log.read_text().count("Invoking user's init function") == 1


def test_probe_does_not_wait_for_scores(server):
    """Twice as many as configured, which is what Azure lets in; its probe gives up after two seconds by default."""
    with ThreadPoolExecutor(2 * CONCURRENT) as pool:
        scores = [pool.submit(server.post, [LONG]) for _ in range(2 * CONCURRENT)]
        time.sleep(0.2)
        seconds = [probe(server) for _ in range(5)]
        assert not all(score.done() for score in scores), "the scores were too quick to tell anything"
        assert max(seconds) < 2
        assert {score.result().status_code for score in scores} <= {200, 408}


def test_connections_are_kept(server):
    with requests.Session() as session:
        first, second = (session.post(f"{server.url}/score", json=["a"], timeout=60) for _ in range(2))
    assert first.headers.get("connection", "keep-alive").lower() == "keep-alive"
    assert second.status_code == 200


# Refusals


@pytest.mark.parametrize("body", ["", "{", '["a"', '{"input": "a"} x', '["\\ud800"]', "[" * 100_000, "\x00"])
def test_malformed_json(server, body):
    refused(server.post_text(body), 400, "invalid_json")


def test_form(server):
    """curl sends one unless told otherwise."""
    response = requests.post(
        f"{server.url}/score",
        data='{"input": "a"}',
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=60,
    )
    assert "application/json" in refused(response, 400, "invalid_json")


def test_body_that_is_not_utf8(server):
    """Is the inference server's own affair."""
    response = server.post_text(b'["\xff"]')
    assert response.status_code == 400 and response.json().keys() == {"message"}


@pytest.mark.parametrize("texts", [None, 5, {}, [5], ["a", None], [["a"]], True])
def test_texts_of_a_wrong_type(server, texts):
    assert "input" in refused(server.post({"input": texts}), 422, "invalid_argument")


def test_missing_texts(server):
    assert "input" in refused(server.post({"inputs": ["a"]}), 422, "invalid_argument")


@pytest.mark.parametrize("body", ["null", "5", '"a text"', "true"])
def test_body_that_is_no_object(server, body):
    assert "object" in refused(server.post_text(body), 422, "invalid_argument")


@pytest.mark.parametrize("encoding", ["hex", 5, ["float"]])
def test_unknown_encoding(server, encoding):
    message = refused(server.post({"input": ["a"], "encoding_format": encoding}), 422, "invalid_argument")
    assert "encoding_format" in message


def test_unknown_dtype(server):
    response = server.post(["a"], Accept="application/octet-stream; dtype=int4")
    assert "float16" in refused(response, 422, "invalid_argument")


def test_too_many_texts(server):
    assert "1024" in refused(server.post(["a"] * 1025), 413, "too_many_texts")


def test_no_message_and_no_log_line_holds_a_text(server):
    responses = [
        server.post({"input": ["private words", 5]}),
        server.post_text('["private words"'),
        server.post([LONG]),
    ]
    assert not any("private" in response.text for response in responses[:2])
    assert "private" not in server.log.read_text() and LONG[:50] not in server.log.read_text()


# The deadline


@pytest.mark.parametrize("limit", ["soon", "-5", "0", "1.5", ""])
def test_timeout_that_is_no_number_of_milliseconds(server, limit):
    response = server.post(["a"], **{"x-request-timeout-ms": limit})
    assert "x-request-timeout-ms" in refused(response, 422, "invalid_argument")


def test_longer_timeout_than_allowed_has_no_effect(server):
    assert server.post(["a"], **{"x-request-timeout-ms": "9" * 30}).status_code == 200


def test_deadline_of_a_request(server):
    start = time.perf_counter()
    refused(server.post(long_texts(50), **{"x-request-timeout-ms": "50"}), 408, "deadline_exceeded")
    assert time.perf_counter() - start < 5
    assert server.post(["fine"]).status_code == 200


def test_deadline_of_the_deployment(model_dir, tmp_path):
    with serving(model_dir, tmp_path / "log", BGEM3_REQUEST_TIMEOUT_MS="50") as server:
        refused(server.post(long_texts(50)), 408, "deadline_exceeded")


def test_scoring_timeout_of_the_stock_server(model_dir, tmp_path):
    """Without threads it is a signal, which ends a call of the model: 500, and the next call does not wait for it."""
    settings = {
        "GUNICORN_CMD_ARGS": "",
        "SCORING_TIMEOUT_MS": "1000",
        "BGEM3_REQUEST_TIMEOUT_MS": "60000",
        "BGEM3_BATCH_SIZE": "1",
    }
    texts = [f"{number} " + "some words " * 500 for number in range(1000)]
    with serving(model_dir, tmp_path / "log", **settings) as server:
        start = time.perf_counter()
        response = server.post(texts)
        assert response.status_code == 500 and "timeout" in response.text.lower()
        assert time.perf_counter() - start < 5
        assert server.post(["fine"]).status_code == 200


def test_queue_that_is_full(model_dir, tmp_path):
    """A request of more than the queue holds is taken when nothing waits; the next has to go."""
    with serving(model_dir, tmp_path / "log", BGEM3_QUEUE_TEXTS="1", BGEM3_BATCH_SIZE="1") as server:
        first = threading.Thread(target=server.post, args=(long_texts(8),))
        first.start()
        time.sleep(0.5)
        response = server.post(["one more"] * 2)
        first.join()
        refused(response, 429, "overloaded")
        assert int(response.headers["Retry-After"]) >= 1


# Start


def test_model_that_is_the_directory_itself(nano, tmp_path, expected):
    with serving(nano, tmp_path / "log") as server:
        assert_close(server.post(TEXTS).json(), expected)


def test_without_a_model(tmp_path):
    with pytest.raises(AssertionError, match="config.json"), serving(tmp_path, tmp_path / "log"):
        pass
