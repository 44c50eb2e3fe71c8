"""BGEM3FlagModel against FlagEmbedding's on models as wide as BGE-M3: random ones, and a real one if there is one."""

import os
import pathlib

import pytest
from pair import Pair
from prepared import model_directory
from test_m3 import ALL, TEXTS
from test_m3_scores import PAIRS, compare_one

SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("full", "real")]


@pytest.fixture(scope="module", params=["wide", *SLOW])
def pair(request) -> Pair:
    if request.param != "real":
        return Pair.load(model_directory(request.param))
    if "BGEM3_MODEL_DIR" not in os.environ:
        pytest.skip("BGEM3_MODEL_DIR is not set")
    return Pair.load(pathlib.Path(os.environ["BGEM3_MODEL_DIR"]))


def test_texts(pair):
    pair.compare("encode", TEXTS, **ALL)


@pytest.mark.parametrize("text", [TEXTS[1], ""])
def test_one_text(pair, text):
    pair.compare("encode", text, **ALL)


def test_queries_and_corpus(pair):
    pair.compare("encode_queries", TEXTS[:4])
    pair.compare("encode_corpus", TEXTS[:4], return_sparse=True, max_length=16, batch_size=2)


def test_long_text(pair):
    pair.compare("encode", ["many words " * 500], max_length=1024)


@pytest.mark.parametrize("texts", PAIRS[:2])
def test_scores(pair, texts):
    compare_one(pair, texts, weights_for_different_modes=[0.4, 0.2, 0.4])
