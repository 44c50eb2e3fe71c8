"""bgem3: text embeddings of BGE-M3 and its kin, in C++.

from bgem3 import BGEM3FlagModel

model = BGEM3FlagModel("BAAI/bge-m3")
vectors = model.encode(["Hello World", "Bonjour le monde"], return_sparse=True)
"""

from . import _torch

_torch.check()
_torch.preload()

from ._core import version as __version__
from .auto import FlagAutoModel, FlagAutoReranker
from .batching import BatchingEmbedder, BatchingReranker
from .embedding_model import EmbeddingModel
from .errors import (
    BadModelError,
    CancelledError,
    DeadlineExceededError,
    Error,
    InputOutputError,
    InvalidArgumentError,
    ModelChangedError,
    OutOfMemoryError,
    OverloadedError,
)
from .flag_model import FlagModel
from .hub import resolve_model
from .m3 import BGEM3FlagModel
from .reranker import FlagReranker
from .tokenizer import Tokenizer

__all__ = [
    "BGEM3FlagModel",
    "BadModelError",
    "BatchingEmbedder",
    "BatchingReranker",
    "CancelledError",
    "DeadlineExceededError",
    "EmbeddingModel",
    "Error",
    "FlagAutoModel",
    "FlagAutoReranker",
    "FlagModel",
    "FlagReranker",
    "InputOutputError",
    "InvalidArgumentError",
    "ModelChangedError",
    "OutOfMemoryError",
    "OverloadedError",
    "Tokenizer",
    "__version__",
    "resolve_model",
]
