from bgem3 import FlagAutoReranker

from .reranker.model_mapping import AUTO_RERANKER_MAPPING, RERANKER_CLASS_MAPPING, RerankerModelClass

__all__ = ["AUTO_RERANKER_MAPPING", "RERANKER_CLASS_MAPPING", "RerankerModelClass", "FlagAutoReranker"]
