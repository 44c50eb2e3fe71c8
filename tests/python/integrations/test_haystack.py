import asyncio

import numpy as np
import pytest
from samples import ANSWER, QUERY, TEXTS
from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.rankers.sentence_transformers import SentenceTransformersSimilarityRanker

import bgem3
from bgem3.integrations.haystack import BGEM3DocumentEmbedder, BGEM3Reranker, BGEM3TextEmbedder


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
    for documents in ("x", "", Document(content="x")):
        with pytest.raises(TypeError, match="documents should be a list of haystack.Document, found"):
            BGEM3DocumentEmbedder(tiny).run(documents)


# Re-ranking


DOCUMENTS = [Document(content=text, meta={"title": f"Title {i}"}) for i, text in enumerate(TEXTS)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": 2},
        {"scale_score": False},
        {"meta_fields_to_embed": ["title", "missing"], "embedding_separator": " | "},
        {"score_threshold": 0.8},
    ],
    ids=str,
)
def test_order_and_scores_are_theirs(tiny_reranker, options):
    theirs = SentenceTransformersSimilarityRanker(model=tiny_reranker, **options)
    repeated = [Document(id=DOCUMENTS[0].id, content="another", score=0.5), *DOCUMENTS]
    expected = theirs.run(query=QUERY, documents=repeated)["documents"]
    found = BGEM3Reranker(tiny_reranker, **options).run(query=QUERY, documents=repeated)["documents"]
    assert [document.id for document in found] == [document.id for document in expected]
    assert [d.content for d in found] == [d.content for d in expected]
    np.testing.assert_allclose([d.score for d in found], [d.score for d in expected], atol=5e-6)
    assert all(document.score is None for document in DOCUMENTS)


def test_arguments_of_a_run_replace_those_of_the_constructor(tiny_reranker):
    given = {"top_k": 2, "scale_score": False, "score_threshold": -100.0}
    reranker = BGEM3Reranker(tiny_reranker, top_k=1, score_threshold=0.99)
    expected = BGEM3Reranker(tiny_reranker, **given).run(QUERY, DOCUMENTS)
    assert len(expected["documents"]) == 2
    assert reranker.run(QUERY, DOCUMENTS, **given) == expected


def test_reranker_in_a_pipeline(e5_small, tiny_reranker):
    store = InMemoryDocumentStore()
    store.write_documents(BGEM3DocumentEmbedder(e5_small).run(DOCUMENTS)["documents"])
    pipeline = Pipeline()
    pipeline.add_component("embedder", BGEM3TextEmbedder(e5_small))
    pipeline.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=3))
    options = {"query_instruction_for_rerank": "Q: "}
    pipeline.add_component("reranker", BGEM3Reranker(tiny_reranker, top_k=1, options=options))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    pipeline.connect("retriever.documents", "reranker.documents")
    again = Pipeline.loads(pipeline.dumps(), allowed_modules=["bgem3.*", "haystack.*"])
    model = bgem3.FlagReranker(tiny_reranker, normalize=True, **options)
    scores = model.compute_score([(QUERY, text) for text in TEXTS])
    inputs = {"embedder": {"text": QUERY}, "reranker": {"query": QUERY}}
    again.get_component("retriever").document_store = store
    for results in (pipeline.run(inputs), again.run(inputs), asyncio.run(pipeline.run_async(inputs))):
        (best,) = results["reranker"]["documents"]
        assert best.content == TEXTS[int(np.argmax(scores))]
        assert best.score == pytest.approx(max(scores), abs=1e-6)


def test_what_the_reranker_refuses(tiny_reranker):
    reranker = BGEM3Reranker(tiny_reranker)
    assert reranker.run(QUERY, []) == {"documents": []}
    for wrong in (lambda: BGEM3Reranker(tiny_reranker, top_k=0), lambda: reranker.run(QUERY, DOCUMENTS, top_k=-1)):
        with pytest.raises(ValueError, match="top_k should be positive, found"):
            wrong()
    with pytest.raises(TypeError, match="documents should be a list of haystack.Document"):
        reranker.run(QUERY, ["x"])
    reranker.top_k = -1
    with pytest.raises(ValueError, match="top_k should be positive, found -1"):
        reranker.run(QUERY, DOCUMENTS)


@pytest.mark.parametrize("kind", [BGEM3TextEmbedder, BGEM3DocumentEmbedder])
@pytest.mark.parametrize("sparse", [False, True])
def test_names_of_options_are_looked_at_before_loading(kind, sparse):
    kind("BAAI/bge-m3", sparse=sparse, options={"device": "cpu", "truncate_dim": 8, "revision": None})
    with pytest.raises(TypeError, match="nonsense"):
        kind("BAAI/bge-m3", sparse=sparse, options={"nonsense": 1})
    with pytest.raises(TypeError, match="model_name_or_path"):
        kind("BAAI/bge-m3", sparse=sparse, options={"model_name_or_path": "another"})
