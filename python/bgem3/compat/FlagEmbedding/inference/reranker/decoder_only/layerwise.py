from bgem3.compat._refused import LanguageModel

from ....abc.inference import AbsReranker


class LayerWiseFlagLLMReranker(LanguageModel, AbsReranker):
    """Cannot be constructed."""


LayerWiseLLMReranker = LayerWiseFlagLLMReranker

__all__ = ["AbsReranker", "LayerWiseLLMReranker", "LayerWiseFlagLLMReranker"]
