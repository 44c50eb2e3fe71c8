import asyncio

import numpy as np
import pytest
from samples import ANSWER, QUERY, TEXTS
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

import bgem3
from bgem3.integrations.langchain import BGEM3Embeddings, BGEM3Reranker

DOCUMENTS = [Document(text, id=str(i), metadata={"source": i}) for i, text in enumerate(TEXTS)]


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


def test_letters_are_no_texts(embeddings):
    with pytest.raises(TypeError, match="texts should be a list of str, found str"):
        embeddings.embed_documents("abc")
    with pytest.raises(TypeError, match="list"):
        embeddings.embed_query(["abc"])


# Re-ranking


def logits(directory: str, query: str = QUERY) -> list[float]:
    return bgem3.FlagReranker(directory).compute_score([(query, text) for text in TEXTS])


def test_documents_in_order_of_their_scores(tiny_reranker):
    reranker = BGEM3Reranker(tiny_reranker, top_n=None)
    assert isinstance(reranker, BaseDocumentCompressor)
    found = reranker.compress_documents(DOCUMENTS, QUERY)
    expected = {i: 1 / (1 + np.exp(-logit)) for i, logit in enumerate(logits(tiny_reranker))}
    assert [d.metadata["source"] for d in found] == sorted(expected, key=expected.get, reverse=True)
    for document in found:
        assert document.metadata["relevance_score"] == pytest.approx(expected[document.metadata["source"]], abs=1e-6)
        assert document.id == str(document.metadata["source"])
    assert all(document.metadata.keys() == {"source"} for document in DOCUMENTS)
    assert asyncio.run(reranker.acompress_documents(DOCUMENTS, QUERY)) == found
    assert reranker.compress_documents([], QUERY) == []


def test_how_many_documents(tiny_reranker):
    model = bgem3.FlagReranker(tiny_reranker)
    assert len(BGEM3Reranker(model, top_n=2).compress_documents(DOCUMENTS, QUERY)) == 2
    assert len(BGEM3Reranker(model).compress_documents(DOCUMENTS * 2, QUERY)) == 3
    with pytest.raises(ValueError, match="top_n"):
        BGEM3Reranker(model, top_n=0)
    reranker = BGEM3Reranker(model)
    for wrong in (-1, 0, "many"):
        with pytest.raises(ValueError, match="top_n"):
            reranker.top_n = wrong
    with pytest.raises(ValueError, match="FlagReranker"):
        reranker.model = "another"
    reranker.top_n = 2
    assert len(reranker.compress_documents(DOCUMENTS, QUERY)) == 2


def test_options_of_the_reranker(tiny_reranker):
    raw = BGEM3Reranker(tiny_reranker, top_n=1, normalize=False, query_instruction_for_rerank="Q: ")
    best = max(logits(tiny_reranker, f"Q: {QUERY}"))
    for reranker in (raw, BGEM3Reranker(raw.model, top_n=1)):  # a loaded model keeps what it was told
        (found,) = reranker.compress_documents(DOCUMENTS, QUERY)
        assert found.metadata["relevance_score"] == pytest.approx(best, abs=1e-6)
    with pytest.raises(TypeError, match="normalize.* are for loading a model, and this one is loaded"):
        BGEM3Reranker(raw.model, normalize=True)
    with pytest.raises(TypeError, match="model should be a directory, a name or a FlagReranker, found int"):
        BGEM3Reranker(3)
    with pytest.raises(TypeError, match="documents should be a list of Document, found str"):
        raw.compress_documents("abc", QUERY)
