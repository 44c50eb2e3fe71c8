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
from .cross_encoder import CrossEncoder
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
from .multi_vector_encoder import MultiVectorEncoder
from .reranker import FlagReranker
from .sparse_encoder import SparseEncoder
from .tokenizer import Tokenizer

__all__ = [
    "BGEM3FlagModel",
    "BadModelError",
    "BatchingEmbedder",
    "BatchingReranker",
    "CancelledError",
    "CrossEncoder",
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
    "MultiVectorEncoder",
    "OutOfMemoryError",
    "OverloadedError",
    "SparseEncoder",
    "Tokenizer",
    "__version__",
    "resolve_model",
]
