"""Embedders that are language models, which bgem3 does not run."""

from .base import FlagLLMModel
from .icl import FlagICLModel
from .pseudo_moe import FlagPseudoMoEModel

__all__ = ["FlagICLModel", "FlagLLMModel", "FlagPseudoMoEModel"]
