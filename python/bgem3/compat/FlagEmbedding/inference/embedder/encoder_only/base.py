from bgem3 import FlagModel as BaseEmbedder

__all__ = ["BaseEmbedder"]
