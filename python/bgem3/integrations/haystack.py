"""Haystack 2 and 3: `pip install haystack-ai`.

indexing.add_component("embedder", BGEM3DocumentEmbedder("BAAI/bge-m3", sparse=True))
query.add_component("embedder", BGEM3TextEmbedder("BAAI/bge-m3", sparse=True))
"""

import dataclasses
from typing import Any

import numpy as np

from .._optional import need
from ..embedding_model import EmbeddingModel
from ..m3 import BGEM3FlagModel, Weights
from . import _models

need("haystack", "haystack-ai")

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.dataclasses import SparseEmbedding


class _Embedder:
    """What both components share: arguments that can be written to YAML, and a model loaded when it is needed."""

    def __init__(self, model: str, *, sparse: bool = False, options: dict[str, Any] | None = None):
        self.model = model
        self.sparse = sparse
        self.options = options or {}
        self._loaded: _models.Model | None = None

    def warm_up(self) -> None:
        """Loads the model, once."""
        if self._loaded is None:
            load = BGEM3FlagModel if self.sparse else EmbeddingModel
            self._loaded = load(self.model, **self.options)

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


def _to_sparse(weights: Weights) -> SparseEmbedding:
    return SparseEmbedding(indices=[int(token) for token in weights], values=[float(w) for w in weights.values()])


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
        model: str,
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
        if not all(isinstance(document, Document) for document in documents):
            raise TypeError("documents should be a list of haystack.Document; for a text take BGEM3TextEmbedder")
        dense, sparse = self._embed([self._text_of(document) for document in documents], _models.encode_documents)
        return {
            "documents": [
                dataclasses.replace(document, embedding=vector.tolist(), sparse_embedding=weights)
                for document, vector, weights in zip(documents, dense, sparse)
            ]
        }

    def _text_of(self, document: Document) -> str:
        values = (document.meta.get(name) for name in self.meta_fields_to_embed)
        given = [str(value) for value in values if value is not None]
        return self.embedding_separator.join([*given, document.content or ""])

    def _arguments(self) -> dict[str, Any]:
        own = {"meta_fields_to_embed": self.meta_fields_to_embed, "embedding_separator": self.embedding_separator}
        return {**_Embedder._arguments(self), **own}
