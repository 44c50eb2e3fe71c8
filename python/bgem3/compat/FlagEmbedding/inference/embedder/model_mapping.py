"""Which class, pooling and instruction format FlagEmbedding has for an embedder of a known name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from ...abc.inference import AbsEmbedder as AbsEmbedder
from .decoder_only import FlagICLModel, FlagLLMModel, FlagPseudoMoEModel
from .encoder_only import BGEM3FlagModel, FlagModel


class EmbedderModelClass(Enum):
    ENCODER_ONLY_BASE = "encoder-only-base"
    ENCODER_ONLY_M3 = "encoder-only-m3"
    DECODER_ONLY_BASE = "decoder-only-base"
    DECODER_ONLY_ICL = "decoder-only-icl"
    DECODER_ONLY_PSEUDO_MOE = "decoder-only-pseudo_moe"


class PoolingMethod(Enum):
    LAST_TOKEN = "last_token"
    CLS = "cls"
    MEAN = "mean"


@dataclass
class EmbedderConfig:
    model_class: type[Any]
    pooling_method: PoolingMethod
    trust_remote_code: bool = False
    query_instruction_format: str = "{}{}"


EMBEDDER_CLASS_MAPPING: Mapping[EmbedderModelClass, type[Any]] = MappingProxyType(
    {
        EmbedderModelClass.ENCODER_ONLY_BASE: FlagModel,
        EmbedderModelClass.ENCODER_ONLY_M3: BGEM3FlagModel,
        EmbedderModelClass.DECODER_ONLY_BASE: FlagLLMModel,
        EmbedderModelClass.DECODER_ONLY_ICL: FlagICLModel,
        EmbedderModelClass.DECODER_ONLY_PSEUDO_MOE: FlagPseudoMoEModel,
    }
)


def _named(names: str, *config: Any, **options: Any) -> dict[str, EmbedderConfig]:
    return {name: EmbedderConfig(*config, **options) for name in names.split()}


def _language_models(names: str, query_format: str, kind: type[Any] = FlagLLMModel, remote: bool = False) -> Any:
    return _named(names, kind, PoolingMethod.LAST_TOKEN, remote, query_format)


_INSTRUCT = "Instruct: {}\nQuery: {}"
_TAGGED = "<instruct>{}\n<query>{}"
_BASE_CLS = (FlagModel, PoolingMethod.CLS)
_BASE_MEAN = (FlagModel, PoolingMethod.MEAN)

_BGE = {
    **_language_models("bge-reasoner-embed-qwen3-8b-0923", _INSTRUCT),
    **_language_models("bge-code-v1", _TAGGED, remote=True),
    **_language_models("bge-en-icl", _TAGGED, FlagICLModel),
    **_language_models("bge-multilingual-gemma2", _TAGGED),
    **_named("bge-m3", BGEM3FlagModel, PoolingMethod.CLS),
    **_named("bge-large-en-v1.5 bge-base-en-v1.5 bge-small-en-v1.5", *_BASE_CLS),
    **_named("bge-large-zh-v1.5 bge-base-zh-v1.5 bge-small-zh-v1.5", *_BASE_CLS),
    **_named("bge-large-en bge-base-en bge-small-en bge-large-zh bge-base-zh bge-small-zh", *_BASE_CLS),
}

_OTHERS = {
    **_language_models("Qwen3-Embedding-0.6B Qwen3-Embedding-4B Qwen3-Embedding-8B", "Instruct: {}\nQuery:{}"),
    **_language_models("e5-mistral-7b-instruct", _INSTRUCT),
    **_named("e5-large-v2 e5-base-v2 e5-small-v2", *_BASE_MEAN),
    **_named("multilingual-e5-large-instruct", *_BASE_MEAN, query_instruction_format=_INSTRUCT),
    **_named("multilingual-e5-large multilingual-e5-base multilingual-e5-small", *_BASE_MEAN),
    **_named("e5-large e5-base e5-small", *_BASE_MEAN),
    **_language_models("gte-Qwen2-7B-instruct gte-Qwen2-1.5B-instruct gte-Qwen1.5-7B-instruct", _INSTRUCT, remote=True),
    **_named("gte-multilingual-base gte-large-en-v1.5 gte-base-en-v1.5", *_BASE_CLS, trust_remote_code=True),
    **_named("gte-large gte-base gte-small", *_BASE_MEAN),
    **_named("gte-large-zh gte-base-zh gte-small-zh", *_BASE_CLS),
    **_language_models("SFR-Embedding-2_R SFR-Embedding-Mistral Linq-Embed-Mistral", _INSTRUCT),
    **_named("bce-embedding-base_v1", *_BASE_CLS),
}

# Read-only: FlagAutoModel opens models of any name, so that an entry more would have no effect.
AUTO_EMBEDDER_MAPPING: Mapping[str, EmbedderConfig] = MappingProxyType({**_BGE, **_OTHERS})


def support_native_bge_model_list() -> list[str]:
    """Names of BAAI's models."""
    return list(_BGE)


def support_model_list() -> list[str]:
    """All names."""
    return list(AUTO_EMBEDDER_MAPPING)
