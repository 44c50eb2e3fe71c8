"""Fixtures of the command line tests. Environment, set by ctest:

BGEM3_CLI          path of the built bgem3
BGEM3_TEST_MODELS  directory of the models that scripts/models/make.py made (default: models/)
"""

import os
import pathlib

import pytest
from command import Command

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _model(name: str) -> pathlib.Path:
    directory = pathlib.Path(os.environ.get("BGEM3_TEST_MODELS", ROOT / "models")) / name
    if not (directory / "sentencepiece.bpe.model").is_file():
        pytest.fail(f"{directory} is missing: run .venv/bin/python scripts/models/make.py {name}", pytrace=False)
    return directory


@pytest.fixture(scope="session")
def tiny() -> pathlib.Path:
    return _model("tiny")


@pytest.fixture(scope="session")
def full() -> pathlib.Path:
    return _model("full")


@pytest.fixture(scope="session")
def tokenizer_only() -> pathlib.Path:
    return _model("xlm-r-tokenizer")


@pytest.fixture(scope="session")
def bgem3(tiny) -> Command:
    program = os.environ.get("BGEM3_CLI")
    if not program:
        pytest.fail("BGEM3_CLI is not set: run the tests through ctest", pytrace=False)
    return Command(program, tiny)
