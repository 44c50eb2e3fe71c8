"""Rows of a tokenizer's call: tokens of one text or two, cut to a length, with special tokens put in."""

from dataclasses import dataclass

from ..errors import InvalidArgumentError
from .strategies import Side, Truncation


@dataclass(frozen=True)
class Row:
    tokens: list[int]
    special: list[int]  # 1 for each special token that was put in, else 0


@dataclass(frozen=True)
class RowMaker:
    """Makes rows of numbers that stand for tokens. `specials` stands for `<s>` and `</s>`; None: none are put in."""

    how: Truncation
    specials: tuple[int, int] | None

    def row(self, first: list[int], second: list[int] | None) -> Row:
        return self._of_text(first) if second is None else self._of_pair(first, second)

    def _of_text(self, tokens: list[int]) -> Row:
        room = self.how.room(2 if self.specials else 0)
        if room is not None and room < len(tokens):
            if self.how.strategy == "only_second":
                raise InvalidArgumentError("truncation='only_second' is for pairs, and there is no second text")
            tokens = _truncate(tokens, room, self.how.side)
        if self.specials is None:
            return Row(tokens, [0] * len(tokens))
        begin, end = self.specials
        return Row([begin, *tokens, end], [1, *[0] * len(tokens), 1])

    def _of_pair(self, first: list[int], second: list[int]) -> Row:
        room = self.how.room(4 if self.specials else 0)
        if room is not None:
            first, second = _truncate_pair(first, second, room, self.how)
        if self.specials is None:
            return Row(first + second, [0] * (len(first) + len(second)))
        begin, end = self.specials
        special = [1, *[0] * len(first), 1, 1, *[0] * len(second), 1]
        return Row([begin, *first, end, end, *second, end], special)


def _truncate(tokens: list[int], room: int, side: Side) -> list[int]:
    """`room` tokens at most, without those at one end."""
    return tokens[:room] if side == "right" else tokens[max(len(tokens) - room, 0) :]


def _truncate_pair(first: list[int], second: list[int], room: int, how: Truncation) -> tuple[list[int], list[int]]:
    """Cuts two texts to `room` tokens in all: one of them, or one by one whichever is longer."""
    excess = len(first) + len(second) - room
    if excess <= 0:
        return first, second
    if how.strategy in ("only_first", "only_second"):
        cut = first if how.strategy == "only_first" else second
        if excess >= len(cut):
            raise InvalidArgumentError(f"{how.strategy}: the other text alone leaves no room within {room} tokens")
        kept = _truncate(cut, len(cut) - excess, how.side)
        return (kept, second) if how.strategy == "only_first" else (first, kept)
    small = min(len(first), len(second))
    large = max(small, room - small)
    if small + large > room:
        small = room // 2
        large = room - small
    room_first, room_second = (small, large) if len(first) <= len(second) else (large, small)
    return _truncate(first, room_first, how.side), _truncate(second, room_second, how.side)
