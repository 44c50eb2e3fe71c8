"""Where the tokens of a row come from: from tokens to words and characters of the texts, and back."""

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import NamedTuple, SupportsIndex

from ..errors import InvalidArgumentError


class TokenSpan(NamedTuple):
    start: int
    end: int  # of the token after the last one


class CharSpan(NamedTuple):
    start: int
    end: int  # of the character after the last one


class PlacedText(NamedTuple):
    """Tokens of a text, without special tokens put in."""

    ids: list[int]
    offsets: list[tuple[int, int]]  # characters of the text
    words: list[int]  # ascending


PAD, BEGIN, END = -3, -2, -1
"""What stands for special tokens among the indices of PlacedRow."""


class PlacedRow:
    """One row of T tokens, with padding, under the names of tokenizers.Encoding. Characters are those of a str, words are
    counted from 0 in each text; special tokens that were put in, and padding, belong to no text.

    Args:
        texts: one or two
        indices: of tokens of the texts, counted through both; or PAD, BEGIN or END
        special_ids: those of PAD, BEGIN and END
        piece: the vocabulary entry of an id
        type_ids: of the tokens, 0 of padding
    """

    def __init__(
        self,
        texts: list[PlacedText],
        indices: list[int],
        special_ids: tuple[int, int, int],
        piece: Callable[[int], str],
        type_ids: list[int],
    ):
        ids = [*(id_ for text in texts for id_ in text.ids), *special_ids]
        offsets = [*(place for text in texts for place in text.offsets), *[(0, 0)] * 3]
        words = [*(word for text in texts for word in text.words), *[None] * 3]
        sequences = [*(i for i, text in enumerate(texts) for _ in text.ids), *[None] * 3]
        self._piece = piece
        self.type_ids = type_ids
        self.n_sequences = len(texts)
        self.ids = [ids[i] for i in indices]
        self.offsets = [offsets[i] for i in indices]
        self.word_ids: list[int | None] = [words[i] for i in indices]
        self.sequence_ids: list[int | None] = [sequences[i] for i in indices]
        self.special_tokens_mask = [1 if i < 0 else 0 for i in indices]
        self.attention_mask = [0 if i == PAD else 1 for i in indices]

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"PlacedRow(num_tokens={len(self)})"

    @property
    def tokens(self) -> list[str]:
        """Vocabulary entries, as of convert_ids_to_tokens(): "<unk>" for what is unknown, where tokenizers has its
        characters, and added tokens without the spaces that they take."""
        return [self._piece(id_) for id_ in self.ids]

    @property
    def words(self) -> list[int | None]:
        return self.word_ids

    def token_to_sequence(self, token_index: SupportsIndex) -> int | None:
        token = self._token(token_index)
        return None if token is None else self.sequence_ids[token]

    def token_to_word(self, token_index: SupportsIndex) -> int | None:
        token = self._token(token_index)
        return None if token is None else self.word_ids[token]

    def token_to_chars(self, token_index: SupportsIndex) -> CharSpan | None:
        token = self._token(token_index)
        return None if token is None or self.sequence_ids[token] is None else CharSpan(*self.offsets[token])

    def word_to_tokens(self, word_index: SupportsIndex, sequence_index: int = 0) -> TokenSpan | None:
        word = _not_negative("word_index", word_index)
        for text in self._texts(sequence_index):
            words = self.word_ids[text.start : text.end]
            begin, end = bisect_left(words, word), bisect_right(words, word)  # type: ignore[type-var]
            if begin < end:
                return TokenSpan(text.start + begin, text.start + end)
        return None

    def word_to_chars(self, word_index: SupportsIndex, sequence_index: int = 0) -> CharSpan | None:
        span = self.word_to_tokens(word_index, sequence_index)
        return None if span is None else CharSpan(self.offsets[span.start][0], self.offsets[span.end - 1][1])

    def char_to_token(self, char_index: SupportsIndex, sequence_index: int = 0) -> int | None:
        """The first token that has the character in its place."""
        character = _not_negative("char_index", char_index)
        for text in self._texts(sequence_index):  # in which places begin and end later and later
            token = bisect_right(self.offsets, character, text.start, text.end, key=lambda place: place[1])
            if token < text.end and self.offsets[token][0] <= character:
                return token
        return None

    def char_to_word(self, char_index: SupportsIndex, sequence_index: int = 0) -> int | None:
        token = self.char_to_token(char_index, sequence_index)
        return None if token is None else self.word_ids[token]

    def _token(self, index: SupportsIndex) -> int | None:
        token = operator.index(index)
        return token if -len(self) <= token < len(self) else None

    def _texts(self, sequence: int) -> list[TokenSpan]:
        """The tokens of a text; as tokenizers, of all texts where there is no such one."""
        every = range(self.n_sequences)
        return [self._span(i) for i in ([sequence] if sequence in every else every)]

    def _span(self, sequence: int) -> TokenSpan:
        if sequence not in self.sequence_ids:
            return TokenSpan(0, 0)
        start = self.sequence_ids.index(sequence)
        return TokenSpan(start, start + self.sequence_ids.count(sequence))


def _not_negative(name: str, value: SupportsIndex) -> int:
    index = operator.index(value)
    if index < 0:
        raise InvalidArgumentError(f"{name} should not be negative, found {index}")
    return index
