"""Fixtures of the command line tests. Environment, set by ctest:

BGEM3_CLI          path of the built bgem3
BGEM3_TEST_MODELS  directory of the models that scripts/models/make.py made (default: models/)
"""

import pathlib

import pytest
from command import Command
from prepared import model_directory, program


@pytest.fixture(scope="session")
def tiny() -> pathlib.Path:
    return model_directory("tiny")


@pytest.fixture(scope="session")
def full() -> pathlib.Path:
    return model_directory("full")


@pytest.fixture(scope="session")
def tokenizer_only() -> pathlib.Path:
    return model_directory("xlm-r-tokenizer")


@pytest.fixture(scope="session")
def bgem3(tiny) -> Command:
    return Command(program("BGEM3_CLI"), tiny)
