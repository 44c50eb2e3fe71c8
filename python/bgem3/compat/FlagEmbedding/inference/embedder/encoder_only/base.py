from bgem3 import FlagModel as BaseEmbedder

from ....abc.inference import AbsEmbedder

__all__ = ["AbsEmbedder", "BaseEmbedder"]
