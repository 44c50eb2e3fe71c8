"""Fixtures of the server's tests. Environment, set by ctest:

BGEM3_SERVER       path of the built bgem3-server
BGEM3_STUB_SERVER  the same server with a stub in place of the model, whose texts can ask for delays and failures:
                   "sleep N", "stall N", "out of memory", "internal error" at the start of a text
BGEM3_TEST_MODELS  directory of the models that scripts/models/make.py made (default: models/)
"""

import functools
import os
import pathlib
from collections.abc import Callable, Iterator

import pytest
from server import Server

import bgem3

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Clients would otherwise ask a proxy for 127.0.0.1.
os.environ.update(NO_PROXY="127.0.0.1,localhost", no_proxy="127.0.0.1,localhost")


def _model(name: str) -> pathlib.Path:
    directory = pathlib.Path(os.environ.get("BGEM3_TEST_MODELS", ROOT / "models")) / name
    if not (directory / "sentencepiece.bpe.model").is_file():
        pytest.fail(f"{directory} is missing: run .venv/bin/python scripts/models/make.py {name}", pytrace=False)
    return directory


def _program(variable: str) -> str:
    if not os.environ.get(variable):
        pytest.fail(f"{variable} is not set: run the tests through ctest", pytrace=False)
    return os.environ[variable]


@pytest.fixture(scope="session")
def tiny() -> pathlib.Path:
    return _model("tiny")


@pytest.fixture(scope="session")
def tiny_reranker() -> pathlib.Path:
    return _model("tiny-reranker")


@pytest.fixture(scope="session")
def server_program() -> str:
    return _program("BGEM3_SERVER")


@pytest.fixture(scope="session")
def start_server(server_program, tiny) -> Callable[..., Server]:
    """The server with further options, to be used in a `with`."""
    return functools.partial(Server, server_program, "--model", tiny, "--dtype", "float32")


@pytest.fixture(scope="session")
def start_stub(tiny) -> Callable[..., Server]:
    """The stub server with further options, to be used in a `with`."""
    return functools.partial(Server, _program("BGEM3_STUB_SERVER"), "--model", tiny)


@pytest.fixture(scope="module")
def server(start_server, tiny_reranker) -> Iterator[Server]:
    with start_server("--reranker", tiny_reranker) as running:
        yield running


@pytest.fixture(scope="module")
def stub(start_stub) -> Iterator[Server]:
    with start_stub() as running:
        yield running


@pytest.fixture(scope="session")
def reference(tiny) -> bgem3.BGEM3FlagModel:
    """The same model in this process."""
    return bgem3.BGEM3FlagModel(str(tiny), dtype="float32", devices="cpu", return_sparse=True, return_colbert_vecs=True)
