"""Fixtures of the tests of the Python package. It must be installed in this Python (scripts/test does that).

BGEM3_MODEL_DIR  a real BGE-M3, which the parity tests then run on as well
"""

import os
import sys

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # these tests are the CPU's, before anybody asks for GPUs

import pytest

pytest_plugins = ["shared_fixtures"]


@pytest.fixture(scope="session", autouse=True)
def fast_reference():
    if "transformers" not in sys.modules:  # importing it takes seconds, and none of the files chosen does
        yield
        return
    from loaded_once import tokenizers_loaded_once

    with tokenizers_loaded_once():
        yield


# Of the tests of the tokenizer. Other files have their own under these names.


@pytest.fixture(scope="module")
def theirs(tiny):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny)


@pytest.fixture(scope="module")
def ours(tiny):
    import bgem3

    return bgem3.Tokenizer.from_pretrained(tiny)
