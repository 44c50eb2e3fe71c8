"""What callers pass, before it is followed."""

import operator
from collections.abc import Mapping
from typing import Any, TypeAlias

from ..errors import InvalidArgumentError, listed

Kwargs: TypeAlias = Mapping[str, Any] | None
# An argument → the values that change nothing; None: no value does. An argument that is None is as if it were not given.
Harmless: TypeAlias = Mapping[str, tuple[Any, ...] | None]


def refuse_unknown(options: dict[str, Any], where: str) -> None:
    """FlagEmbedding keeps misspelt arguments silently; here they are errors, as in any Python function."""
    if options:
        raise TypeError(f"{where} got unexpected keyword argument(s) {', '.join(map(repr, options))}")


def refuse(where: str, given: Kwargs, harmless: Harmless) -> None:
    """Raises for what would change results. `where` is a callable or an argument, for the message.

    Raises:
        TypeError: an argument that `harmless` does not know, or no dict
        InvalidArgumentError: a value that it does not know
    """
    for name, value in as_kwargs(where, given).items():
        if value is None:
            continue
        if name not in harmless:
            raise TypeError(f"{where} got {listed([name])}, which bgem3 does not follow; leave it out")
        values = harmless[name]
        if values is not None and not any(value is each or value == each for each in values):
            raise InvalidArgumentError(f"{where}: {name} should be {listed(values)}, found {listed([value])}")


def as_kwargs(where: str, given: Any) -> Mapping[str, Any]:
    """Arguments in a dict; None: there are none."""
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"{where} should be a dict of arguments, found {given!r:.200}")
    return given or {}


def one_of(first: str, first_value: Any, second: str, second_value: Any) -> Any:
    """The value of an argument that has two names; None where neither is given."""
    if first_value is not None and second_value is not None:
        raise TypeError(f"{first} and {second} are names of one argument; pass one of them")
    return second_value if first_value is None else first_value


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
