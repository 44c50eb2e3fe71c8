"""Embedders."""

from .decoder_only import FlagICLModel, FlagLLMModel, FlagPseudoMoEModel
from .encoder_only import BGEM3FlagModel, FlagModel
from .model_mapping import EmbedderModelClass

__all__ = [
    "BGEM3FlagModel",
    "EmbedderModelClass",
    "FlagICLModel",
    "FlagLLMModel",
    "FlagModel",
    "FlagPseudoMoEModel",
]
