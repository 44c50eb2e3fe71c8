"""Where the tokens of a row come from: from tokens to words and characters of the texts, and back."""

from collections.abc import Callable
from typing import NamedTuple

from .rows import PlacedToken


class TokenSpan(NamedTuple):
    start: int
    end: int  # of the token after the last one


class CharSpan(NamedTuple):
    start: int
    end: int  # of the character after the last one


class PlacedRow:
    """One row of T tokens, with padding, under the names of tokenizers.Encoding. Characters are those of a str, words are
    counted from 0 in each text; special tokens that were put in, and padding, belong to no text.

    Args:
        special: 1 for each token that was put in, padding included
        mask: 1, and 0 for padding
        n_sequences: texts of the row, 1 or 2
        piece: the vocabulary entry of an id
    """

    def __init__(
        self,
        tokens: list[PlacedToken],
        special: list[int],
        mask: list[int],
        n_sequences: int,
        piece: Callable[[int], str],
    ):
        self._tokens = tokens
        self._piece = piece
        self.special_tokens_mask = special
        self.attention_mask = mask
        self.n_sequences = n_sequences

    def __len__(self) -> int:
        return len(self._tokens)

    def __repr__(self) -> str:
        return f"PlacedRow(num_tokens={len(self)})"

    @property
    def ids(self) -> list[int]:
        return [token.id for token in self._tokens]

    @property
    def type_ids(self) -> list[int]:
        return [0] * len(self)

    @property
    def tokens(self) -> list[str]:
        """Vocabulary entries; "<unk>" for what is unknown."""
        return [self._piece(token.id) for token in self._tokens]

    @property
    def offsets(self) -> list[tuple[int, int]]:
        return [token.offsets for token in self._tokens]

    @property
    def word_ids(self) -> list[int | None]:
        return [token.word for token in self._tokens]

    words = word_ids

    @property
    def sequence_ids(self) -> list[int | None]:
        return [token.sequence for token in self._tokens]

    def token_to_sequence(self, token_index: int) -> int | None:
        return self._at(token_index).sequence

    def token_to_word(self, token_index: int) -> int | None:
        return self._at(token_index).word

    def token_to_chars(self, token_index: int) -> CharSpan | None:
        token = self._at(token_index)
        return None if token.sequence is None else CharSpan(*token.offsets)

    def word_to_tokens(self, word_index: int, sequence_index: int = 0) -> TokenSpan | None:
        found = [i for i, token in self._of(sequence_index) if token.word == word_index]
        return TokenSpan(found[0], found[-1] + 1) if found else None

    def word_to_chars(self, word_index: int, sequence_index: int = 0) -> CharSpan | None:
        span = self.word_to_tokens(word_index, sequence_index)
        if span is None:
            return None
        return CharSpan(self._tokens[span.start].offsets[0], self._tokens[span.end - 1].offsets[1])

    def char_to_token(self, char_index: int, sequence_index: int = 0) -> int | None:
        """The first token that has the character in its place."""
        for i, token in self._of(sequence_index):
            if token.offsets[0] <= char_index < token.offsets[1]:
                return i
        return None

    def char_to_word(self, char_index: int, sequence_index: int = 0) -> int | None:
        token = self.char_to_token(char_index, sequence_index)
        return None if token is None else self._tokens[token].word

    def _at(self, index: int) -> PlacedToken:
        return self._tokens[index] if -len(self) <= index < len(self) else PlacedToken(-1)

    def _of(self, sequence: int) -> list[tuple[int, PlacedToken]]:
        """Tokens of a text with their indices; as tokenizers, all where there is no such text."""
        everything = sequence >= self.n_sequences
        return [(i, token) for i, token in enumerate(self._tokens) if everything or token.sequence == sequence]
