"""Vectors as digits, as base64 and as raw bytes: every form has the same numbers."""

import base64
import re

import numpy as np
import pytest
from sample_texts import TEXTS
from server import Server
from vectors import CLOSE, assert_close, unit


# Digits


def digits_of(number: str) -> str:
    return number.lower().partition("e")[0].lstrip("-").replace(".", "").strip("0")


@pytest.mark.parametrize("route", ["/score", "/embed", "/v1/embeddings", "/v1/encode"])
def test_numbers_are_as_short_as_they_can_be_read_back(stub, route):
    """As the same float32: no digit is lost, and none is sent in vain."""
    body = {"inputs" if route == "/embed" else "input": TEXTS}
    raw = stub.post("/score", TEXTS, headers={"Accept": "application/octet-stream"}).content
    sent = stub.post(route, body).text
    numbers = re.findall(
        r"(?<=[\[,])-?\d[-+.\de]*(?=[\],])", sent.split('"colbert"')[0] if "v1/encode" in route else sent
    )
    wanted = np.frombuffer(raw, "<f4")[: len(numbers)]
    assert len(numbers) >= 16
    assert [np.float32(number) for number in numbers] == wanted.tolist()
    for number, value in zip(numbers, wanted):
        assert digits_of(number) == digits_of(np.format_float_scientific(value, unique=True))
        assert len(number) <= len(np.format_float_scientific(value, unique=True)) + 1


# Base64


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f4")


def test_openai_base64(ask, expected):
    data = ask("/v1/embeddings", {"input": TEXTS, "encoding_format": "base64"})["data"]
    assert_close([floats(item["embedding"]) for item in data], expected["dense_vecs"])


def test_encode_base64(ask, expected):
    data = ask("/v1/encode", {"input": TEXTS, "encoding_format": "base64", "sparse": False})["data"]
    assert_close([floats(item["dense"]) for item in data], expected["dense_vecs"])
    for item, vectors in zip(data, expected["colbert_vecs"], strict=True):
        assert_close([floats(row) for row in item["colbert"]], vectors)


# Raw bytes


def raw(server: Server, route: str, body: object, dtype: str | None) -> np.ndarray:
    accept = "application/octet-stream" + (f"; dtype={dtype}" if dtype else "")
    response = server.post(route, body, headers={"Accept": accept})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/octet-stream")
    assert response.headers["x-dtype"] == (dtype or "float32")
    shape = [int(size) for size in response.headers["x-shape"].split(",")]
    return np.frombuffer(response.content, response.headers["x-dtype"]).reshape(shape)


@pytest.mark.parametrize("dtype", [None, "float32", "float16"])
@pytest.mark.parametrize("route", ["/score", "/embed", "/v1/embeddings", "/v1/encode"])
def test_raw_bytes(server, expected, route, dtype):
    body = {"inputs" if route == "/embed" else "input": TEXTS}
    if route == "/v1/encode":
        body |= {"sparse": False, "colbert": False}
    found = raw(server, route, body, dtype)
    assert found.shape == expected["dense_vecs"].shape
    np.testing.assert_allclose(found, expected["dense_vecs"], **({"atol": 5e-4} if dtype == "float16" else CLOSE))


def test_raw_bytes_of_dimensions(server, expected):
    found = raw(server, "/v1/embeddings", {"input": TEXTS[0], "dimensions": 8}, "float16")
    assert found.shape == (1, 8)
    np.testing.assert_allclose(found, unit(expected["dense_vecs"][:1, :8]), atol=5e-4)


def test_json_where_a_client_takes_anything(server):
    response = server.post("/score", ["a"], headers={"Accept": "*/*"})
    assert response.headers["content-type"].startswith("application/json")
