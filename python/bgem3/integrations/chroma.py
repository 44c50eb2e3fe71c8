"""Chroma: `pip install chromadb`.

import chromadb
from bgem3.integrations.chroma import BGEM3EmbeddingFunction

client = chromadb.PersistentClient("chroma")
texts = client.get_or_create_collection("texts", embedding_function=BGEM3EmbeddingFunction("BAAI/bge-m3"))
texts.upsert(ids=["0", "1"], documents=["a text", "another"])
found = texts.query(query_texts=["a question"], n_results=1)
"""

import json
import os
import pathlib
from functools import cached_property
from typing import Any, cast

import numpy as np

from .._optional import need
from ..embedding_model import EmbeddingModel
from ..m3 import BGEM3FlagModel
from ..types import Weights
from ..vectors import indices_and_values
from . import _models

need("chromadb", "chromadb")

from chromadb.api.types import Documents, EmbeddingFunction, Embeddings, Space, SparseEmbeddingFunction, SparseVectors
from chromadb.base_types import SparseVector
from chromadb.utils.embedding_functions import register_embedding_function, register_sparse_embedding_function


@register_embedding_function
class BGEM3EmbeddingFunction(EmbeddingFunction[Documents]):
    """Dense embeddings for Chroma. A collection keeps the function's name, "bgem3", and its arguments; where this module has
    been imported, it is opened again without them. The model is loaded when it is needed, since Chroma makes several
    functions of one configuration.

    Args:
        model: a directory, or a name on the Hugging Face Hub
        options: for EmbeddingModel; numbers, str, lists and dicts, which Chroma can keep
    """

    def __init__(self, model: str | os.PathLike[str], **options: Any):
        self.model, self.options = _configured(EmbeddingModel, model, options)

    @cached_property
    def _loaded(self) -> EmbeddingModel:
        return EmbeddingModel(self.model, **self.options)

    def __call__(self, input: Documents) -> Embeddings:
        return _vectors(_models.encode_documents(self._loaded, input))

    def embed_query(self, input: Documents) -> Embeddings:
        return _vectors(_models.encode_queries(self._loaded, input))

    @staticmethod
    def name() -> str:
        return "bgem3"

    def default_space(self) -> Space:
        return "cosine"

    def get_config(self) -> dict[str, Any]:
        return {"model": self.model, "options": self.options}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "BGEM3EmbeddingFunction":
        return BGEM3EmbeddingFunction(**_arguments(config))

    @staticmethod
    def validate_config(config: dict[str, Any]) -> None:
        _arguments(config)


@register_sparse_embedding_function
class BGEM3SparseEmbeddingFunction(SparseEmbeddingFunction[Documents]):
    """Lexical weights for a SparseVectorIndexConfig of Chroma. The model is loaded when it is needed.

    Args:
        model: a directory, or a name on the Hugging Face Hub
        options: for BGEM3FlagModel; numbers, str, lists and dicts, which Chroma can keep
    """

    def __init__(self, model: str | os.PathLike[str], **options: Any):
        self.model, self.options = _configured(BGEM3FlagModel, model, options)

    @cached_property
    def _loaded(self) -> BGEM3FlagModel:
        return _models.load_m3(self.model, self.options)

    def __call__(self, input: Documents) -> SparseVectors:
        return [_sparse(weights) for weights in _models.document_weights(self._loaded, input)]

    def embed_query(self, input: Documents) -> SparseVectors:
        return [_sparse(weights) for weights in _models.query_weights(self._loaded, input)]

    @staticmethod
    def name() -> str:
        return "bgem3_sparse"

    def get_config(self) -> dict[str, Any]:
        return {"model": self.model, "options": self.options}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "BGEM3SparseEmbeddingFunction":
        return BGEM3SparseEmbeddingFunction(**_arguments(config))

    @staticmethod
    def validate_config(config: dict[str, Any]) -> None:
        _arguments(config)


def _configured(
    kind: type[EmbeddingModel | BGEM3FlagModel], model: str | os.PathLike[str], options: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Both as Chroma keeps them, in JSON, for programs with other working directories."""
    if not isinstance(model, (str, os.PathLike)):
        raise TypeError(f"model should be a directory or a name, which Chroma keeps, found {type(model).__name__}")
    if options.get("token") is not None:
        raise ValueError("token would be kept by Chroma, for everybody who reads the database; set HF_TOKEN")
    for name, value in options.items():
        try:
            json.dumps(value)
        except TypeError:
            raise TypeError(f"{name} should be a value of JSON, which Chroma keeps, found {value!r:.200}") from None
    _models.check_names(kind, options)
    directory = pathlib.Path(model).expanduser()
    return str(directory.absolute()) if directory.is_dir() else os.fspath(model), options


def _arguments(config: dict[str, Any]) -> dict[str, Any]:
    """Of a configuration that get_config() gave."""
    options = config.get("options", {})
    if not isinstance(config.get("model"), str) or config.keys() - {"model", "options"}:
        raise ValueError(f"the configuration should have 'model' and 'options', found {config!r:.200}")
    if not isinstance(options, dict) or "model" in options:
        raise ValueError(f"'options' should be a dict of arguments other than 'model', found {options!r:.200}")
    return {"model": config["model"], **options}


def _vectors(vectors: np.ndarray) -> Embeddings:
    return cast(Embeddings, list(vectors))


def _sparse(weights: Weights) -> SparseVector:
    return SparseVector(**indices_and_values(weights))
