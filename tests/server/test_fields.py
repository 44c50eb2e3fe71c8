"""Fields of bodies, on every route: followed, passed over where they have no effect, or refused by name."""

import json

import pytest
from sample_texts import TEXTS
from server import BODIES, OTHER_BODIES, refused
from vectors import assert_close

ALL = {**BODIES, **OTHER_BODIES, "/": BODIES["/embed"], "/invocations": BODIES["/embed"]}
ALL |= {"/api/show": {"model": "tiny"}, "/openai/deployments/any/embeddings": BODIES["/v1/embeddings"]}


@pytest.mark.parametrize("route", ALL)
@pytest.mark.parametrize(
    ("name", "value"), [("return_sparse", True), ("unknown", 0), ("Input", "a"), ("max_length", 512), ("", [])]
)
def test_unknown_field_is_refused_by_name(server, route, name, value):
    message = refused(server.post(route, {**ALL[route], name: value}), 422, "invalid_argument")
    assert f"'{name}'" in message and "may have" in message


@pytest.mark.parametrize("route", ALL)
def test_unknown_field_without_a_value_is_none(server, route):
    """Libraries send all they know, as null."""
    assert server.post(route, {**ALL[route], "unknown": None}).status_code == 200


@pytest.mark.parametrize("route", ALL)
def test_json_within_a_json_string(server, route):
    """What requests.post(url, json=json.dumps(body)) sends."""
    message = refused(server.post(route, json.dumps(ALL[route])), 422, "invalid_argument")
    assert "encoded twice" in message


def test_text_that_is_json_is_a_text(server, expected, reference):
    texts = ['{"input": ["a"]}', '["a"]']
    assert_close(server.post("/score", texts).json(), reference.encode(texts)["dense_vecs"])
    assert_close(server.post("/score", '{"input": a').json(), reference.encode(['{"input": a'])["dense_vecs"])


@pytest.mark.parametrize("route", OTHER_BODIES)
@pytest.mark.parametrize("body", [b"", b"{", b"[NaN]", b'{"input": ["a"],}', b"\xff"])
def test_malformed_json(server, route, body):
    refused(server.client.post(route, content=body), 400, "invalid_json")


@pytest.mark.parametrize("route", OTHER_BODIES)
@pytest.mark.parametrize("body", [None, 5, "a text", ["a"]], ids=json.dumps)
def test_body_that_is_no_object(server, route, body):
    assert "object" in refused(server.post(route, body), 422, "invalid_argument")


@pytest.mark.parametrize(
    ("route", "change", "named"),
    [
        ("/v1/rerank", {"documents": [{"title": "no text"}]}, "documents"),
        ("/v1/rerank", {"documents": 5}, "documents"),
        ("/v1/rerank", {"top_n": 1.5}, "top_n"),
        ("/v1/rerank", {"return_documents": "maybe"}, "return_documents"),
        ("/v1/rerank", {"rank_fields": ["title", "text"]}, "rank_fields"),
        ("/v1/rerank", {"truncate": False}, "truncate"),
        ("/v1/rerank", {"truncate_prompt_tokens": 3}, "truncate_prompt_tokens"),
        ("/v1/rerank", {"raw_scores": True, "use_activation": True}, "use_activation"),
        ("/rerank", {"truncation_direction": "Left"}, "truncation_direction"),
        ("/v1/score", {"text_1": ["a", "b", "c"]}, "text_1"),
        ("/v1/score", {"text_2": None}, "text_2"),
        ("/similarity", {"inputs": {"source_sentence": "a"}}, "sentences"),
        ("/similarity", {"inputs": {"sentences": ["a"]}}, "source_sentence"),
        ("/similarity", {"inputs": ["a"]}, "inputs"),
        ("/similarity", {"parameters": {"normalize": True}}, "normalize"),
        ("/predict", {"inputs": "a"}, "inputs"),
        ("/predict", {"inputs": [["a"]]}, "inputs"),
        ("/predict", {"inputs": ["a", "b", "c"]}, "inputs"),
        ("/decode", {"ids": [[0, 250_002]]}, "ids"),
        ("/decode", {"ids": [[0, -1]]}, "ids"),
        ("/decode", {"ids": ["a"]}, "ids"),
        ("/decode", {"ids": [[1.5]]}, "ids"),
        ("/vertex", {"instances": [{"inputs": "a", "normalize": False}, {"inputs": "b"}]}, "instances"),
        ("/vertex", {"instances": [{"input": "a"}]}, "inputs"),
        ("/vertex", {"instances": "a"}, "instances"),
        ("/vertex", {"parameters": {"a": 1}}, "parameters"),
        ("/api/embed", {"options": {"num_ctx": "many"}}, "num_ctx"),
        ("/api/embed", {"options": {"unknown": 1}}, "options"),
        ("/api/embed", {"dimensions": 65}, "dimensions"),
        ("/api/embeddings", {"prompt": ["a"]}, "prompt"),
        ("/v1/embeddings", {"late_chunking": True}, "late_chunking"),
        ("/v1/embeddings", {"task": "classification"}, "task"),
        ("/v1/embeddings", {"input_type": "query", "prompt": "a"}, "input_type"),
        ("/v1/embeddings", {"dimensions": 8, "output_dimension": 8}, "output_dimension"),
        ("/v1/embeddings", {"truncate": True, "truncation": True}, "truncation"),
        ("/v1/embeddings", {"truncation_direction": "up"}, "truncation_direction"),
        ("/v1/encode", {"sparse_format": "dict"}, "sparse_format"),
        ("/v1/encode", {"sparse": False, "top_k": 3}, "top_k"),
        ("/v1/encode", {"dense": False, "colbert": False, "dimensions": 3}, "dimensions"),
        ("/v1/encode", {"dense": False, "colbert": False, "output_dtype": "int8"}, "output_dtype"),
        ("/api/embed", {"options": {"num_ctx": 2}}, "num_ctx"),
    ],
)
def test_field_of_a_wrong_value(server, route, change, named):
    assert f"'{named}'" in refused(server.post(route, {**ALL[route], **change}), 422, "invalid_argument")


# Token ids


def ids_of(reference, texts: list[str]) -> list[list[int]]:
    return reference.tokenizer(texts)["input_ids"]


@pytest.mark.parametrize("route", ["/v1/embeddings", "/v1/encode", "/score", "/embed", "/api/embed"])
def test_token_ids_stand_for_their_texts(server, reference, expected, route):
    field = "inputs" if route == "/embed" else "input"
    answer = server.post(route, {field: ids_of(reference, TEXTS)}).json()
    if isinstance(answer, dict):
        answer = answer.get("embeddings") or [item.get("embedding", item.get("dense")) for item in answer["data"]]
    assert_close(answer, expected["dense_vecs"])


def test_token_ids_of_one_text(server, reference, expected):
    answer = server.post("/v1/embeddings", {"input": ids_of(reference, TEXTS[:1])[0]}).json()
    assert_close(answer["data"][0]["embedding"], expected["dense_vecs"][0])


@pytest.mark.parametrize("ids", [[9906, 4435], [[9906, 4435]], [[0, 5, 2], [0, 5]], [[0]], [0]], ids=json.dumps)
def test_token_ids_of_another_tokenizer(server, ids):
    message = refused(server.post("/v1/embeddings", {"input": ids}), 422, "invalid_argument")
    assert "check_embedding_ctx_length=False" in message


@pytest.mark.parametrize("ids", [[0, 250_002, 2], [[0, 2**40, 2]], [[0, -3, 2]], [[0, 1.5, 2]], [[0, "a", 2]]])
def test_token_ids_that_are_none(server, ids):
    assert "'input'" in refused(server.post("/v1/embeddings", {"input": ids}), 422, "invalid_argument")


@pytest.mark.parametrize("field", ["prompt", "prompt_name", "input_type", "task"])
def test_prompt_does_not_go_with_token_ids(server, field):
    value = "retrieval.query" if field == "task" else "query"
    refused(server.post("/v1/embeddings", {"input": [[0, 5, 2]], field: value}), 422, "invalid_argument")


def test_token_ids_have_a_limit(server):
    """A million numbers; the values of a body take memory for as long as it is read."""
    fits, many = ([[0, *[5] * count, 2]] for count in (900_000, 1_100_000))
    assert server.post("/v1/embeddings", {"input": fits}, timeout=60).status_code == 200
    refused(server.post("/v1/embeddings", {"input": many}), 413, "too_many_texts")


# What a client can make grow


@pytest.mark.parametrize(
    ("route", "fields"),
    [
        ("/tokenize", {}),
        ("/embed", {}),
        ("/embed", {"truncation_direction": "left"}),
        ("/v1/embeddings", {}),
    ],
)
def test_prompt_before_many_texts_has_a_limit(start_stub, route, fields):
    """It is put before each: no more text comes of that than a body may have."""
    field = "input" if route == "/v1/embeddings" else "inputs"
    with start_stub("--max-body-mb", 1) as server:
        fits, large = ({field: ["a"] * 100, "prompt": "x" * size, **fields} for size in (10_485, 10_486))
        assert server.post(route, fits).status_code == 200
        assert "1048576" in refused(server.post(route, large), 413, "body_too_large")


def test_instances_have_a_limit_of_fields(server):
    """Each is compared with the first."""
    instances = [{"inputs": "a", **dict.fromkeys(map(str, range(count)))} for count in (63, 64)]
    assert server.post("/vertex", {"instances": [instances[0]] * 500}).status_code == 200
    assert "64" in refused(server.post("/vertex", {"instances": [instances[1]] * 2}), 422, "invalid_argument")


# Other names of the same


def dense_of(answer) -> list[list[float]]:
    return [item["embedding"] for item in answer.json()["data"]]


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({"output_dimension": 8}, {"dimensions": 8}),
        ({"normalized": False}, {"normalize": False}),
        ({"input_type": "query"}, {"prompt_name": "query"}),
        ({"task": "retrieval.query"}, {"prompt_name": "query"}),
        ({"input_type": "document"}, {}),
        ({"task": "text-matching", "late_chunking": False, "drop_params": True, "priority": 3}, {}),
    ],
    ids=lambda fields: ",".join(fields),
)
def test_names_of_other_services(stub, fields, same):
    """The stub has a prompt for queries."""
    found = stub.post("/v1/embeddings", {"input": TEXTS, **fields})
    assert found.status_code == 200, found.text
    assert dense_of(found) == dense_of(stub.post("/v1/embeddings", {"input": TEXTS, **same}))


@pytest.mark.parametrize("limit", [8, 20])
def test_limit_of_tokens(server, reference, limit):
    wanted = reference.encode(TEXTS, max_length=limit)["dense_vecs"]
    found = server.post("/v1/embeddings", {"input": TEXTS, "truncate_prompt_tokens": limit})
    assert_close(dense_of(found), wanted)
    found = server.post("/api/embed", {"input": TEXTS, "options": {"num_ctx": limit, "temperature": 0.5}})
    assert_close(found.json()["embeddings"], wanted)
