"""Embedders that are language models, which bgem3 does not run."""

from bgem3.compat._refused import LanguageModel

from ...abc.inference import AbsEmbedder


class _Embedder(LanguageModel, AbsEmbedder):
    _INSTEAD = "BGEM3FlagModel or FlagModel with a model such as BAAI/bge-m3"


class FlagLLMModel(_Embedder):
    """Cannot be constructed."""


class FlagICLModel(_Embedder):
    """Cannot be constructed."""


class FlagPseudoMoEModel(_Embedder):
    """Cannot be constructed."""


__all__ = ["FlagICLModel", "FlagLLMModel", "FlagPseudoMoEModel"]
