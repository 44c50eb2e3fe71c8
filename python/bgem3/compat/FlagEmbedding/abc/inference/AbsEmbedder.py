"""The abstract class of embedders."""

from bgem3 import BGEM3FlagModel, FlagModel
from bgem3.compat._refused import Abstract


class AbsEmbedder(Abstract):
    """BGEM3FlagModel and FlagModel are of this class."""

    _INSTEAD = "BGEM3FlagModel or FlagModel"
    _MODEL = "BAAI/bge-m3"


AbsEmbedder.register(BGEM3FlagModel)
AbsEmbedder.register(FlagModel)
