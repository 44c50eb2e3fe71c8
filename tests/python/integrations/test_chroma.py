import subprocess
import sys

import chromadb
import numpy as np
import pytest
from chromadb.utils.embedding_functions import known_embedding_functions, sparse_known_embedding_functions
from samples import ANSWER, QUERY, TEXTS

import bgem3
from bgem3.integrations.chroma import BGEM3EmbeddingFunction, BGEM3SparseEmbeddingFunction

IDS = ["0", "1", "2"]
FUNCTIONS = [BGEM3EmbeddingFunction, BGEM3SparseEmbeddingFunction]


def test_vectors_are_the_models(e5_small):
    function, model = BGEM3EmbeddingFunction(e5_small), bgem3.EmbeddingModel(e5_small)
    np.testing.assert_allclose(function(TEXTS), model.encode_document(TEXTS), atol=1e-6)
    np.testing.assert_allclose(function.embed_query([QUERY]), model.encode_query([QUERY]), atol=1e-6)


def test_weights_are_the_models(tiny):
    options = {"use_fp16": False, "query_instruction_for_retrieval": "Q: "}
    function, model = BGEM3SparseEmbeddingFunction(tiny, **options), bgem3.BGEM3FlagModel(tiny, **options)
    for found, expected in [
        (function(TEXTS), model.encode_corpus(TEXTS, return_sparse=True)),
        (function.embed_query(TEXTS), model.encode_queries(TEXTS, return_sparse=True)),
    ]:
        for vector, weights in zip(found, expected["lexical_weights"], strict=True):
            assert dict(zip(map(str, vector.indices), vector.values)) == pytest.approx(weights, abs=1e-6)


def test_collection_finds_the_answer_and_is_opened_again(e5_small, tmp_path):
    client = chromadb.PersistentClient(str(tmp_path))
    function = BGEM3EmbeddingFunction(e5_small, truncate_dim=64)
    client.create_collection("texts", embedding_function=function).upsert(ids=IDS, documents=TEXTS)
    program = f"""
import chromadb, bgem3.integrations.chroma
texts = chromadb.PersistentClient({str(tmp_path)!r}).get_collection("texts")
print(texts.query(query_texts=[{QUERY!r}], n_results=1)["documents"], texts.get(include=["embeddings"])["embeddings"].shape)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stdout == f"{[[ANSWER]]} (3, 64)\n", ran.stderr


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_configuration(kind, tiny):
    function = kind(tiny, local_files_only=True)
    again = kind.build_from_config(function.get_config())
    assert (again.model, again.options) == (tiny, {"local_files_only": True})
    assert {"bgem3": BGEM3EmbeddingFunction}.items() <= known_embedding_functions.items()
    assert {"bgem3_sparse": BGEM3SparseEmbeddingFunction}.items() <= sparse_known_embedding_functions.items()
    kind.validate_config(function.get_config())
    for wrong in ({}, {"model": 3}, {"model": "x", "device": "cpu"}):
        with pytest.raises(ValueError, match="the configuration should have 'model' and 'options', found"):
            kind.validate_config(wrong)


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_what_is_refused(kind, tiny):
    with pytest.raises(TypeError, match="texts should be a list of str, found str"):
        kind(tiny)("abc")
    with pytest.raises(TypeError, match="device should be a value of JSON, which Chroma keeps, found <object"):
        kind(tiny, device=object())
    with pytest.raises(
        TypeError, match="model should be a directory or a name, which Chroma keeps, found BGEM3FlagModel"
    ):
        kind(bgem3.BGEM3FlagModel(tiny))
    with pytest.raises(TypeError, match="nonsense"):
        kind(tiny, nonsense=1)(["a text"])
