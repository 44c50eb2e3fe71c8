"""Embedders that bgem3 has."""

from .base import BaseEmbedder as FlagModel
from .m3 import M3Embedder as BGEM3FlagModel

__all__ = ["BGEM3FlagModel", "FlagModel"]
