"""Prompts that a request names, on each route that embeds."""

import pytest

ROUTES = {
    "/v1/embeddings": "input",
    "/v1/encode": "input",
    "/score": "input",
    "/embed": "inputs",
    "/embed_sparse": "inputs",
    "/embed_all": "inputs",
}
TEXTS = ["a text", "", "another"]


def vectors(answer) -> object:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return body["data"] if isinstance(body, dict) else body


@pytest.mark.parametrize("route", ROUTES)
def test_prompt_comes_before_each_text(stub, route):
    key = ROUTES[route]
    expected = vectors(stub.post(route, {key: ["question: " + text for text in TEXTS]}))
    assert vectors(stub.post(route, {key: TEXTS, "prompt": "question: "})) == expected
    assert vectors(stub.post(route, {key: TEXTS, "prompt_name": "query"})) == expected
    plain = vectors(stub.post(route, {key: TEXTS}))
    assert plain != expected
    assert vectors(stub.post(route, {key: TEXTS, "prompt": ""})) == plain
    assert vectors(stub.post(route, {key: TEXTS, "prompt_name": "document"})) == plain
    assert vectors(stub.post(route, {key: TEXTS, "prompt_name": None})) == plain


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "fields, told",
    [
        ({"prompt_name": "nix"}, "prompt_name should be one of: query; found 'nix'"),
        ({"prompt_name": "query", "prompt": "x"}, "exclude each other"),
        ({"prompt": 3}, "'prompt' should be"),
        ({"prompt_name": ["query"]}, "'prompt_name' should be"),
    ],
    ids=["unknown", "both", "number", "list"],
)
def test_prompts_that_are_none(stub, route, fields, told):
    answer = stub.post(route, {ROUTES[route]: TEXTS, **fields})
    assert 400 <= answer.status_code < 500
    assert told in answer.text


def test_prompt_counts_into_the_length(stub):
    long = "word " * 9000
    refused = stub.post("/embed", {"inputs": ["a"], "prompt": long, "truncate": False})
    assert refused.status_code == 422
    assert "more than" in refused.text


def test_info_names_the_prompts(stub):
    info = stub.get("/info").json()
    assert (info["prompts"], info["default_prompt_name"]) == (["query"], None)
