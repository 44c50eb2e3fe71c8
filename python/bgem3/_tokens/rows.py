"""Rows of a tokenizer's call: tokens of one text or two, cut to a length, with special tokens put in."""

from dataclasses import dataclass

from ..errors import InvalidArgumentError
from .strategies import Side, Truncation


@dataclass(frozen=True)
class Row:
    tokens: list[int]
    special: list[int]  # 1 for each special token that was put in, else 0
    types: list[int]


@dataclass(frozen=True)
class Around:
    """The special tokens before, between and after texts. `has_types`: from the second text on tokens are of type 1."""

    before: list[int]
    between: list[int]
    after: list[int]
    has_types: bool

    def without_tokens(self) -> "Around":
        return Around([], [], [], self.has_types)

    def marked(self, begin: int, end: int) -> "Around":
        """As many of these two in place of the ids."""
        before, between, after = [begin] * len(self.before), [end] * len(self.between), [end] * len(self.after)
        return Around(before, between, after, self.has_types)

    def count(self, pair: bool) -> int:
        return len(self.before) + len(self.after) + (len(self.between) if pair else 0)


@dataclass(frozen=True)
class RowMaker:
    """Makes rows of numbers that stand for tokens."""

    how: Truncation
    around: Around

    def row(self, first: list[int], second: list[int] | None) -> Row:
        return self._of_text(first) if second is None else self._of_pair(first, second)

    def _of_text(self, tokens: list[int]) -> Row:
        around = self.around
        room = self.how.room(around.count(pair=False))
        if room is not None and room < len(tokens):
            if self.how.strategy == "only_second":
                raise InvalidArgumentError("truncation='only_second' is for pairs, and there is no second text")
            tokens = _truncate(tokens, room, self.how.side)
        special = [1] * len(around.before) + [0] * len(tokens) + [1] * len(around.after)
        return Row([*around.before, *tokens, *around.after], special, [0] * len(special))

    def _of_pair(self, first: list[int], second: list[int]) -> Row:
        around = self.around
        room = self.how.room(around.count(pair=True))
        if room is not None:
            first, second = _truncate_pair(first, second, room, self.how)
        head = [*around.before, *first, *around.between]
        special = [1] * len(around.before) + [0] * len(first) + [1] * len(around.between)
        special += [0] * len(second) + [1] * len(around.after)
        types = [0] * len(head) + [int(around.has_types)] * (len(special) - len(head))
        return Row([*head, *second, *around.after], special, types)


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
