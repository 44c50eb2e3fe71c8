from bgem3.compat._refused import LanguageModel

from ....abc.inference import AbsEmbedder


class FlagICLModel(LanguageModel, AbsEmbedder):
    """Cannot be constructed."""


ICLLLMEmbedder = FlagICLModel

__all__ = ["AbsEmbedder", "ICLLLMEmbedder", "FlagICLModel"]
