"""Qdrant under LangChain: `pip install langchain-qdrant`.

from langchain_qdrant import QdrantVectorStore, RetrievalMode
from bgem3 import BGEM3FlagModel
from bgem3.integrations.langchain import BGEM3Embeddings
from bgem3.integrations.langchain_qdrant import BGEM3SparseEmbeddings

model = BGEM3FlagModel("BAAI/bge-m3")
store = QdrantVectorStore.from_texts(
    ["a text", "another"],
    embedding=BGEM3Embeddings(model),
    sparse_embedding=BGEM3SparseEmbeddings(model),
    retrieval_mode=RetrievalMode.HYBRID,
    location=":memory:",
)
documents = store.similarity_search("a question", k=1)
"""

import os
from typing import Any

from .._optional import need
from ..m3 import BGEM3FlagModel
from ..types import Weights
from ..vectors import indices_and_values
from . import _models

need("langchain_qdrant", "langchain-qdrant")

from langchain_qdrant.sparse_embeddings import SparseEmbeddings, SparseVector


class BGEM3SparseEmbeddings(SparseEmbeddings):
    """Lexical weights for QdrantVectorStore. The asynchronous methods run in a thread, and encoding holds no GIL.

    Args:
        model: a directory, a name on the Hugging Face Hub, or a loaded BGEM3FlagModel
        options: for BGEM3FlagModel, where `model` is not loaded
    """

    def __init__(self, model: str | os.PathLike[str] | BGEM3FlagModel, **options: Any):
        self.model = _models.load_m3(model, options)

    def embed_documents(self, texts: list[str]) -> list[SparseVector]:
        return [_to_vector(weights) for weights in _models.document_weights(self.model, texts)]

    def embed_query(self, text: str) -> SparseVector:
        return _to_vector(_models.query_weights(self.model, [text])[0])


def _to_vector(weights: Weights) -> SparseVector:
    return SparseVector(**indices_and_values(weights))
