from .base import BaseLLMEmbedder, FlagLLMModel


class FlagPseudoMoEModel(FlagLLMModel):
    """Cannot be constructed."""


PseudoMoELLMEmbedder = FlagPseudoMoEModel

__all__ = ["BaseLLMEmbedder", "FlagPseudoMoEModel", "PseudoMoELLMEmbedder"]
