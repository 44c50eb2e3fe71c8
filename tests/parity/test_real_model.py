"""The real BGE-M3, when BGEM3_MODEL_DIR names its directory: against FlagEmbedding and against published values."""

import os
import pathlib

import numpy as np
import pytest
import reference
from test_encoder_parity import TEXTS, check_model
from test_heads_parity import check_heads, texts_for

DIRECTORY = os.environ.get("BGEM3_MODEL_DIR", "")

pytestmark = pytest.mark.skipif(not DIRECTORY, reason="BGEM3_MODEL_DIR is not set: no real BGE-M3 to test")

# From issues and the model card of BAAI/bge-m3, computed in float16 there.
PUBLISHED_TEXTS = ["Hello World", "This is just a test for another text"]
PUBLISHED_ENDS = [[-0.05633544921875, 0.01433563232421875], [-0.0546875, 0.00677490234375]]
CARD_QUERIES = ["What is BGE M3?", "Defination of BM25"]
CARD_PASSAGES = [
    "BGE M3 is an embedding model supporting dense retrieval, lexical matching and multi-vector interaction.",
    "BM25 is a bag-of-words retrieval function that ranks a set of documents based on the query terms appearing in "
    "each document",
]
CARD_SIMILARITY = [[0.6265, 0.3477], [0.3499, 0.678]]


@pytest.fixture(scope="module")
def model() -> pathlib.Path:
    return pathlib.Path(DIRECTORY).resolve()


def test_layers(model, embed, figure):
    check_model(model, embed, figure, TEXTS)


def test_heads(model, embed, figure):
    texts = texts_for(model)
    check_heads(model, embed(model, texts), reference.flag_embeddings(model, texts, batch_size=1), figure)


def test_published_components(model, embed):
    dense = embed(model, PUBLISHED_TEXTS).dense
    np.testing.assert_allclose(dense[:, [0, -1]], PUBLISHED_ENDS, atol=5e-4)


def test_similarity_of_the_model_card(model, embed):
    dense = embed(model, CARD_QUERIES + CARD_PASSAGES).dense
    np.testing.assert_allclose(dense[:2] @ dense[2:].T, CARD_SIMILARITY, atol=1e-3)
