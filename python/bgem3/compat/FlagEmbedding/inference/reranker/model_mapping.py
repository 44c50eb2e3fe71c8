"""Which class FlagEmbedding has for a re-ranker of a known name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from ...abc.inference import AbsReranker as AbsReranker
from .decoder_only import FlagLLMReranker, LayerWiseFlagLLMReranker, LightWeightFlagLLMReranker
from .encoder_only import FlagReranker


class RerankerModelClass(Enum):
    ENCODER_ONLY_BASE = "encoder-only-base"
    DECODER_ONLY_BASE = "decoder-only-base"
    DECODER_ONLY_LAYERWISE = "decoder-only-layerwise"
    DECODER_ONLY_LIGHTWEIGHT = "decoder-only-lightweight"


@dataclass
class RerankerConfig:
    model_class: type[Any]
    trust_remote_code: bool = False


RERANKER_CLASS_MAPPING: Mapping[RerankerModelClass, type[Any]] = MappingProxyType(
    {
        RerankerModelClass.ENCODER_ONLY_BASE: FlagReranker,
        RerankerModelClass.DECODER_ONLY_BASE: FlagLLMReranker,
        RerankerModelClass.DECODER_ONLY_LAYERWISE: LayerWiseFlagLLMReranker,
        RerankerModelClass.DECODER_ONLY_LIGHTWEIGHT: LightWeightFlagLLMReranker,
    }
)

_NAMES: dict[str, type[Any]] = {
    "bge-reranker-base": FlagReranker,
    "bge-reranker-large": FlagReranker,
    "bge-reranker-v2-m3": FlagReranker,
    "bge-reranker-v2-gemma": FlagLLMReranker,
    "bge-reranker-v2-minicpm-layerwise": LayerWiseFlagLLMReranker,
    "bge-reranker-v2.5-gemma2-lightweight": LightWeightFlagLLMReranker,
    "jina-reranker-v2-base-multilingual": FlagReranker,
    "gte-multilingual-reranker-base": FlagReranker,
    "bce-reranker-base_v1": FlagReranker,
    "jina-reranker-v1-turbo-en": FlagReranker,
}

# Read-only: FlagAutoReranker opens models of any name, so that an entry more would have no effect.
AUTO_RERANKER_MAPPING: Mapping[str, RerankerConfig] = MappingProxyType(
    {name: RerankerConfig(kind) for name, kind in _NAMES.items()}
)
