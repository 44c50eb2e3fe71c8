from bgem3 import BGEM3FlagModel as M3Embedder

__all__ = ["M3Embedder"]
