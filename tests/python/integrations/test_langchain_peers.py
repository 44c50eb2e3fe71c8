"""LangChain's own re-ranker, and what it is used with."""

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.vectorstores import InMemoryVectorStore
from samples import ANSWER, QUERY, TEXTS
from sentence_transformers import CrossEncoder

from bgem3.integrations.langchain import BGEM3Embeddings, BGEM3Reranker


class Theirs(BaseCrossEncoder):
    def __init__(self, directory: str):
        self.model = CrossEncoder(directory, device="cpu")

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        return self.model.predict(text_pairs)


@pytest.fixture(scope="module")
def retriever(e5_small):
    store = InMemoryVectorStore(BGEM3Embeddings(e5_small))
    store.add_texts(TEXTS)
    return store.as_retriever(search_kwargs={"k": 3})


def test_order_and_scores_are_theirs(retriever, tiny_reranker):
    theirs = Theirs(tiny_reranker)
    compressors = [CrossEncoderReranker(model=theirs, top_n=2), BGEM3Reranker(tiny_reranker, top_n=2)]
    expected, found = (
        ContextualCompressionRetriever(base_compressor=compressor, base_retriever=retriever).invoke(QUERY)
        for compressor in compressors
    )
    assert [d.page_content for d in found] == [d.page_content for d in expected]
    scores = theirs.score([(QUERY, document.page_content) for document in found])
    assert [d.metadata["relevance_score"] for d in found] == pytest.approx(scores, abs=1e-6)


def test_retriever_finds_the_answer(retriever):
    assert retriever.invoke(QUERY)[0].page_content == ANSWER
