from bgem3 import FlagReranker as BaseReranker

from ....abc.inference import AbsReranker

__all__ = ["AbsReranker", "BaseReranker"]
