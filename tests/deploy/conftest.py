"""Fixtures of the tests of deploy/. ctest makes an environment with the packages that they need.

BGEM3_SERVER  path of the built bgem3-server
"""

import os
import re
import subprocess

import numpy as np
import pytest
from prepared import ROOT
from sample_texts import TEXTS

pytest_plugins = ["shared_fixtures"]

DEPLOY = ROOT / "deploy"

# Nothing here asks a proxy, the Hub, or Microsoft's telemetry.
os.environ.update(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", HF_HUB_OFFLINE="1", AZUREML_SDK_TRACKING_ENABLED="false")


@pytest.fixture(scope="session")
def expected(nano) -> np.ndarray:
    """What FlagEmbedding computes for TEXTS, with the settings of the endpoint that bgem3 stands in for."""
    from FlagEmbedding import BGEM3FlagModel  # seconds to import, and only some tests need it

    model = BGEM3FlagModel(str(nano), use_fp16=False, devices="cpu")
    return model.encode(TEXTS, batch_size=12, max_length=8192)["dense_vecs"]


@pytest.fixture(scope="session")
def server_settings(server_program) -> set[str]:
    """The environment variables that bgem3-server reads."""
    helped = subprocess.run([server_program, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"BGEM3_[A-Z_]+", helped))
