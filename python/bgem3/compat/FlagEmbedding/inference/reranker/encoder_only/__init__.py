"""Re-rankers that bgem3 has."""

from .base import BaseReranker as FlagReranker

__all__ = ["FlagReranker"]
