"""Re-rankers that are language models, which bgem3 does not run."""

from bgem3.compat._refused import LanguageModel

from ...abc.inference import AbsReranker


class _Reranker(LanguageModel, AbsReranker):
    _INSTEAD = "FlagReranker with a model such as BAAI/bge-reranker-v2-m3"


class FlagLLMReranker(_Reranker):
    """Cannot be constructed."""


class LayerWiseFlagLLMReranker(_Reranker):
    """Cannot be constructed."""


class LightWeightFlagLLMReranker(_Reranker):
    """Cannot be constructed."""


__all__ = ["FlagLLMReranker", "LayerWiseFlagLLMReranker", "LightWeightFlagLLMReranker"]
