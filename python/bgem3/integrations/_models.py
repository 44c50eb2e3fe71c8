"""What the adapters have in common: a model by name or already loaded, and its two ways to encode."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..embedding_model import EmbeddingModel
from ..flag_model import FlagModel
from ..m3 import BGEM3FlagModel

Model = EmbeddingModel | FlagModel | BGEM3FlagModel


def load(model: str | os.PathLike | Model, options: dict[str, Any]) -> Model:
    """`model` itself if it is loaded, else EmbeddingModel(model, **options)."""
    if not isinstance(model, Model):
        return EmbeddingModel(model, **options)
    if options:
        raise TypeError(f"options ({', '.join(options)}) are for loading a model, and this one is loaded")
    return model


def name_of(model: Model) -> str:
    return os.fspath(model.tokenizer.name_or_path)


def encode(model: Model, texts: Sequence[str], **options: Any) -> np.ndarray:
    """float32 [B, D] of texts that are neither queries nor documents."""
    return _dense(model.encode(list(texts), show_progress_bar=False, **options))


def encode_queries(model: Model, texts: Sequence[str], **options: Any) -> np.ndarray:
    """float32 [B, D], with the prompt or instruction that the model has for queries."""
    encode = model.encode_query if isinstance(model, EmbeddingModel) else model.encode_queries
    return _dense(encode(list(texts), show_progress_bar=False, **options))


def encode_documents(model: Model, texts: Sequence[str], **options: Any) -> np.ndarray:
    """float32 [B, D], with the prompt or instruction that the model has for documents."""
    encode = model.encode_document if isinstance(model, EmbeddingModel) else model.encode_corpus
    return _dense(encode(list(texts), show_progress_bar=False, **options))


def _dense(vectors: Any) -> np.ndarray:
    return np.asarray(vectors["dense_vecs"] if isinstance(vectors, dict) else vectors)
