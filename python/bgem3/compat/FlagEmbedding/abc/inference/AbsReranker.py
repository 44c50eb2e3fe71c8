"""The abstract class of re-rankers."""

from bgem3 import FlagReranker
from bgem3.compat._refused import Abstract


class AbsReranker(Abstract):
    """FlagReranker is of this class."""

    _INSTEAD = "FlagReranker"
    _MODEL = "BAAI/bge-reranker-v2-m3"


AbsReranker.register(FlagReranker)
