"""The seed inputs of fuzz_bodies through the whole server: each is answered, with a vector for each text, or refused."""

import json
import pathlib

import pytest
from server import BODIES, refused

CORPUS = pathlib.Path(__file__).parents[1] / "fuzz" / "corpus" / "bodies"
ROUTES = [*BODIES, "/"]


def count_texts(body: bytes) -> int:
    parsed = json.loads(body)
    if isinstance(parsed, dict):
        parsed = next(parsed[name] for name in ("texts", "inputs", "input") if name in parsed)
    return 1 if isinstance(parsed, str) else len(parsed)


def count_rows(answer: object) -> int:
    return len(answer["data"] if isinstance(answer, dict) else answer)


@pytest.mark.parametrize("seed", sorted(CORPUS.iterdir()), ids=lambda seed: seed.name)
def test_body_is_answered_or_refused(stub, seed):
    """On its own route and on all others."""
    body = seed.read_bytes()[1:]
    for route in ROUTES:
        response = stub.client.post(route, content=body)
        if response.status_code == 200:
            assert count_rows(response.json()) == count_texts(body), route
        else:
            code = response.json()["error"]["code"]
            assert code in ("invalid_json", "invalid_argument", "too_many_texts"), route
            refused(response, {"invalid_json": 400, "invalid_argument": 422, "too_many_texts": 413}[code], code)


def test_seeds_are_there_for_each_route():
    chosen = {seed.read_bytes()[0] % 16 for seed in CORPUS.iterdir()}
    assert chosen == set(range(len(ROUTES)))
