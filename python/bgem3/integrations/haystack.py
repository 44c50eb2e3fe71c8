"""Haystack 2 and 3: `pip install haystack-ai`.

from haystack import Document
from bgem3.integrations.haystack import BGEM3DocumentEmbedder, BGEM3Reranker, BGEM3TextEmbedder

documents = [Document(content="a text"), Document(content="another")]
embedded = BGEM3DocumentEmbedder("BAAI/bge-m3", sparse=True).run(documents)["documents"]
query = BGEM3TextEmbedder("BAAI/bge-m3", sparse=True).run("a question")
best = BGEM3Reranker("BAAI/bge-reranker-v2-m3", top_k=1).run("a question", embedded)["documents"]
"""

import dataclasses
import os
from typing import Any

import numpy as np

from .._optional import need
from ..embedding_model import EmbeddingModel
from ..m3 import BGEM3FlagModel
from ..reranker import FlagReranker
from ..types import Weights
from ..vectors import indices_and_values
from . import _models, _rerankers

need("haystack", "haystack-ai")

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.dataclasses import SparseEmbedding

from ._haystack_documents import as_documents, text_of, without_duplicates


class _Embedder:
    """What both embedders share: arguments that can be written to YAML, and a model loaded when it is needed."""

    def __init__(self, model: str | os.PathLike[str], *, sparse: bool = False, options: dict[str, Any] | None = None):
        self.model = os.fspath(model)
        self.sparse = sparse
        self.options = options or {}
        _models.check_names(_kind(sparse), self.options)
        self._loaded: _models.Model | None = None

    def warm_up(self) -> None:
        """Loads the model, once."""
        if self._loaded is None:
            self._loaded = _kind(self.sparse)(self.model, **self.options)

    def to_dict(self) -> dict[str, Any]:
        return default_to_dict(self, **self._arguments())

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Any:
        return default_from_dict(cls, data)

    def _arguments(self) -> dict[str, Any]:
        return {"model": self.model, "sparse": self.sparse, "options": self.options}

    def _embed(self, texts: list[str], encode: Any) -> tuple[np.ndarray, list[Any]]:
        """Dense vectors [B, D]; sparse ones, or None for each."""
        self.warm_up()
        if not self.sparse:
            return encode(self._loaded, texts), [None] * len(texts)
        by_role = {_models.encode_queries: "encode_queries", _models.encode_documents: "encode_corpus"}
        found = getattr(self._loaded, by_role[encode])(texts, return_sparse=True, show_progress_bar=False)
        return found["dense_vecs"], [_to_sparse(weights) for weights in found["lexical_weights"]]


def _kind(sparse: bool) -> type[BGEM3FlagModel | EmbeddingModel]:
    return BGEM3FlagModel if sparse else EmbeddingModel


def _to_sparse(weights: Weights) -> SparseEmbedding:
    return SparseEmbedding(**indices_and_values(weights))


@component
class BGEM3TextEmbedder(_Embedder):
    """Embeds a query.

    Args:
        model: a directory, or a name on the Hugging Face Hub
        sparse: give lexical weights as well, which only BGE-M3 has
        options: further arguments of BGEM3FlagModel (with `sparse`) or EmbeddingModel
    """

    @component.output_types(embedding=list[float], sparse_embedding=SparseEmbedding | None)
    def run(self, text: str) -> dict[str, Any]:
        if not isinstance(text, str):
            raise TypeError(
                f"text should be a str, found {type(text).__name__}; for documents take BGEM3DocumentEmbedder"
            )
        dense, sparse = self._embed([text], _models.encode_queries)
        return {"embedding": dense[0].tolist(), "sparse_embedding": sparse[0]}


@component
class BGEM3DocumentEmbedder(_Embedder):
    """Fills in `embedding`, and `sparse_embedding`, of copies of documents.

    Args:
        model, sparse, options: as BGEM3TextEmbedder's
        meta_fields_to_embed: names of metadata put before the content
        embedding_separator: between these
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        sparse: bool = False,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        options: dict[str, Any] | None = None,
    ):
        # Not super(): @component makes another class of this one.
        _Embedder.__init__(self, model, sparse=sparse, options=options)
        self.meta_fields_to_embed = meta_fields_to_embed or []
        self.embedding_separator = embedding_separator

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        given = as_documents(documents, "; for a text take BGEM3TextEmbedder")
        texts = [text_of(document, self.meta_fields_to_embed, self.embedding_separator) for document in given]
        dense, sparse = self._embed(texts, _models.encode_documents)
        return {
            "documents": [
                dataclasses.replace(document, embedding=vector.tolist(), sparse_embedding=weights)
                for document, vector, weights in zip(given, dense, sparse)
            ]
        }

    def _arguments(self) -> dict[str, Any]:
        own = {"meta_fields_to_embed": self.meta_fields_to_embed, "embedding_separator": self.embedding_separator}
        return {**_Embedder._arguments(self), **own}


@component
class BGEM3Reranker:
    """Puts documents in order by a cross-encoder, with the arguments of Haystack's SentenceTransformersSimilarityRanker.
    Of documents with the same id, the one with the highest score of its retriever is kept.

    Args:
        model: a directory, or a name on the Hugging Face Hub
        top_k: how many to give at most
        scale_score: scores in 0 … 1, by the logistic function, instead of logits
        score_threshold: documents below it are left out
        meta_fields_to_embed, embedding_separator: as BGEM3DocumentEmbedder's
        options: further arguments of FlagReranker
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        top_k: int = 10,
        scale_score: bool = True,
        score_threshold: float | None = None,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        options: dict[str, Any] | None = None,
    ):
        self.model = os.fspath(model)
        self.top_k = _checked(top_k)
        self.scale_score = scale_score
        self.score_threshold = score_threshold
        self.meta_fields_to_embed = meta_fields_to_embed or []
        self.embedding_separator = embedding_separator
        self.options = options or {}
        self._loaded: FlagReranker | None = None

    def warm_up(self) -> None:
        """Loads the model, once."""
        if self._loaded is None:
            self._loaded = _rerankers.load(self.model, self.options)

    def to_dict(self) -> dict[str, Any]:
        return default_to_dict(
            self,
            model=self.model,
            top_k=self.top_k,
            scale_score=self.scale_score,
            score_threshold=self.score_threshold,
            meta_fields_to_embed=self.meta_fields_to_embed,
            embedding_separator=self.embedding_separator,
            options=self.options,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Any:
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        scale_score: bool | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, Any]:
        """The documents, best first, each with its score; the arguments replace those of the constructor."""
        count = _checked(self.top_k if top_k is None else top_k)
        threshold = self.score_threshold if score_threshold is None else score_threshold
        self.warm_up()
        given = without_duplicates(as_documents(documents))
        texts = [text_of(document, self.meta_fields_to_embed, self.embedding_separator) for document in given]
        normalize = self.scale_score if scale_score is None else scale_score
        assert self._loaded is not None
        scores = _rerankers.scores(self._loaded, query, texts, normalize)
        best = [i for i in _rerankers.best_first(scores, count) if threshold is None or scores[i] >= threshold]
        return {"documents": [dataclasses.replace(given[i], score=scores[i]) for i in best]}


def _checked(top_k: int) -> int:
    if top_k < 1:
        raise ValueError(f"top_k should be positive, found {top_k}")
    return top_k
