from bgem3.compat._refused import LanguageModel

from ....abc.inference import AbsEmbedder


class FlagLLMModel(LanguageModel, AbsEmbedder):
    """Cannot be constructed."""


BaseLLMEmbedder = FlagLLMModel

__all__ = ["AbsEmbedder", "BaseLLMEmbedder", "FlagLLMModel"]
