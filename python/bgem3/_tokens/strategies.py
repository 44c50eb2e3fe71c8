"""Padding and truncation of a tokenizer's call, from the names that transformers has for them."""

from dataclasses import dataclass
from typing import Any, Literal

from ..errors import InvalidArgumentError, listed

Side = Literal["right", "left"]

_PADDINGS = ("longest", "max_length", "do_not_pad")
_TRUNCATIONS = ("longest_first", "only_first", "only_second", "do_not_truncate")
_NO_LIMIT = 10**20  # beyond it transformers takes a tokenizer's model_max_length for "none is stated"


@dataclass(frozen=True)
class Truncation:
    """How long rows may be, special tokens included, and which text loses tokens at which end."""

    limit: int | None = None
    strategy: str = "longest_first"
    side: Side = "right"

    def room(self, special_tokens: int) -> int | None:
        """Ids of texts that fit beside so many special tokens; None: any number."""
        if self.limit is None:
            return None
        if self.limit < special_tokens:
            raise InvalidArgumentError(
                f"max_length should be at least {special_tokens}, for there are so many special tokens, found {self.limit}"
            )
        return self.limit - special_tokens


@dataclass(frozen=True)
class Padding:
    """How long rows become."""

    longest: bool = False  # all as long as the longest
    width: int = 0  # at least so long
    multiple: int = 1
    side: Side = "right"

    def width_of(self, lengths: list[int]) -> int:
        """0: rows stay as they are."""
        width = max(lengths, default=0) if self.longest else self.width
        return -(-width // self.multiple) * self.multiple


def truncation_of(
    truncation: Any, padding: Any, max_length: int | None, model_max_length: int, side: str
) -> Truncation:
    """As transformers: a `max_length` alone asks for truncation. Enumerations of transformers are str as well."""
    if truncation is None and max_length is not None and padding in (False, None):
        truncation = True
    strategy = _strategy("truncation", truncation, "longest_first", _TRUNCATIONS)
    if strategy == "do_not_truncate":
        return Truncation()
    limit = _checked("max_length", model_max_length if max_length is None else max_length)
    return Truncation(limit if limit < _NO_LIMIT else None, strategy, _side("truncation_side", side))


def padding_of(
    padding: Any,
    max_length: int | None,
    model_max_length: int,
    side: str,
    multiple: int | None,
    truncation: Truncation = Truncation(),
) -> Padding:
    """
    Raises:
        InvalidArgumentError: rows cut to a length that is no multiple of `multiple`
    """
    strategy = _strategy("padding", padding, "longest", _PADDINGS)
    if strategy == "do_not_pad":
        return Padding()
    multiple = _checked("pad_to_multiple_of", multiple or 1)
    if truncation.limit is not None and truncation.limit % multiple:
        raise InvalidArgumentError(
            f"max_length should be a multiple of pad_to_multiple_of={multiple}, found {truncation.limit}"
        )
    width = _checked("max_length", model_max_length if max_length is None else max_length)
    if strategy == "longest" or width >= _NO_LIMIT:
        return Padding(strategy == "longest", 0, multiple, _side("padding_side", side))
    return Padding(False, width, multiple, _side("padding_side", side))


def _strategy(name: str, value: Any, of_true: str, known: tuple[str, ...]) -> str:
    if value is True:
        return of_true
    if value is False or value is None:
        return known[-1]
    if value not in known:
        raise InvalidArgumentError(f"{name} should be True, False or one of {listed(known)}, found {listed([value])}")
    return known[known.index(value)]


def _side(name: str, side: str) -> Side:
    if side not in ("right", "left"):
        raise InvalidArgumentError(f"{name} should be 'right' or 'left', found {listed([side])}")
    return "right" if side == "right" else "left"


def _checked(name: str, value: int) -> int:
    if value < 1:
        raise InvalidArgumentError(f"{name} should be positive, found {value}")
    return value
