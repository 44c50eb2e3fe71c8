"""LangChain: `pip install langchain-core`.

from langchain_core.vectorstores import InMemoryVectorStore
from bgem3.integrations.langchain import BGEM3Embeddings, BGEM3Reranker

store = InMemoryVectorStore(BGEM3Embeddings("BAAI/bge-m3"))
store.add_texts(["a text", "another"])
reranker = BGEM3Reranker("BAAI/bge-reranker-v2-m3", top_n=1)
documents = reranker.compress_documents(store.similarity_search("a question"), "a question")
"""

import os
from collections.abc import Sequence
from typing import Annotated, Any

from .._model.texts import as_list
from .._optional import need
from ..reranker import FlagReranker
from . import _models, _rerankers

need("langchain_core", "langchain-core")

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import Embeddings
from pydantic import ConfigDict, Field


class BGEM3Embeddings(Embeddings):
    """Dense embeddings for LangChain. The asynchronous methods run in a thread, and encoding holds no GIL.

    Args:
        model: a directory, a name on the Hugging Face Hub, or a loaded EmbeddingModel, FlagModel or BGEM3FlagModel
        options: for EmbeddingModel, where `model` is not loaded
    """

    def __init__(self, model: str | os.PathLike[str] | _models.Model, **options: Any):
        self.model = _models.load(model, options)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return _models.encode_documents(self.model, texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return _models.encode_queries(self.model, [text])[0].tolist()


class BGEM3Reranker(BaseDocumentCompressor):
    """Puts documents in order by a cross-encoder, as LangChain's CrossEncoderReranker. Each has its score in
    `metadata["relevance_score"]`; the documents given are left alone. acompress_documents() runs in a thread.

    Args:
        model: a directory, a name on the Hugging Face Hub, or a loaded FlagReranker
        top_n: how many to give at most; None: all
        options: for FlagReranker, where `model` is not loaded. Scores are then in 0 … 1, or logits with `normalize=False`
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", validate_assignment=True)

    model: FlagReranker
    top_n: Annotated[int, Field(gt=0)] | None = 3

    def __init__(self, model: str | os.PathLike[str] | FlagReranker, *, top_n: int | None = 3, **options: Any):
        fields: dict[str, Any] = {"model": _rerankers.load(model, options, normalize=True), "top_n": top_n}
        super().__init__(**fields)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        given = as_list(documents, "documents", "a list of Document")
        texts = [document.page_content for document in given]
        scores = _rerankers.scores(self.model, query, texts)
        return [_with_score(given[i], scores[i]) for i in _rerankers.best_first(scores, self.top_n)]


def _with_score(document: Document, score: float) -> Document:
    return document.model_copy(update={"metadata": {**document.metadata, "relevance_score": score}})
