from bgem3 import BGEM3FlagModel as M3Embedder

from ....abc.inference import AbsEmbedder

__all__ = ["AbsEmbedder", "M3Embedder"]
