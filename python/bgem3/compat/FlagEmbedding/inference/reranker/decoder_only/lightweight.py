from bgem3.compat._refused import LanguageModel

from ....abc.inference import AbsReranker


class LightWeightFlagLLMReranker(LanguageModel, AbsReranker):
    """Cannot be constructed."""


LightweightLLMReranker = LightWeightFlagLLMReranker

__all__ = ["AbsReranker", "LightweightLLMReranker", "LightWeightFlagLLMReranker"]
