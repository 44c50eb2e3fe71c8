"""Packed answers (Accept-Encoding), and clients that pack bodies or take packed answers."""

import gzip
import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import requests
import zstandard
from server import (
    Server,
    connected,
    exchange,
    head,
    post_bytes,
    refused,
)

UNPACK = {"gzip": gzip.decompress, "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)}
PACKED_BYTES_MIN = 16 * 1024


# Answers


@pytest.fixture(scope="module")
def plain(start_stub) -> Iterator[Server]:
    with start_stub("--no-compress-answers") as running:
        yield running


TEXTS = [f"text {number}" for number in range(300)]
LARGE: dict[str, Any] = {
    "/score": TEXTS,
    "/v1/embeddings": {"input": TEXTS, "encoding_format": "base64"},
    "/v1/encode": {"input": TEXTS},
    "/embed": {"inputs": TEXTS},
    "/embed_sparse": {"inputs": TEXTS * 2},
    "/embed_all": {"inputs": TEXTS},
    "/tokenize": {"inputs": TEXTS},
    "/rerank": {"query": "a question", "texts": TEXTS * 3},
}


def post_accepting(server: Server, route: str, body: Any, accepted: str | None, *lines: str) -> httpx.Response:
    """Whose content is as it came."""
    lines = lines if accepted is None else (*lines, f"Accept-Encoding: {accepted}")
    with connected(server) as connection:
        connection.sendall(post_bytes(route, json.dumps(body).encode(), *lines))
        return answer_as_it_comes(connection)


def answer_as_it_comes(connection: Any) -> Any:
    """Without httpx, which would unpack the content."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.content = answer.read()
    answer.encoding = answer.headers.get("Content-Encoding", "")
    return answer


@pytest.mark.parametrize("coding", UNPACK)
@pytest.mark.parametrize("route", LARGE)
def test_answers_are_packed(stub, plain, route, coding):
    answer = post_accepting(stub, route, LARGE[route], coding)
    expected = post_accepting(plain, route, LARGE[route], coding)
    assert len(expected.content) > PACKED_BYTES_MIN
    assert answer.status == expected.status == 200 and expected.encoding == ""
    assert answer.encoding == coding and answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Type"] == expected.headers["Content-Type"]
    assert int(answer.headers["Content-Length"]) == len(answer.content) < 0.9 * len(expected.content)
    assert UNPACK[coding](answer.content) == expected.content


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, ""),
        ("", ""),
        ("identity", ""),
        ("deflate, br", ""),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("GZIP;Q=1.0, zstd;q=0.5", "gzip"),
        ("zstd;q=0, gzip;q=0", ""),
        ("zstd;q=0,*", "gzip"),
        ("*", "zstd"),
        ("gzip;q=0.5, identity", ""),
        ("gzip;q=nothing", ""),
    ],
)
def test_packed_as_accepted(stub, accepted, coding):
    answer = post_accepting(stub, "/score", TEXTS, accepted)
    assert answer.status == 200 and answer.encoding == coding
    assert answer.headers["Vary"] == "Accept-Encoding"
    plain = UNPACK.get(coding, bytes)(answer.content)
    assert plain == post_accepting(stub, "/score", TEXTS, None).content


def test_accepted_in_two_lines(stub):
    assert post_accepting(stub, "/score", TEXTS, "gzip", "Accept-Encoding: zstd").encoding == "zstd"


def test_small_answers_go_out_as_they_are(stub, plain):
    sizes = set()
    for count in range(180, 240, 4):
        size = len(post_accepting(plain, "/score", TEXTS[:count], "gzip").content)
        answer = post_accepting(stub, "/score", TEXTS[:count], "gzip")
        assert (answer.encoding == "gzip") == ("Vary" in answer.headers) == (size >= PACKED_BYTES_MIN)
        sizes.add(size)
    assert min(sizes) < PACKED_BYTES_MIN < max(sizes)


def test_raw_bytes_go_out_as_they_are(stub):
    answer = post_accepting(stub, "/score", TEXTS, "gzip, zstd", "Accept: application/octet-stream")
    assert answer.encoding == "" and len(answer.content) > PACKED_BYTES_MIN


@pytest.mark.parametrize("accepted", ["gzip, identity;q=0", "zstd;q=0.1, *;q=0"])
def test_identity_that_is_not_accepted(stub, accepted):
    coding = accepted[:4]
    for lines in [], ["Accept: application/octet-stream"]:
        answer = post_accepting(stub, "/score", ["a"], accepted, *lines)
        assert answer.encoding == coding
        assert UNPACK[coding](answer.content) == post_accepting(stub, "/score", ["a"], None, *lines).content
    answer = post_accepting(stub, "/score", 5, accepted)
    assert answer.status == 422 and json.loads(UNPACK[coding](answer.content))["error"]["code"] == "invalid_argument"


def test_nothing_that_is_accepted(stub, plain):
    request = post_bytes("/score", b"[]", "Accept-Encoding: br, *;q=0")
    assert "zstd, gzip, identity" in refused(exchange(stub, request), 406, "not_acceptable")
    request = post_bytes("/score", b"[]", "Accept-Encoding: gzip, identity;q=0")
    assert refused(exchange(plain, request), 406, "not_acceptable").endswith(": identity")


def test_switched_off_by_the_environment(start_stub):
    for value, coding in [("false", ""), ("true", "gzip")]:
        with start_stub(environment={"BGEM3_COMPRESS_ANSWERS": value}) as server:
            assert post_accepting(server, "/score", TEXTS, "gzip").encoding == coding


def test_no_answer_is_packed_that_never_changes(stub):
    """Pages, and what probes ask for, are answered on the thread of all connections."""
    for route in "/docs", "/openapi.json", "/metrics", "/health":
        with connected(stub) as connection:
            connection.sendall(head("GET", route, "Accept-Encoding: gzip, zstd"))
            assert answer_as_it_comes(connection).encoding == ""


# Clients


@pytest.fixture(scope="module")
def expected(plain) -> list:
    return plain.post("/score", TEXTS).json()


def test_httpx(stub, expected):
    response = httpx.post(f"{stub.url}/score", json=TEXTS, trust_env=False)
    assert response.headers["content-encoding"] == "zstd" and response.json() == expected
    packed = zstandard.compress(json.dumps(TEXTS).encode())
    headers = {"Content-Encoding": "zstd", "Accept-Encoding": "gzip"}
    response = httpx.post(f"{stub.url}/score", content=packed, headers=headers, trust_env=False)
    assert response.headers["content-encoding"] == "gzip" and response.json() == expected


def test_requests(stub, expected):
    with requests.Session() as session:
        session.trust_env = False
        response = session.post(f"{stub.url}/score", json=TEXTS)
        assert response.headers["content-encoding"] in ("zstd", "gzip") and response.json() == expected
        packed = gzip.compress(json.dumps(TEXTS).encode())
        headers = {"Content-Encoding": "gzip", "Accept-Encoding": "gzip, deflate"}
        response = session.post(f"{stub.url}/score", data=packed, headers=headers)
        assert response.headers["content-encoding"] == "gzip" and response.json() == expected


def test_openai(stub, expected):
    client = openai.OpenAI(base_url=f"{stub.url}/v1", api_key="none", max_retries=0)
    raw = client.embeddings.with_raw_response.create(model="bge-m3", input=TEXTS)
    assert raw.headers["content-encoding"] in ("zstd", "gzip")
    assert np.array_equal(np.array([item.embedding for item in raw.parse().data], "f4"), np.array(expected, "f4"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl(stub, expected, tmp_path):
    (tmp_path / "body.gz").write_bytes(gzip.compress(json.dumps(TEXTS).encode()))
    command = [
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        "--compressed",
        "--noproxy",
        "*",
        "--dump-header",
        "headers",
    ]
    sent = ["--header", "Content-Encoding: gzip", "--data-binary", "@body.gz", f"{stub.url}/score"]
    result = subprocess.run([*command, *sent], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(result.stdout) == expected
    assert "content-encoding:" in (tmp_path / "headers").read_text("utf-8").lower()
