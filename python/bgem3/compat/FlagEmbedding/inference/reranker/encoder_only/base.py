from bgem3 import FlagReranker as BaseReranker

__all__ = ["BaseReranker"]
