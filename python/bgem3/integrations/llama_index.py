"""LlamaIndex: `pip install llama-index-core`.

from llama_index.core import Document, VectorStoreIndex
from bgem3.integrations.llama_index import BGEM3Embedding, BGEM3Reranker

documents = [Document(text="a text"), Document(text="another")]
index = VectorStoreIndex.from_documents(documents, embed_model=BGEM3Embedding("BAAI/bge-m3"))
nodes = index.as_retriever(similarity_top_k=2).retrieve("a question")
best = BGEM3Reranker("BAAI/bge-reranker-v2-m3", top_n=1).postprocess_nodes(nodes, query_str="a question")
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .._model.texts import as_list
from .._optional import need
from ..reranker import FlagReranker
from . import _models, _rerankers

need("llama_index", "llama-index-core")

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import BaseModel, ConfigDict, Field, PrivateAttr
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

_dispatcher = get_dispatcher(__name__)
_OPTIONS = "Arguments that the model was loaded with, without tokens; None: it was given loaded."
_SECRETS = ("token", "use_auth_token")

Made = TypeVar("Made")


class BGEM3Embedding(BaseEmbedding):
    """Dense embeddings for LlamaIndex. from_dict() of what to_dict() gives makes the same again, where the model was given
    by name; a token for the Hugging Face Hub is left out of the dict. Where it was given loaded, pass from_dict() a `model`.

    Args:
        model: a directory, a name on the Hugging Face Hub, or a loaded EmbeddingModel, FlagModel or BGEM3FlagModel
        embed_batch_size: most texts that LlamaIndex hands over at once
        callback_manager, num_workers, embeddings_cache, rate_limiter: LlamaIndex's
        options: for EmbeddingModel, where `model` is not loaded
    """

    model_name: str = Field(description="Name of the model.", frozen=True)
    options: dict[str, Any] | None = Field(description=_OPTIONS, frozen=True)
    _loaded: Any = PrivateAttr()

    def __init__(
        self,
        model: str | os.PathLike[str] | _models.Model,
        *,
        embed_batch_size: int = 256,
        callback_manager: Any = None,
        num_workers: int | None = None,
        embeddings_cache: Any = None,
        rate_limiter: Any = None,
        **options: Any,
    ):
        loaded = _models.load(model, options)
        fields: dict[str, Any] = {
            "model_name": _models.name_of(loaded),
            "options": _kept(options) if loaded is not model else None,
            "embed_batch_size": embed_batch_size,
            "callback_manager": callback_manager,
            "num_workers": num_workers,
            "embeddings_cache": embeddings_cache,
            "rate_limiter": rate_limiter,
        }
        super().__init__(**fields)
        self._loaded = loaded

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> "BGEM3Embedding":
        return _made_again(cls, data, "model_name", kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        BaseModel.__setstate__(self, state)  # LlamaIndex's would load another model, without the options

    @classmethod
    def class_name(cls) -> str:
        return "BGEM3Embedding"

    def get_text_embedding_batch(
        self, texts: list[str], show_progress: bool = False, **kwargs: Any
    ) -> list[list[float]]:
        return super().get_text_embedding_batch(as_list(texts, "texts"), show_progress, **kwargs)

    async def aget_text_embedding_batch(
        self, texts: list[str], show_progress: bool = False, **kwargs: Any
    ) -> list[list[float]]:
        return await super().aget_text_embedding_batch(as_list(texts, "texts"), show_progress, **kwargs)

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


class BGEM3Reranker(BaseNodePostprocessor):
    """Puts nodes in order by a cross-encoder, as LlamaIndex's FlagEmbeddingReranker. A node is judged by its content and
    the metadata that LlamaIndex embeds with it; the nodes given are left alone. apostprocess_nodes() runs in a thread.
    from_dict() is as that of BGEM3Embedding.

    Args:
        model: a directory, a name on the Hugging Face Hub, or a loaded FlagReranker
        top_n: how many to give at most
        callback_manager: LlamaIndex's
        options: for FlagReranker, where `model` is not loaded. Scores are then logits, or in 0 … 1 with `normalize=True`
    """

    model_config = ConfigDict(validate_assignment=True)

    model: str = Field(description="Name of the cross-encoder.", frozen=True)
    options: dict[str, Any] | None = Field(description=_OPTIONS, frozen=True)
    top_n: int = Field(gt=0, description="How many nodes to give at most.")
    _loaded: Any = PrivateAttr()

    def __init__(
        self,
        model: str | os.PathLike[str] | FlagReranker,
        *,
        top_n: int = 2,
        callback_manager: Any = None,
        **options: Any,
    ):
        loaded = _rerankers.load(model, options)
        kept = _kept(options) if loaded is not model else None
        fields: dict[str, Any] = {"model": os.fspath(loaded.tokenizer.name_or_path), "options": kept, "top_n": top_n}
        if callback_manager is not None:
            fields["callback_manager"] = callback_manager
        super().__init__(**fields)
        self._loaded = loaded

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> "BGEM3Reranker":
        return _made_again(cls, data, "model", kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        BaseModel.__setstate__(self, state)  # LlamaIndex's would load another model, without the options

    @classmethod
    def class_name(cls) -> str:
        return "BGEM3Reranker"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise ValueError("a query is needed: pass query_str or query_bundle")
        given = as_list(nodes, "nodes", "a list of NodeWithScore")
        _dispatcher.event(ReRankStartEvent(query=query_bundle, nodes=given, top_n=self.top_n, model_name=self.model))
        payload: dict[str, Any] = {
            EventPayload.NODES: given,
            EventPayload.MODEL_NAME: self.model,
            EventPayload.QUERY_STR: query_bundle.query_str,
            EventPayload.TOP_K: self.top_n,
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
            best = self._rerank(given, query_bundle.query_str)
            event.on_end(payload={EventPayload.NODES: best})
        _dispatcher.event(ReRankEndEvent(nodes=best))
        return best

    def _rerank(self, nodes: list[NodeWithScore], query: str) -> list[NodeWithScore]:
        texts = [node.node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]
        scores = _rerankers.scores(self._loaded, query, texts)
        best = _rerankers.best_first(scores, self.top_n)
        return [NodeWithScore(node=nodes[i].node, score=scores[i]) for i in best]


def _kept(options: Mapping[str, Any]) -> dict[str, Any]:
    """For to_dict(), which goes into logs and caches."""
    return {name: _models.as_kept(value) for name, value in options.items() if name not in _SECRETS}


def _made_again(kind: Callable[..., Made], data: Mapping[str, Any], name: str, changes: Mapping[str, Any]) -> Made:
    """Of what to_dict() gave, where the model is called `name`, with changes."""
    given = {key: value for key, value in data.items() if key not in (name, "options", "class_name")}
    if "model" in changes:
        return kind(**{**given, **changes})
    options = data.get("options")
    if options is None:
        raise ValueError(
            "the dict does not say how its model was loaded, which was given loaded: pass from_dict() a model"
        )
    return kind(data[name], **{**given, **options, **changes})
