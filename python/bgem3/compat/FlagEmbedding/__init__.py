"""The names of FlagEmbedding 1.4.2, with the classes of bgem3."""

from . import inference
from .abc.inference import AbsEmbedder, AbsReranker
from .inference import *  # noqa: F403  What FlagEmbedding has at its top is what its inference has.

__all__ = ["AbsEmbedder", "AbsReranker"]
__all__ += inference.__all__
