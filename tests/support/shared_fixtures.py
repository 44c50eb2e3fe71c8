"""What the pytest folders share: their conftest.py names this as a plugin. Environment, set by ctest:

BGEM3_TEST_MODELS  directory of the models that scripts/models/make.py made (default: models/)
"""

import pathlib

import pytest
from prepared import model_directory, program


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: has an entry of its own in ctest, which only `scripts/test all` runs")


@pytest.fixture(scope="session")
def tiny() -> pathlib.Path:
    return model_directory("tiny")


@pytest.fixture(scope="session")
def nano() -> pathlib.Path:
    return model_directory("nano")


@pytest.fixture(scope="session")
def nano_reranker() -> pathlib.Path:
    return model_directory("nano-reranker")


@pytest.fixture(scope="session")
def bert_reranker() -> pathlib.Path:
    return model_directory("bert-reranker")


@pytest.fixture(scope="session", params=["wide", pytest.param("full", marks=pytest.mark.slow)])
def large(request) -> pathlib.Path:
    """As wide as BGE-M3; with its 24 layers in the slow runs."""
    return model_directory(request.param)


@pytest.fixture(scope="session")
def wide() -> pathlib.Path:
    return model_directory("wide")


@pytest.fixture(scope="session")
def full() -> pathlib.Path:
    return model_directory("full")


@pytest.fixture(scope="session")
def e5_small() -> pathlib.Path:
    return model_directory("e5-small")


@pytest.fixture(scope="session")
def tiny_reranker() -> pathlib.Path:
    return model_directory("tiny-reranker")


@pytest.fixture(scope="session")
def tokenizer_only() -> pathlib.Path:
    return model_directory("xlm-r-tokenizer")


@pytest.fixture(scope="session")
def server_program() -> pathlib.Path:
    return pathlib.Path(program("BGEM3_SERVER"))
