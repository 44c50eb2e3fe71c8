"""Tests against the packages that bgem3 has adapters for. ctest makes an environment with these."""

import os
import pathlib
import sys

import pytest
from prepared import model_directory

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
os.environ.setdefault("OMP_NUM_THREADS", "2")
# Nobody is told of the tests, and nothing is looked for elsewhere.
os.environ |= {"HAYSTACK_TELEMETRY_ENABLED": "False", "ANONYMIZED_TELEMETRY": "False", "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="session")
def tiny() -> str:
    return str(model_directory("tiny"))


@pytest.fixture(scope="session")
def e5_small() -> str:
    return str(model_directory("e5-small"))


@pytest.fixture(scope="session")
def tiny_reranker() -> str:
    return str(model_directory("tiny-reranker"))
