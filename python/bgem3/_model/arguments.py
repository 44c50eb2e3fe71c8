"""What callers pass, before it is followed."""

import operator
from typing import Any

from ..errors import InvalidArgumentError


def refuse_unknown(options: dict[str, Any], where: str) -> None:
    """FlagEmbedding keeps misspelt arguments silently; here they are errors, as in any Python function."""
    if options:
        raise TypeError(f"{where} got unexpected keyword argument(s) {', '.join(map(repr, options))}")


def as_count(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """An int, or an integer of NumPy or torch. A bool is none, though Python takes True for 1.

    Raises:
        InvalidArgumentError: no integer, or out of range
    """
    try:
        number = None if isinstance(value, bool) else value if isinstance(value, int) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        raise InvalidArgumentError(f"{name} should be {_range(least, most)}, found {value!r:.200}")
    return number


def as_count_or_none(name: str, value: Any, least: int = 1) -> int | None:
    """as_count() of an argument that may be None."""
    return None if value is None else as_count(name, value, least)


def _range(least: int, most: int | None) -> str:
    if most is not None:
        return f"an int from {least} to {most}"
    return "a positive int" if least == 1 else f"an int of at least {least}"
