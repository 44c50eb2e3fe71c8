import asyncio

import numpy as np
import pytest
from samples import ANSWER, QUERY, TEXTS
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding

import bgem3
from bgem3.integrations.llama_index import BGEM3Embedding


@pytest.fixture(scope="module")
def embedding(e5_small) -> BGEM3Embedding:
    return BGEM3Embedding(e5_small, embed_batch_size=2)


def test_vectors_are_the_models(embedding, e5_small):
    model = bgem3.EmbeddingModel(e5_small)
    assert isinstance(embedding, BaseEmbedding)
    np.testing.assert_allclose(embedding.get_text_embedding_batch(TEXTS), model.encode_document(TEXTS), atol=1e-6)
    np.testing.assert_allclose(embedding.get_text_embedding(TEXTS[0]), model.encode_document(TEXTS[0]), atol=1e-6)
    np.testing.assert_allclose(embedding.get_query_embedding(QUERY), model.encode_query(QUERY), atol=1e-6)


def test_asynchronous(embedding):
    async def all_three():
        return (
            await embedding.aget_text_embedding_batch(TEXTS),
            await embedding.aget_text_embedding(TEXTS[0]),
            await embedding.aget_query_embedding(QUERY),
        )

    several, one, query = asyncio.run(all_three())
    np.testing.assert_allclose(several, embedding.get_text_embedding_batch(TEXTS), atol=1e-6)
    np.testing.assert_allclose(one, embedding.get_text_embedding(TEXTS[0]), atol=1e-6)
    np.testing.assert_allclose(query, embedding.get_query_embedding(QUERY), atol=1e-6)


def test_index(embedding):
    index = VectorStoreIndex.from_documents([Document(text=text) for text in TEXTS], embed_model=embedding)
    (found,) = index.as_retriever(similarity_top_k=1).retrieve(QUERY)
    assert found.node.get_content() == ANSWER


def test_settings_are_fields(embedding, e5_small):
    fields = embedding.to_dict()
    assert (fields["model_name"], fields["embed_batch_size"], fields["class_name"]) == (e5_small, 2, "BGEM3Embedding")
