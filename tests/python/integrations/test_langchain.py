import asyncio

import numpy as np
import pytest
from samples import ANSWER, QUERY, TEXTS
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

import bgem3
from bgem3.integrations.langchain import BGEM3Embeddings


@pytest.fixture(scope="module")
def embeddings(e5_small) -> BGEM3Embeddings:
    return BGEM3Embeddings(e5_small)


def test_vectors_are_the_models(embeddings, e5_small):
    model = bgem3.EmbeddingModel(e5_small)
    assert isinstance(embeddings, Embeddings)
    found = embeddings.embed_documents(TEXTS)
    assert isinstance(found, list) and type(found[0][0]) is float
    np.testing.assert_allclose(found, model.encode_document(TEXTS), atol=1e-6)
    np.testing.assert_allclose(embeddings.embed_query(QUERY), model.encode_query(QUERY), atol=1e-6)
    assert embeddings.embed_documents([]) == []


def test_asynchronous(embeddings):
    async def both():
        return await asyncio.gather(embeddings.aembed_documents(TEXTS), embeddings.aembed_query(QUERY))

    documents, query = asyncio.run(both())
    np.testing.assert_allclose(documents, embeddings.embed_documents(TEXTS), atol=1e-6)
    np.testing.assert_allclose(query, embeddings.embed_query(QUERY), atol=1e-6)


def test_vector_store(embeddings):
    store = InMemoryVectorStore(embeddings)
    store.add_texts(TEXTS)
    (found,) = store.similarity_search(QUERY, k=1)
    assert found.page_content == ANSWER


@pytest.mark.parametrize("kind", ["BGEM3FlagModel", "FlagModel"])
def test_loaded_model(tiny, kind):
    model = getattr(bgem3, kind)(tiny, query_instruction_for_retrieval="Query: ")
    embeddings = BGEM3Embeddings(model)
    assert embeddings.model is model
    np.testing.assert_allclose(
        embeddings.embed_query("x"), bgem3.EmbeddingModel(tiny).encode(["Query: x"])[0], atol=1e-6
    )
    with pytest.raises(TypeError, match="truncate_dim.* are for loading a model, and this one is loaded"):
        BGEM3Embeddings(model, truncate_dim=8)
