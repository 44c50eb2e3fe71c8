"""What the adapters have in common: a model by name or already loaded, and its two ways to encode."""

import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._flag.arguments import take_loading_options
from .._flag.base import FlagBase
from .._model.dtype import dtype_name
from .._model.texts import as_list
from .._torch import is_of_torch
from ..embedding_model import EmbeddingModel
from ..flag_model import FlagModel
from ..m3 import BGEM3FlagModel
from ..types import Weights

Model = EmbeddingModel | FlagModel | BGEM3FlagModel


def load(model: str | os.PathLike[str] | Model, options: dict[str, Any]) -> Model:
    """`model` itself if it is loaded, else EmbeddingModel(model, **options)."""
    if not isinstance(model, Model):
        return EmbeddingModel(model, **options)
    refuse_options(options)
    return model


def load_m3(model: str | os.PathLike[str] | BGEM3FlagModel, options: dict[str, Any]) -> BGEM3FlagModel:
    """`model` itself if it is loaded, else BGEM3FlagModel(model, **options); either way one with lexical weights."""
    if isinstance(model, BGEM3FlagModel):
        refuse_options(options)
    elif isinstance(model, (str, os.PathLike)):
        model = BGEM3FlagModel(os.fspath(model), **options)
    else:
        raise TypeError(f"model should be a directory, a name or a BGEM3FlagModel, found {type(model).__name__}")
    if not model.info["has_sparse"]:
        raise ValueError(f"'{name_of(model)}' has no sparse_linear.pt, so no lexical weights; only BGE-M3 models have")
    return model


def refuse_options(options: dict[str, Any]) -> None:
    if options:
        raise TypeError(f"options ({', '.join(options)}) are for loading a model, and this one is loaded")


def check_names(kind: type[EmbeddingModel | BGEM3FlagModel], options: Mapping[str, Any]) -> None:
    """Looks for misspelt names, without loading a model.

    Raises:
        TypeError: `kind` has no such argument
    """
    further = inspect.signature(kind).bind("", **options).arguments.get("kwargs", {})
    parameters = inspect.signature(FlagBase.__init__).parameters.values()
    known = {parameter.name for parameter in parameters if parameter.kind == parameter.KEYWORD_ONLY}
    take_loading_options({name: value for name, value in further.items() if name not in known}, kind.__name__)


def as_kept(value: Any) -> Any:
    """An option in types of JSON, as far as there are such; models take these as well."""
    if isinstance(value, Mapping):
        return {name: as_kept(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_kept(each) for each in value]
    if is_of_torch(value, "dtype"):
        return dtype_name(value)
    if is_of_torch(value, "device"):
        return str(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def name_of(model: Model) -> str:
    return os.fspath(model.tokenizer.name_or_path)


def encode(model: Model, texts: Sequence[str], **options: Any) -> np.ndarray:
    """float32 [B, D] of texts that are neither queries nor documents."""
    return _dense(model.encode(as_list(texts, "texts"), **_quiet(options)))


def encode_queries(model: Model, texts: Sequence[str], **options: Any) -> np.ndarray:
    """float32 [B, D], with the prompt or instruction that the model has for queries."""
    encode = model.encode_query if isinstance(model, EmbeddingModel) else model.encode_queries
    return _dense(encode(as_list(texts, "texts"), **_quiet(options)))


def encode_documents(model: Model, texts: Sequence[str], **options: Any) -> np.ndarray:
    """float32 [B, D], with the prompt or instruction that the model has for documents."""
    encode = model.encode_document if isinstance(model, EmbeddingModel) else model.encode_corpus
    return _dense(encode(as_list(texts, "texts"), **_quiet(options)))


def query_weights(model: BGEM3FlagModel, texts: Sequence[str]) -> list[Weights]:
    """The lexical weights of B queries."""
    return _weights(model.encode_queries(as_list(texts, "texts"), **_SPARSE))


def document_weights(model: BGEM3FlagModel, texts: Sequence[str]) -> list[Weights]:
    """The lexical weights of B documents."""
    return _weights(model.encode_corpus(as_list(texts, "texts"), **_SPARSE))


_SPARSE: dict[str, Any] = {
    "return_dense": False,
    "return_sparse": True,
    "return_colbert_vecs": False,
    "show_progress_bar": False,
}


def _quiet(options: dict[str, Any]) -> dict[str, Any]:
    return {"show_progress_bar": False, **options}


def _dense(vectors: Any) -> np.ndarray:
    return np.asarray(vectors["dense_vecs"] if isinstance(vectors, dict) else vectors)


def _weights(found: Any) -> list[Weights]:
    weights: list[Weights] = found["lexical_weights"]
    return weights
