"""Embedders and re-rankers."""

from .auto_embedder import FlagAutoModel
from .auto_reranker import FlagAutoReranker
from .embedder import (
    BGEM3FlagModel,
    EmbedderModelClass,
    FlagICLModel,
    FlagLLMModel,
    FlagModel,
    FlagPseudoMoEModel,
)
from .reranker import (
    FlagLLMReranker,
    FlagReranker,
    LayerWiseFlagLLMReranker,
    LightWeightFlagLLMReranker,
    RerankerModelClass,
)

__all__ = [
    "BGEM3FlagModel",
    "EmbedderModelClass",
    "FlagAutoModel",
    "FlagAutoReranker",
    "FlagICLModel",
    "FlagLLMModel",
    "FlagLLMReranker",
    "FlagModel",
    "FlagPseudoMoEModel",
    "FlagReranker",
    "LayerWiseFlagLLMReranker",
    "LightWeightFlagLLMReranker",
    "RerankerModelClass",
]
