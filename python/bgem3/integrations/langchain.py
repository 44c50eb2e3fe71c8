"""LangChain: `pip install langchain-core`.

vector_store = InMemoryVectorStore(BGEM3Embeddings("BAAI/bge-m3"))
"""

import os
from typing import Any

from .._optional import need
from . import _models

need("langchain_core", "langchain-core")

from langchain_core.embeddings import Embeddings


class BGEM3Embeddings(Embeddings):
    """Dense embeddings for LangChain. The asynchronous methods run in a thread, and encoding holds no GIL.

    Args:
        model: a directory, a name on the Hugging Face Hub, or a loaded EmbeddingModel, FlagModel or BGEM3FlagModel
        options: for EmbeddingModel, where `model` is not loaded
    """

    def __init__(self, model: str | os.PathLike | _models.Model, **options: Any):
        self.model = _models.load(model, options)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return _models.encode_documents(self.model, texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return _models.encode_queries(self.model, [text])[0].tolist()
