"""Texts, as callers give them."""

from collections.abc import Iterable, Mapping
from typing import Any


def as_texts(texts: Any, name: str = "sentences") -> tuple[list[str], bool]:
    """The texts as a list, and whether a single str was given.

    Raises:
        TypeError: neither a str nor a collection of values in an order, such as a table
    """
    if isinstance(texts, str):
        return [texts], True
    return as_list(texts, name, "a str or a list of str"), False


def as_list(values: Any, name: str, expected: str = "a list of str") -> list[Any]:
    """The values of an argument that is no single text. What they are, the caller looks at.

    Raises:
        TypeError: a str, whose letters would be taken for texts; a table or a mapping, whose names would be; a set,
            which has no order; what cannot be iterated over
    """
    if isinstance(values, list):
        return values
    found = f"{name} should be {expected}, found {type(values).__name__}"
    if _is_table(values):
        raise TypeError(f"{found}; of a table pass one column, as in df['column'].tolist()")
    if isinstance(values, (str, bytes, bytearray, set, frozenset)) or not isinstance(values, Iterable):
        raise TypeError(found)
    return list(values)


def _is_table(values: Any) -> bool:
    """Whether iterating gives names instead of values: dicts and what behaves like one, tables of pandas, Polars, Arrow
    and Hugging Face's datasets. A Series of pandas has keys() as well, but gives its values."""
    if isinstance(values, Mapping) or hasattr(values, "columns") or hasattr(values, "column_names"):
        return True
    return hasattr(values, "keys") and not hasattr(values, "tolist")
