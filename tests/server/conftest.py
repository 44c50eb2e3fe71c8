"""Fixtures of the server's tests. Environment, set by ctest:

BGEM3_SERVER       path of the built bgem3-server
BGEM3_STUB_SERVER  the same server with a stub in place of the model, whose texts can ask for delays and failures:
                   "sleep N", "stall N", "out of memory", "internal error", "failing allocations N" (one in N, from
                   then on) at the start of a text
"""

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from clients import KEY
from prepared import program
from sample_texts import TEXTS
from server import Server

import bgem3

pytest_plugins = ["shared_fixtures", "docs_page"]

# Clients would otherwise ask a proxy for 127.0.0.1.
os.environ.update(NO_PROXY="127.0.0.1,localhost", no_proxy="127.0.0.1,localhost")


@pytest.fixture(scope="session")
def start_server(server_program, tiny) -> Callable[..., Server]:
    """The server with further options, to be used in a `with`."""
    return functools.partial(Server, server_program, "--model", tiny, "--dtype", "float32")


@pytest.fixture(scope="session")
def start_stub(nano) -> Callable[..., Server]:
    """The stub server with further options, to be used in a `with`."""
    return functools.partial(Server, program("BGEM3_STUB_SERVER"), "--model", nano)


@pytest.fixture(scope="session")
def server(start_server, tiny_reranker) -> Iterator[Server]:
    with start_server("--reranker", tiny_reranker) as running:
        yield running


@pytest.fixture(scope="session")
def stub(start_stub) -> Iterator[Server]:
    with start_stub() as running:
        yield running


@pytest.fixture(scope="module")
def impatient(start_stub) -> Server:
    """Waits half a second for a request."""
    with start_stub("--read-timeout-ms", 500, "--idle-timeout-ms", 700) as running:
        yield running


@pytest.fixture(scope="session")
def reference(tiny) -> bgem3.BGEM3FlagModel:
    """The same model in this process."""
    return bgem3.BGEM3FlagModel(str(tiny), dtype="float32", devices="cpu", return_sparse=True, return_colbert_vecs=True)


@pytest.fixture(scope="session")
def expected(reference) -> dict:
    """What the same model in this process computes for TEXTS."""
    return reference.encode(TEXTS)


@pytest.fixture(scope="session")
def dense(expected) -> np.ndarray:
    return expected["dense_vecs"]


@pytest.fixture(scope="session")
def relevance(tiny_reranker) -> Iterator[Callable[..., np.ndarray]]:
    """What the same cross-encoder in this process finds of texts for a question."""
    with bgem3.FlagReranker(str(tiny_reranker), dtype="float32", devices="cpu") as model:

        def relevance(query: str, texts: list[str], raw: bool = False) -> np.ndarray:
            scores = np.array(model.compute_score([(query, text) for text in texts]))
            return scores if raw else 1 / (1 + np.exp(-scores))

        yield relevance


@pytest.fixture(scope="session")
def keyed(start_server, tiny_reranker) -> Iterator[Server]:
    """Lets those in who have KEY."""
    with start_server("--reranker", tiny_reranker, environment={"BGEM3_API_KEYS": KEY}) as running:
        yield running


@pytest.fixture(scope="module")
def ask(server) -> Callable[..., Any]:
    """Sends a body to a route and expects 200; what the JSON of the answer holds."""

    def ask(route: str, body: object, **options):
        response = server.post(route, body, **options)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("application/json")
        return response.json()

    return ask


@pytest.fixture(scope="session")
def headless(server_program, tiny, tmp_path_factory) -> Iterator[Server]:
    """Without sparse and ColBERT heads, and without a cross-encoder."""
    directory = tmp_path_factory.mktemp("models") / "headless"
    directory.mkdir()
    for file in tiny.iterdir():
        if not file.name.endswith("_linear.pt"):
            (directory / file.name).symlink_to(file)
    with Server(server_program, "--model", directory, "--dtype", "float32") as running:
        yield running


@pytest.fixture(scope="session")
def scores(tiny_reranker) -> dict[bool, np.ndarray]:
    """Of the texts for one question; by whether they are raw."""
    with bgem3.FlagReranker(str(tiny_reranker), dtype="float32", devices="cpu") as model:
        raw = np.array(model.compute_score([("What is a model?", text) for text in TEXTS]))
    return {True: raw, False: 1 / (1 + np.exp(-raw))}
