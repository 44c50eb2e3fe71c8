from bgem3 import FlagAutoModel

__all__ = ["FlagAutoModel"]
