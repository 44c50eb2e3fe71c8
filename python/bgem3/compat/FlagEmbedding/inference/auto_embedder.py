from bgem3 import FlagAutoModel

from .embedder.model_mapping import AUTO_EMBEDDER_MAPPING, EMBEDDER_CLASS_MAPPING, EmbedderModelClass

__all__ = ["AUTO_EMBEDDER_MAPPING", "EMBEDDER_CLASS_MAPPING", "EmbedderModelClass", "FlagAutoModel"]
