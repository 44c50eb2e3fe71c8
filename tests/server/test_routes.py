"""Every route answers with what the Python package computes for the same texts."""

import numpy as np
import pytest
import transformers
from sample_texts import TEXTS
from server import BODIES, GET_ROUTES, Server, refused
from vectors import assert_close, unit

import bgem3

# /score


@pytest.mark.parametrize("body", [{"input": TEXTS}, TEXTS], ids=["object", "list"])
def test_score(ask, expected, body):
    assert_close(ask("/score", body), expected["dense_vecs"])


def test_score_of_one_text(ask, expected):
    found = ask("/score", {"input": TEXTS[2]})
    assert np.shape(found) == (1, expected["dense_vecs"].shape[1])
    assert_close(found[0], expected["dense_vecs"][2])


def test_equal_texts_have_equal_vectors(ask):
    first, _, last = ask("/score", [TEXTS[0], TEXTS[1], TEXTS[0]])
    assert first == last


def test_text_with_control_characters_and_escapes(ask, reference):
    texts = ['a\x00b\nc\r\t"\\', "\U0001f600 \u202e", " " * 40]
    assert_close(ask("/score", texts), reference.encode(texts)["dense_vecs"])


# OpenAI's


def test_openai_embeddings(ask, expected):
    answer = ask("/v1/embeddings", {"input": TEXTS, "model": "any name", "user": "someone"})
    assert answer["object"] == "list" and answer["model"]
    assert [item["object"] for item in answer["data"]] == ["embedding"] * len(TEXTS)
    assert [item["index"] for item in answer["data"]] == list(range(len(TEXTS)))
    assert_close([item["embedding"] for item in answer["data"]], expected["dense_vecs"])


def test_openai_usage_counts_tokens(ask, reference):
    tokens = sum(len(ids) for ids in reference.tokenizer(TEXTS)["input_ids"])
    usage = ask("/v1/embeddings", {"input": TEXTS})["usage"]
    assert usage == {"prompt_tokens": tokens, "total_tokens": tokens}


def test_openai_input_of_one_text(ask, expected):
    (item,) = ask("/v1/embeddings", {"input": TEXTS[0], "encoding_format": "float"})["data"]
    assert_close(item["embedding"], expected["dense_vecs"][0])


@pytest.mark.parametrize("dimensions", [1, 8, 64])
def test_dimensions_are_the_first_ones_normalised(ask, expected, dimensions):
    cut = unit(expected["dense_vecs"][:, :dimensions])
    openai = ask("/v1/embeddings", {"input": TEXTS, "dimensions": dimensions})
    assert_close([item["embedding"] for item in openai["data"]], cut)
    assert_close(ask("/embed", {"inputs": TEXTS, "dimensions": dimensions}), cut)
    ours = ask("/v1/encode", {"input": TEXTS, "dimensions": dimensions, "sparse": False, "colbert": False})
    assert_close([item["dense"] for item in ours["data"]], cut)


# /v1/encode


def assert_sparse(found: list[dict], wanted: list[dict]) -> None:
    assert [weights.keys() for weights in found] == [weights.keys() for weights in wanted]
    for weights, reference in zip(found, wanted, strict=True):
        assert weights == pytest.approx(reference, rel=1e-4, abs=1e-6)


def test_encode_gives_all_that_the_model_has(ask, expected, reference):
    answer = ask("/v1/encode", {"input": TEXTS})
    data, tokens = answer["data"], [len(ids) for ids in reference.tokenizer(TEXTS)["input_ids"]]
    assert [item["index"] for item in data] == list(range(len(TEXTS)))
    assert [item["tokens"] for item in data] == tokens
    assert answer["usage"]["total_tokens"] == sum(tokens) and answer["model"]
    assert_close([item["dense"] for item in data], expected["dense_vecs"])
    assert_sparse([item["sparse"] for item in data], expected["lexical_weights"])
    for item, vectors in zip(data, expected["colbert_vecs"], strict=True):
        assert_close(item["colbert"], vectors)


@pytest.mark.parametrize("kind", ["dense", "sparse", "colbert"])
def test_encode_one_kind(ask, kind):
    kinds = {name: name == kind for name in ("dense", "sparse", "colbert")}
    (item,) = ask("/v1/encode", {"input": TEXTS[0], **kinds})["data"]
    assert {"dense", "sparse", "colbert"} & item.keys() == {kind}


def largest(weights: dict[str, float], count: int) -> dict[str, float]:
    return dict(sorted(weights.items(), key=lambda pair: -pair[1])[:count])


def test_encode_keeps_the_largest_weights(ask, expected):
    data = ask("/v1/encode", {"input": TEXTS, "top_k": 3})["data"]
    assert_sparse_sets([item["sparse"] for item in data], [largest(w, 3) for w in expected["lexical_weights"]])


def assert_sparse_sets(found: list[dict], wanted: list[dict]) -> None:
    """As dict equality: the order of entries is not part of it."""
    assert_sparse(
        [dict(sorted(weights.items())) for weights in found], [dict(sorted(weights.items())) for weights in wanted]
    )


# text-embeddings-inference's


def test_embed(ask, expected):
    assert_close(ask("/embed", {"inputs": TEXTS}), expected["dense_vecs"])
    assert_close(ask("/embed", {"inputs": TEXTS[1], "truncate": True, "normalize": True}), expected["dense_vecs"][1:2])


def test_address_alone_is_embed(ask):
    body = {"inputs": TEXTS, "dimensions": 8}
    assert ask("/", body) == ask("/embed", body)


def test_embed_unnormalised(ask, tiny):
    raw = bgem3.BGEM3FlagModel(str(tiny), normalize_embeddings=False, dtype="float32", devices="cpu")
    wanted = raw.encode(TEXTS)["dense_vecs"]
    assert np.abs(np.linalg.norm(wanted, axis=1) - 1).min() > 0.1
    assert_close(ask("/embed", {"inputs": TEXTS, "normalize": False}), wanted)


def test_embed_normalises_also_what_the_model_does_not(server_program, tiny, tmp_path):
    """As text-embeddings-inference; the other routes follow the model."""
    of_sentence_transformers = {"modules.json", "1_Pooling", "sentence_bert_config.json"}
    for file in tiny.iterdir():
        if not file.name.endswith("_linear.pt") and file.name not in of_sentence_transformers:
            (tmp_path / file.name).symlink_to(file)
    with Server(server_program, "--model", tmp_path, "--dtype", "float32") as server:
        of_the_model = np.array(server.post("/score", TEXTS).json())
        assert np.abs(np.linalg.norm(of_the_model, axis=1) - 1).min() > 0.1
        assert_close(server.post("/embed", {"inputs": TEXTS}).json(), unit(of_the_model))
        assert_close(server.post("/embed", {"inputs": TEXTS, "normalize": False}).json(), of_the_model)


def as_weights(rows: list[list[dict]]) -> list[dict[str, float]]:
    return [{str(item["index"]): item["value"] for item in row} for row in rows]


def test_embed_sparse(ask, expected):
    assert_sparse_sets(as_weights(ask("/embed_sparse", {"inputs": TEXTS})), expected["lexical_weights"])
    wanted = [largest(w, 2) for w in expected["lexical_weights"]]
    assert_sparse_sets(as_weights(ask("/embed_sparse", {"inputs": TEXTS, "top_k": 2})), wanted)


def test_embed_all(ask, expected):
    found = ask("/embed_all", {"inputs": TEXTS})
    assert len(found) == len(TEXTS)
    for vectors, wanted in zip(found, expected["colbert_vecs"], strict=True):
        assert_close(vectors, wanted)


@pytest.mark.parametrize("special", [True, False])
def test_tokenize(ask, reference, special):
    found = ask("/tokenize", {"inputs": TEXTS, "add_special_tokens": special})
    wanted = reference.tokenizer(TEXTS, add_special_tokens=special)["input_ids"]
    assert [[token["id"] for token in row] for row in found] == wanted
    for row, ids in zip(found, wanted, strict=True):
        assert [token["special"] for token in row] == [i in reference.tokenizer.all_special_ids for i in ids]


def test_tokenize_one_text_with_special_tokens(ask, reference):
    (row,) = ask("/tokenize", {"inputs": "Hello World"})
    assert [token["id"] for token in row] == reference.tokenizer.encode("Hello World")
    assert row[0]["text"] == "<s>" and row[0]["special"] and not row[1]["special"]


@pytest.mark.parametrize("prompt", ["", "é query: "])
def test_tokens_have_places(server, tiny, prompt):
    """Bytes of the text with its prompt, as text-embeddings-inference tells them; tokenizers itself counts characters."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    body = {"inputs": TEXTS, "prompt": prompt}
    for text, row in zip(TEXTS, server.post("/tokenize", body).json(), strict=True):
        whole = prompt + text
        wanted = tokenizer(whole, return_offsets_mapping=True)
        assert [token["id"] for token in row] == wanted["input_ids"]
        assert row[0]["start"] is row[0]["stop"] is row[-1]["start"] is None
        assert (row[0]["text"], row[-1]["text"]) == ("<s>", "</s>")
        for token, (begin, end) in zip(row[1:-1], wanted["offset_mapping"][1:-1], strict=True):
            assert (token["start"], token["stop"]) == (len(whole[:begin].encode()), len(whole[:end].encode()))
            assert token["text"] == whole[begin:end]


@pytest.mark.parametrize("skip", [True, False])
def test_decode(ask, reference, skip):
    ids = reference.tokenizer(TEXTS)["input_ids"]
    found = ask("/decode", {"ids": ids, "skip_special_tokens": skip})
    assert found == reference.tokenizer.batch_decode(ids, skip_special_tokens=skip)
    assert ask("/decode", {"ids": ids[0]}) == [reference.tokenizer.decode(ids[0], skip_special_tokens=True)]
    assert ask("/decode", {"ids": [[3, 0, 2], []]}) == ["", ""]


def test_similarity(ask, expected):
    dense = expected["dense_vecs"]
    body = {"inputs": {"source_sentence": TEXTS[0], "sentences": TEXTS[1:]}}
    assert_close(ask("/similarity", body), dense[1:] @ dense[0])
    assert_close(ask("/", {**body, "parameters": {}}), dense[1:] @ dense[0])
    assert ask("/similarity", {"inputs": {"source_sentence": "a", "sentences": []}}) == []


def test_text_loses_the_end_that_is_asked_for(short, tiny):
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    for side in ("left", "right"):
        tokenizer.truncation_side = side
        ids = tokenizer(TEXTS, truncation=True, max_length=16)["input_ids"]
        wanted = short.post("/embed", {"inputs": ids}).json()
        for direction in (side, side.capitalize()):
            assert short.post("/embed", {"inputs": TEXTS, "truncation_direction": direction}).json() == wanted
    body = {"input": TEXTS[:2], "truncate": False, "truncation_direction": "left"}
    assert short.post("/v1/embeddings", body).status_code == 200


# GET


@pytest.mark.parametrize("route", ["/", "/health", "/ready", "/ping"])
def test_works_and_is_ready(server, route):
    assert server.get(route).status_code == 200


@pytest.mark.parametrize("route", GET_ROUTES)
def test_query_string_changes_nothing(server, route):
    assert server.get(f"{route}?probe=1").status_code == 200


def test_info(server, tiny):
    info = server.get("/info").json()
    assert tiny.name in info["model_id"] and info["model_dtype"] == "float32"
    assert info["max_concurrent_requests"] == 256
    assert info["max_client_batch_size"] == 2048
    assert info["max_input_length"] == 8192
    assert info["max_batch_tokens"] > 0
    assert info["version"] == bgem3.__version__
    # What text-embeddings-inference's clients read, under its names.
    assert info["model_type"] == {"embedding": {"pooling": "cls"}}
    assert info["max_batch_requests"] == 64
    assert info["served_model_name"] == info["model_id"] and info["tokenization_workers"] >= 1
    assert {"model_sha", "auto_truncate", "sha", "docker_label"} <= info.keys()


def test_documents(server):
    assert server.get("/openapi.json").headers["content-type"].startswith("application/json")
    page = server.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert all(f'id="{name}"' in page.text for name in ("texts", "route", "send", "answer", "key"))


# A server without reranker, and a model without heads


def test_rerank_without_reranker(headless):
    assert "--reranker" in refused(headless.post("/rerank", BODIES["/rerank"]), 404, "not_found")


def test_encode_without_heads_gives_dense_vectors(headless, expected):
    data = headless.post("/v1/encode", {"input": TEXTS}).json()["data"]
    assert_close([item["dense"] for item in data], expected["dense_vecs"])
    assert not any({"sparse", "colbert"} & item.keys() for item in data)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/embed_sparse", {"inputs": "a"}),
        ("/embed_all", {"inputs": "a"}),
        ("/v1/encode", {"input": "a", "sparse": True}),
        ("/v1/encode", {"input": "a", "colbert": True}),
    ],
)
def test_kinds_need_heads(headless, route, body):
    response = headless.post(route, body)
    assert response.status_code == 422 and response.json()["error"]["code"] == "invalid_argument"


# Long texts


@pytest.fixture(scope="module")
def short(start_server) -> Server:
    """Takes 16 tokens of a text."""
    with start_server("--max-length", 16) as running:
        yield running


def test_long_texts_are_cut(short, reference):
    wanted = reference.encode(TEXTS, max_length=16)
    data = short.post("/v1/encode", {"input": TEXTS}).json()["data"]
    assert max(item["tokens"] for item in data) == 16
    assert_close([item["dense"] for item in data], wanted["dense_vecs"])
    assert_sparse([item["sparse"] for item in data], wanted["lexical_weights"])


@pytest.mark.parametrize("route", ["/v1/encode", "/embed", "/embed_sparse", "/embed_all"])
def test_long_texts_are_refused_on_request(short, route):
    field = "input" if route == "/v1/encode" else "inputs"
    assert short.post(route, {field: TEXTS[:2], "truncate": False}).status_code == 200
    response = short.post(route, {field: [TEXTS[0], TEXTS[-1]], "truncate": False})
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["code"] == "invalid_argument" and "16" in error["message"]


def test_text_of_two_megabytes(short, reference):
    text = "слово " * 175_000
    wanted = reference.encode([text[:200]], max_length=16)["dense_vecs"]
    assert_close(short.post("/score", [text]).json(), wanted)
