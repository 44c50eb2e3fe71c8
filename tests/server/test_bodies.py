"""The seed inputs of fuzz_bodies through the whole server: each is answered, with a vector for each text, or refused."""

import json
import pathlib
from typing import Any

import pytest
from make_server_corpus import ROUTES  # as fuzz_bodies numbers them
from server import refused

CORPUS = pathlib.Path(__file__).parents[1] / "fuzz" / "corpus" / "bodies"
STATUSES = {"invalid_json": 400, "invalid_argument": 422, "too_many_texts": 413}
PAIRS = [("text_1", "text_2"), ("queries", "documents"), ("queries", "items"), ("data_1", "data_2")]


def count_texts(field: Any) -> int:
    """One text or many, or the token ids of one or of many."""
    is_one = not isinstance(field, list) or (field and isinstance(field[0], int))
    return 1 if is_one else len(field)


def count_pairs(field: list) -> int:
    return 1 if len(field) == 2 and isinstance(field[0], str) else len(field)


def count_ranked(body: dict) -> int:
    texts = count_texts(body.get("documents") or body.get("texts"))
    top_n = body.get("top_n") or 0
    return min(texts, top_n) if top_n > 0 else texts


def count_ollama(field: Any) -> int:
    """An empty text is none."""
    return 0 if field == "" else count_texts(field)


def count_inputs(body: Any) -> int:
    if not isinstance(body, dict):
        return count_texts(body)
    for first, second in PAIRS:
        if first in body and second in body:
            return count_texts(body[second])
    if "query" in body:
        return count_ranked(body)
    inputs = body["inputs"] if "inputs" in body else body["input"]
    return count_texts(inputs["sentences"] if isinstance(inputs, dict) else inputs)


SPECIAL = {
    "/api/embed": lambda body: count_ollama(body["input"]),
    "/api/embeddings": lambda body: count_ollama(body["prompt"]),
    "/predict": lambda body: count_pairs(body["inputs"]),
    "/decode": lambda body: count_texts(body["ids"]),
    "/vertex": lambda body: sum(count_texts(instance["inputs"]) for instance in body["instances"]),
}


def count_found(answer: Any) -> int:
    if isinstance(answer, list):
        return len(answer)
    if "predictions" in answer:
        return sum(map(len, answer["predictions"]))
    if "embedding" in answer:
        return 1 if answer["embedding"] else 0
    return len(next(answer[name] for name in ("data", "results", "embeddings") if name in answer))


def expect_refusal(route: str, response: Any) -> None:
    if route.startswith("/api/"):
        assert response.status_code in STATUSES.values() or (route, response.status_code) == ("/api/show", 404)
        assert response.json().keys() == {"error"} and response.json()["error"]
        return
    code = response.json()["error"]["code"]
    assert code in STATUSES, route
    refused(response, STATUSES[code], code)


@pytest.mark.parametrize("seed", sorted(CORPUS.iterdir()), ids=lambda seed: seed.name)
def test_body_is_answered_or_refused(stub, seed):
    """On its own route and on all others."""
    body = seed.read_bytes()[1:]
    for route in ROUTES:
        response = stub.client.post(route, content=body)
        if response.status_code != 200:
            expect_refusal(route, response)
        elif route == "/api/show":
            assert response.json()["details"]
        else:
            count = SPECIAL.get(route, count_inputs)
            assert count_found(response.json()) == count(json.loads(body)), route


def test_seeds_are_there_for_each_route():
    chosen = {seed.read_bytes()[0] % 64 for seed in CORPUS.iterdir()}
    assert chosen == set(range(len(ROUTES)))


@pytest.mark.parametrize("route", ROUTES)
def test_a_seed_of_each_route_is_answered(stub, route):
    """So that the routes are numbered as fuzz_bodies numbers them; of another route most seeds are refused."""
    bodies = [seed.read_bytes() for seed in CORPUS.iterdir()]
    own = [body[1:] for body in bodies if body[0] % 64 == ROUTES.index(route)]
    assert 200 in {stub.client.post(route, content=body).status_code for body in own}


def test_routes_are_those_of_the_server(stub):
    """In its order, but for those that are another address of one before. "/" comes first there, as it has a GET, too."""
    summaries = {
        path: item["post"]["summary"]
        for path, item in stub.get("/openapi.json").json()["paths"].items()
        if "post" in item
    }
    first = {summary: path for path, summary in reversed(summaries.items())}
    assert sorted(first.values()) == sorted(ROUTES)
    assert [path for path in summaries if path in ROUTES and path != "/"] == [path for path in ROUTES if path != "/"]
