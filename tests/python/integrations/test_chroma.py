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
    for options in ({"model": "another"}, ["device"]):
        for use in (kind.validate_config, kind.build_from_config):
            with pytest.raises(ValueError, match="'options' should be a dict of arguments other than 'model', found"):
                use({"model": tiny, "options": options})


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_another_working_directory(kind, tiny, tmp_path, monkeypatch):
    (tmp_path / "texts").symlink_to(tiny)
    monkeypatch.chdir(tmp_path)
    function = kind("texts", device="cpu")
    monkeypatch.chdir("/")
    assert function.get_config()["model"] == str(tmp_path / "texts")
    assert len(kind.build_from_config(function.get_config())(TEXTS)) == len(function(TEXTS)) == 3
    assert kind("BAAI/bge-m3").get_config()["model"] == "BAAI/bge-m3"  # of the Hub


# Of every kind that the signatures have: of the class, of its base, of the Hub, of the engine, of language models.
KNOWN = {"device": "cpu", "truncate_dim": 8, "revision": None, "copy": True}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_names_of_options_are_looked_at_before_loading(kind):
    more = {"query_instruction_for_retrieval": "Q", "passage_instruction_format": "{}{}", "cutoff_layers": None}
    kind("BAAI/bge-m3", **KNOWN, **(more if kind is BGEM3SparseEmbeddingFunction else {"prompts": {"query": "Q"}}))
    for wrong in ("nonsense", "truncatedim", "model_name_or_path", "options"):
        with pytest.raises(TypeError, match=wrong):
            kind("BAAI/bge-m3", **{wrong: "x"})


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
        kind(tiny, nonsense=1)


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_a_token_is_not_kept_in_the_database(e5_small, kind):
    with pytest.raises(ValueError, match="set HF_TOKEN"):
        kind(e5_small, token="hf_secret")
