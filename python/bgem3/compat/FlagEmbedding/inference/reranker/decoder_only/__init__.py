"""Re-rankers that are language models, which bgem3 does not run."""

from .base import FlagLLMReranker
from .layerwise import LayerWiseFlagLLMReranker
from .lightweight import LightWeightFlagLLMReranker

__all__ = ["FlagLLMReranker", "LayerWiseFlagLLMReranker", "LightWeightFlagLLMReranker"]
