"""LlamaIndex: `pip install llama-index-core`.

Settings.embed_model = BGEM3Embedding("BAAI/bge-m3")
"""

import asyncio
import os
from typing import Any

from .._optional import need
from . import _models

need("llama_index", "llama-index-core")

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr


class BGEM3Embedding(BaseEmbedding):
    """Dense embeddings for LlamaIndex.

    Args:
        model: a directory, a name on the Hugging Face Hub, or a loaded EmbeddingModel, FlagModel or BGEM3FlagModel
        embed_batch_size: most texts that LlamaIndex hands over at once
        callback_manager: LlamaIndex's
        options: for EmbeddingModel, where `model` is not loaded
    """

    _loaded: Any = PrivateAttr()

    def __init__(
        self,
        model: str | os.PathLike | _models.Model,
        *,
        embed_batch_size: int = 256,
        callback_manager: Any = None,
        **options: Any,
    ):
        loaded = _models.load(model, options)
        super().__init__(
            model_name=_models.name_of(loaded), embed_batch_size=embed_batch_size, callback_manager=callback_manager
        )
        self._loaded = loaded

    @classmethod
    def class_name(cls) -> str:
        return "BGEM3Embedding"

    def _get_query_embedding(self, query: str) -> list[float]:
        return _models.encode_queries(self._loaded, [query])[0].tolist()

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return _models.encode_documents(self._loaded, texts).tolist()

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)
