"""Tests against the packages that bgem3 has adapters for. ctest makes an environment with these."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
os.environ.setdefault("OMP_NUM_THREADS", "2")

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def tiny() -> str:
    return str(pathlib.Path(os.environ.get("BGEM3_TEST_MODELS", ROOT / "models")) / "tiny")


@pytest.fixture(scope="session")
def e5_small() -> str:
    return str(pathlib.Path(os.environ.get("BGEM3_TEST_MODELS", ROOT / "models")) / "e5-small")
