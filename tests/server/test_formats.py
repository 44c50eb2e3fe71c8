"""Vectors as digits, as base64 and as raw bytes: every form has the same numbers."""

import base64
import re

import numpy as np
import pytest
from sample_texts import TEXTS
from sentence_transformers.util.quantization import quantize_embeddings
from server import Server, refused
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


# Numbers of fewer bits


TYPES = ["float32", "float16", "int8", "uint8", "binary", "ubinary"]
ELEMENTS = {"float32": "<f4", "float16": "<f2", "int8": "i1", "uint8": "u1", "binary": "i1", "ubinary": "u1"}
FIELDS = {"/score": "input", "/embed": "inputs", "/v1/embeddings": "input", "/v1/encode": "input"}
FIELDS |= {"/api/embed": "input", "/embed_all": "inputs", "/vertex": "instances"}


def quantised(vectors: np.ndarray, kind: str) -> np.ndarray:
    """What a vector is in that type; bits as sentence-transformers packs them."""
    if kind in ("binary", "ubinary"):
        return quantize_embeddings(np.asarray(vectors, np.float32), kind)
    if kind.startswith("float"):
        return np.asarray(vectors, kind)
    scaled = np.rint(vectors * (np.float32(127) / np.abs(vectors).max(axis=-1, keepdims=True)))
    return scaled.astype(np.int8) if kind == "int8" else (scaled + 128).astype(np.uint8)


def rows_of(answer: object) -> list:
    """Vectors of any route, as they were sent."""
    if isinstance(answer, dict) and "predictions" in answer:
        return [row for rows in answer["predictions"] for row in rows]
    if isinstance(answer, dict):
        return answer.get("embeddings") or [item.get("embedding", item.get("dense")) for item in answer["data"]]
    return answer


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("route", FIELDS)
def test_types_of_numbers(stub, route, kind):
    """The same on every route, as numbers and in base64."""
    texts = [{"inputs": text} for text in TEXTS] if route == "/vertex" else TEXTS

    def ask(**fields) -> list:
        if route == "/vertex":
            body = {"instances": [{**text, **fields} for text in texts]}
        else:
            body = {FIELDS[route]: texts, **fields}
        response = stub.post(route, body)
        assert response.status_code == 200, response.text
        rows = rows_of(response.json())
        return [row for text in rows for row in text] if route == "/embed_all" else rows

    full = np.array(ask(), np.float32)
    wanted = quantised(full, kind)
    for fields in (
        {"encoding_format": kind},
        {"output_dtype": kind},
        {"output_dtype": kind, "encoding_format": "float"},
    ):
        assert np.array_equal(np.array(ask(**fields), wanted.dtype), wanted), fields
    packed = [
        np.frombuffer(base64.b64decode(row), ELEMENTS[kind]) for row in ask(output_dtype=kind, encoding_format="base64")
    ]
    assert np.array_equal(packed, wanted)


@pytest.mark.parametrize("kind", TYPES)
def test_raw_bytes_of_each_type(server, expected, kind):
    """As numpy reads them."""
    response = server.post("/score", TEXTS, headers={"Accept": f"application/octet-stream; dtype={kind}"})
    shape = [int(size) for size in response.headers["x-shape"].split(",")]
    found = np.frombuffer(response.content, response.headers["x-dtype"]).reshape(shape)
    assert found.dtype == np.dtype(ELEMENTS[kind])
    wanted = quantised(expected["dense_vecs"], kind)
    assert found.shape == wanted.shape
    same = server.post("/score", {"input": TEXTS, "output_dtype": kind}, headers={"Accept": "application/octet-stream"})
    assert same.content == response.content
    if kind.endswith("int8"):  # the last digits decide between neighbours
        assert np.abs(found.astype(int) - wanted).max() <= 1


def test_int8_keeps_angles(server, expected):
    found = np.array(server.post("/embed", {"inputs": TEXTS, "output_dtype": "int8"}).json(), np.float32)
    dense = expected["dense_vecs"]
    np.testing.assert_allclose(unit(found) @ unit(found).T, dense @ dense.T, atol=0.01)
    assert set(np.abs(found).max(axis=1)) == {127}


def test_dimensions_that_fill_no_byte(server):
    """The rest of the last byte is zero, as numpy.packbits has it."""
    body = {"inputs": TEXTS, "dimensions": 12}
    bits = np.array(server.post("/embed", body).json()) > 0
    found = server.post("/embed", {**body, "output_dtype": "ubinary"}).json()
    assert np.array_equal(found, np.packbits(bits, axis=1))


@pytest.mark.parametrize(
    ("fields", "accept", "named"),
    [
        ({"encoding_format": "int8", "output_dtype": "int8"}, "*/*", "output_dtype"),
        ({"encoding_format": "float", "embedding_type": "float"}, "*/*", "embedding_type"),
        ({"output_dtype": "base64"}, "*/*", "output_dtype"),
        ({"output_dtype": "fp4"}, "*/*", "output_dtype"),
        ({"encoding_format": ["float"]}, "*/*", "encoding_format"),
        ({"output_dtype": "int8"}, "application/octet-stream; dtype=uint8", "contradict"),
        ({}, "application/octet-stream; dtype=fp4", "fp4"),
    ],
)
def test_formats_that_are_none(server, fields, accept, named):
    response = server.post("/v1/embeddings", {"input": TEXTS, **fields}, headers={"Accept": accept})
    assert named in refused(response, 422, "invalid_argument")


@pytest.mark.parametrize(
    ("accept", "is_raw"),
    [
        ("APPLICATION/octet-stream; DTYPE=int8", True),
        ("text/html, application/octet-stream;dtype=int8", True),
        ("application/octet-stream ; q=0.9 ; dtype=int8, */*", True),
        ("application/json, application/octet-stream;dtype=int8", False),
        ("*/*, application/octet-stream;dtype=int8", False),
        ("application/octet-streamX", False),
    ],
)
def test_raw_bytes_as_they_are_accepted(stub, accept, is_raw):
    response = stub.post("/score", TEXTS, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers.get("x-dtype") == ("int8" if is_raw else None)


def test_base64_and_raw_bytes_contradict_each_other(stub):
    body = {"input": TEXTS, "encoding_format": "base64"}
    response = stub.post("/v1/embeddings", body, headers={"Accept": "application/octet-stream"})
    assert "base64" in refused(response, 422, "invalid_argument")


def test_fewer_bits_need_less_room(start_stub):
    """The limit of an answer is for what is sent: 16 numbers of a vector take 200 bytes as digits, and 2 as bits."""
    with start_stub("--max-answer-mb", 1, "--max-texts", 20_000) as server:
        texts = {"input": ["a"] * 10_000}
        refused(server.post("/v1/embeddings", texts), 413, "answer_too_large")
        for fields in ({"output_dtype": "ubinary"}, {"output_dtype": "float16", "encoding_format": "base64"}):
            assert server.post("/v1/embeddings", {**texts, **fields}).status_code == 200


@pytest.mark.parametrize("route", ["/embed_all", "/v1/encode", "/api/embed"])
def test_raw_bytes_hold_one_vector_for_each_text(server, route):
    response = server.post(route, {FIELDS[route]: TEXTS}, headers={"Accept": "application/octet-stream"})
    refused(response, 406, "not_acceptable")


def test_sparse_vectors_as_lists(ask, expected):
    """As Qdrant takes them."""
    data = ask("/v1/encode", {"input": TEXTS, "sparse_format": "lists"})["data"]
    same = ask("/v1/encode", {"input": TEXTS, "sparse_format": "object"})["data"]
    for item, other, weights in zip(data, same, expected["lexical_weights"], strict=True):
        assert item["sparse"].keys() == {"indices", "values"}
        found = dict(zip(map(str, item["sparse"]["indices"]), item["sparse"]["values"], strict=True))
        assert found == other["sparse"]
        assert found == pytest.approx(weights, rel=1e-4, abs=1e-6)


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
