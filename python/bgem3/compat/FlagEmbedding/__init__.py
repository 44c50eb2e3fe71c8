"""The names of FlagEmbedding 1.4.2, with the classes of bgem3."""

from .abc.inference import AbsEmbedder, AbsReranker
from .inference import (
    BGEM3FlagModel,
    EmbedderModelClass,
    FlagAutoModel,
    FlagAutoReranker,
    FlagICLModel,
    FlagLLMModel,
    FlagLLMReranker,
    FlagModel,
    FlagPseudoMoEModel,
    FlagReranker,
    LayerWiseFlagLLMReranker,
    LightWeightFlagLLMReranker,
    RerankerModelClass,
)

__all__ = [
    "AbsEmbedder",
    "AbsReranker",
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
