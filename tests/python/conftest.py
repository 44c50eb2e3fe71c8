"""Fixtures of the tests of the Python package. It must be installed in this Python (scripts/test does that).

BGEM3_TEST_MODELS  directory of the models that scripts/models/make.py made (default: models/)
BGEM3_MODEL_DIR    a real BGE-M3, which the parity tests then run on as well
"""

import os
import pathlib

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # these tests are the CPU's, before anybody asks for GPUs

import pytest
from loaded_once import tokenizers_loaded_once
from prepared import model_directory


@pytest.fixture(scope="session", autouse=True)
def fast_reference():
    with tokenizers_loaded_once():
        yield


@pytest.fixture(scope="session")
def tiny() -> pathlib.Path:
    return model_directory("tiny")


@pytest.fixture(scope="session")
def full() -> pathlib.Path:
    return model_directory("full")


@pytest.fixture(scope="session")
def e5_small() -> pathlib.Path:
    return model_directory("e5-small")


@pytest.fixture(scope="session")
def tiny_reranker() -> pathlib.Path:
    return model_directory("tiny-reranker")
