"""Classes of FlagEmbedding that bgem3 has the names of only: they can be imported, and constructing one is refused."""

from abc import ABC
from typing import Any

_ITSELF = "or take FlagEmbedding itself, without bgem3.compat"


class Abstract(ABC):
    """Base of FlagEmbedding's abstract classes. A class that derives from one can be defined."""

    _INSTEAD = ""
    _MODEL = ""

    def __new__(cls, *_arguments: Any, **_options: Any) -> Any:
        """
        Raises:
            TypeError: always
        """
        raise TypeError(
            f"{cls.__name__} derives from an abstract class of which bgem3 has the name only; derive it from "
            f"{cls._INSTEAD}, {_ITSELF}"
        )


class LanguageModel(Abstract):
    """Base of FlagEmbedding's classes for language models, beside the abstract class that says what to use instead."""

    def __new__(cls, *_arguments: Any, **_options: Any) -> Any:
        """
        Raises:
            TypeError: always
        """
        raise TypeError(
            f"{cls.__name__} runs a language model, and bgem3 runs encoders; use {cls._INSTEAD} with a model such as "
            f"{cls._MODEL}, {_ITSELF}"
        )
