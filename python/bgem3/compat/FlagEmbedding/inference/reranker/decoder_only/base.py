from bgem3.compat._refused import LanguageModel

from ....abc.inference import AbsReranker


class FlagLLMReranker(LanguageModel, AbsReranker):
    """Cannot be constructed."""


BaseLLMReranker = FlagLLMReranker

__all__ = ["AbsReranker", "BaseLLMReranker", "FlagLLMReranker"]
