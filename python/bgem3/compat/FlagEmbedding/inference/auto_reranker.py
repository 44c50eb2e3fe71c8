from bgem3 import FlagAutoReranker

__all__ = ["FlagAutoReranker"]
