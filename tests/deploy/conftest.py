"""Fixtures of the tests of deploy/. ctest makes an environment with the packages that they need.

BGEM3_TEST_MODELS  directory of the models that scripts/models/make.py made (default: models/)
"""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

# Nothing here asks a proxy, the Hub, or Microsoft's telemetry.
os.environ.update(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", HF_HUB_OFFLINE="1", AZUREML_SDK_TRACKING_ENABLED="false")


@pytest.fixture(scope="session")
def tiny() -> pathlib.Path:
    directory = pathlib.Path(os.environ.get("BGEM3_TEST_MODELS", ROOT / "models")) / "tiny"
    if not (directory / "sentencepiece.bpe.model").is_file():
        pytest.fail(f"{directory} is missing: run .venv/bin/python scripts/models/make.py tiny", pytrace=False)
    return directory
