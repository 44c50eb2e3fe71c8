import asyncio

import numpy as np
import pytest
from langchain_qdrant import QdrantVectorStore, RetrievalMode
from langchain_qdrant.sparse_embeddings import SparseEmbeddings
from samples import QUERY, TEXTS

import bgem3
from bgem3.integrations.langchain import BGEM3Embeddings
from bgem3.integrations.langchain_qdrant import BGEM3SparseEmbeddings


@pytest.fixture(scope="module")
def model(tiny) -> bgem3.BGEM3FlagModel:
    return bgem3.BGEM3FlagModel(tiny, use_fp16=False, query_instruction_for_retrieval="Q: ")


def test_vectors_are_the_models(model):
    embeddings = BGEM3SparseEmbeddings(model)
    assert isinstance(embeddings, SparseEmbeddings)
    documents = embeddings.embed_documents(TEXTS)
    expected = model.encode_corpus(TEXTS, return_sparse=True)["lexical_weights"]
    for vector, weights in zip(documents, expected, strict=True):
        assert dict(zip(map(str, vector.indices), vector.values)) == pytest.approx(weights, abs=1e-6)
        assert vector.indices == sorted(vector.indices)
    query = embeddings.embed_query(QUERY)
    (expected,) = model.encode([f"Q: {QUERY}"], return_sparse=True)["lexical_weights"]
    assert dict(zip(map(str, query.indices), query.values)) == pytest.approx(expected, abs=1e-6)
    assert embeddings.embed_documents([]) == []


def test_asynchronous(model):
    embeddings = BGEM3SparseEmbeddings(model)

    async def both():
        return await asyncio.gather(embeddings.aembed_documents(TEXTS), embeddings.aembed_query(QUERY))

    assert asyncio.run(both()) == [embeddings.embed_documents(TEXTS), embeddings.embed_query(QUERY)]


def test_search_by_weights_gives_the_models_scores(model):
    store = QdrantVectorStore.from_texts(
        TEXTS,
        sparse_embedding=BGEM3SparseEmbeddings(model),
        retrieval_mode=RetrievalMode.SPARSE,
        location=":memory:",
    )
    question = TEXTS[1]
    found = {document.page_content: score for document, score in store.similarity_search_with_score(question, k=3)}
    (query,) = model.encode_queries([question], return_sparse=True)["lexical_weights"]
    texts = model.encode_corpus(TEXTS, return_sparse=True)["lexical_weights"]
    scores = model.compute_lexical_matching_score([query], texts)[0]
    np.testing.assert_allclose([found[text] for text in TEXTS if text in found], scores[scores > 0], rtol=1e-5)
    assert next(iter(found)) == question


def test_hybrid_search(tiny):
    model = bgem3.BGEM3FlagModel(tiny)
    store = QdrantVectorStore.from_texts(
        TEXTS,
        embedding=BGEM3Embeddings(model),
        sparse_embedding=BGEM3SparseEmbeddings(model),
        retrieval_mode=RetrievalMode.HYBRID,
        location=":memory:",
    )
    (found,) = store.similarity_search(TEXTS[1], k=1)
    assert found.page_content == TEXTS[1]


def test_what_is_refused(model, e5_small):
    with pytest.raises(TypeError, match="texts should be a list of str, found str"):
        BGEM3SparseEmbeddings(model).embed_documents("abc")
    with pytest.raises(TypeError, match="devices.* are for loading a model, and this one is loaded"):
        BGEM3SparseEmbeddings(model, devices="cpu")
    with pytest.raises(ValueError, match="has no sparse_linear.pt, so no lexical weights"):
        BGEM3SparseEmbeddings(e5_small)
    with pytest.raises(
        TypeError, match="model should be a directory, a name or a BGEM3FlagModel, found EmbeddingModel"
    ):
        BGEM3SparseEmbeddings(bgem3.EmbeddingModel(e5_small))
