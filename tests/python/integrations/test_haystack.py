import numpy as np
import pytest
from samples import ANSWER, QUERY, TEXTS
from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

import bgem3
from bgem3.integrations.haystack import BGEM3DocumentEmbedder, BGEM3TextEmbedder


def test_pipeline_finds_the_answer(e5_small):
    store = InMemoryDocumentStore()
    store.write_documents(BGEM3DocumentEmbedder(e5_small).run([Document(content=text) for text in TEXTS])["documents"])
    pipeline = Pipeline()
    pipeline.add_component("embedder", BGEM3TextEmbedder(e5_small))
    pipeline.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=1))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    (found,) = pipeline.run({"embedder": {"text": QUERY}})["retriever"]["documents"]
    assert found.content == ANSWER


def test_vectors_are_the_models(tiny):
    model = bgem3.BGEM3FlagModel(tiny, return_sparse=True)
    expected = model.encode(TEXTS)
    documents = BGEM3DocumentEmbedder(tiny, sparse=True).run([Document(content=text) for text in TEXTS])["documents"]
    np.testing.assert_allclose([d.embedding for d in documents], expected["dense_vecs"], atol=1e-6)
    for document, weights in zip(documents, expected["lexical_weights"]):
        sparse = document.sparse_embedding
        assert dict(zip(map(str, sparse.indices), sparse.values)) == pytest.approx(weights, abs=1e-5)
    query = BGEM3TextEmbedder(tiny, sparse=True).run(TEXTS[0])
    assert query["sparse_embedding"].indices == documents[0].sparse_embedding.indices


def test_documents_given_are_left_alone(tiny):
    given = Document(content="text", meta={"title": "Title"})
    embedder = BGEM3DocumentEmbedder(tiny, meta_fields_to_embed=["title", "missing"], embedding_separator=" | ")
    (found,) = embedder.run([given])["documents"]
    assert given.embedding is None and found.meta == given.meta and found.id == given.id
    np.testing.assert_allclose(found.embedding, bgem3.EmbeddingModel(tiny).encode("Title | text"), atol=1e-6)
    assert BGEM3DocumentEmbedder(tiny).run([])["documents"] == []


def test_saved_and_loaded(tiny):
    pipeline = Pipeline()
    pipeline.add_component("embedder", BGEM3TextEmbedder(tiny, options={"truncate_dim": 8}))
    again = Pipeline.loads(pipeline.dumps(), allowed_modules=["bgem3.*"])
    found = again.run({"embedder": {"text": "text"}})["embedder"]["embedding"]
    assert len(found) == 8
    np.testing.assert_allclose(found, pipeline.run({"embedder": {"text": "text"}})["embedder"]["embedding"], atol=1e-6)


def test_wrong_inputs(tiny):
    with pytest.raises(TypeError, match="text should be a str, found list; for documents take BGEM3DocumentEmbedder"):
        BGEM3TextEmbedder(tiny).run(["x"])
    with pytest.raises(TypeError, match="documents should be a list of haystack.Document; for a text take"):
        BGEM3DocumentEmbedder(tiny).run(["x"])
