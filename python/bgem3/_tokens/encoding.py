"""What a tokenizer gives: rows of ids and what belongs to them, padded and made into tensors."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, SupportsIndex

import numpy as np

from .._model.texts import as_list
from ..errors import InvalidArgumentError, listed
from .places import CharSpan, PlacedRow, TokenSpan
from .strategies import Padding

IDS = "input_ids"
MASK = "attention_mask"

Places = Callable[[], list[PlacedRow]]
"""Finds the places of the tokens of all rows, when they are first asked for."""


class Encoding(dict[str, Any]):
    """Token ids and attention mask; as in transformers' BatchEncoding, keys are attributes as well, and what a call gave
    knows the places of its tokens: in characters of the texts, and in words of each text counted from 0. An index alone
    is one of the first row. To find the places it keeps the texts. What pad() gives has none, nor has a pickle.
    """

    def __init__(self, rows: Mapping[str, Any], places: Places | None = None):
        super().__init__(rows)
        self._places = places
        self._found: list[PlacedRow] | None = None

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"'Encoding' has no attribute '{name}'") from None

    def __getitem__(self, key: Any) -> Any:
        """What is under a key; or, under an index, the row with the places of its tokens."""
        if isinstance(key, (int, slice)) and self.is_fast:
            return self._rows()[key]
        return super().__getitem__(key)

    # Texts and tokenizer would make it a large one.
    def __reduce__(self) -> tuple[Any, ...]:
        return Encoding, (dict(self),)

    def copy(self) -> "Encoding":
        return Encoding(self, self._places)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> "Encoding":
        return Encoding(deepcopy(dict(self), memo), self._places)

    def to(self, device: Any, *, non_blocking: bool = False) -> "Encoding":
        """Puts all tensors on `device`, and returns this object."""
        for key, value in self.items():
            if hasattr(value, "to"):
                self[key] = value.to(device, non_blocking=non_blocking)
        return self

    def convert_to_tensors(self, tensor_type: str | None = None, prepend_batch_axis: bool = False) -> "Encoding":
        """Makes arrays ("np") or tensors ("pt") of the rows, of one row in a batch of its own where the axis of batches is
        to be prepended, and returns this object."""
        if tensor_type is not None:
            of = (lambda rows: [rows]) if prepend_batch_axis else (lambda rows: rows)
            self.update({key: to_tensor(of(rows), tensor_type) for key, rows in self.items()})
        return self

    # Places

    @property
    def is_fast(self) -> bool:
        """Whether the places of the tokens are known."""
        return self._places is not None

    @property
    def encodings(self) -> list[PlacedRow] | None:
        """None where they are not known."""
        return self._rows() if self.is_fast else None

    @property
    def n_sequences(self) -> int | None:
        """Texts of each row, 1 or 2."""
        rows = self.encodings
        return rows[0].n_sequences if rows else None

    def tokens(self, batch_index: int = 0) -> list[str]:
        """As of Tokenizer.convert_ids_to_tokens()."""
        return self._rows()[batch_index].tokens

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """Of each token of a row 0 or 1 for the first or second text, None for special tokens put in, and padding."""
        return self._rows()[batch_index].sequence_ids

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        return self._rows()[batch_index].word_ids

    def token_to_sequence(
        self, batch_or_token_index: SupportsIndex, token_index: SupportsIndex | None = None
    ) -> int | None:
        row, index = self._row(batch_or_token_index, token_index)
        return row.token_to_sequence(index)

    def token_to_word(
        self, batch_or_token_index: SupportsIndex, token_index: SupportsIndex | None = None
    ) -> int | None:
        row, index = self._row(batch_or_token_index, token_index)
        return row.token_to_word(index)

    def token_to_chars(
        self, batch_or_token_index: SupportsIndex, token_index: SupportsIndex | None = None
    ) -> CharSpan | None:
        row, index = self._row(batch_or_token_index, token_index)
        return row.token_to_chars(index)

    def word_to_tokens(
        self, batch_or_word_index: SupportsIndex, word_index: SupportsIndex | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        row, index = self._row(batch_or_word_index, word_index)
        return row.word_to_tokens(index, sequence_index)

    def word_to_chars(
        self, batch_or_word_index: SupportsIndex, word_index: SupportsIndex | None = None, sequence_index: int = 0
    ) -> CharSpan | None:
        row, index = self._row(batch_or_word_index, word_index)
        return row.word_to_chars(index, sequence_index)

    def char_to_token(
        self, batch_or_char_index: SupportsIndex, char_index: SupportsIndex | None = None, sequence_index: int = 0
    ) -> int | None:
        row, index = self._row(batch_or_char_index, char_index)
        return row.char_to_token(index, sequence_index)

    def char_to_word(
        self, batch_or_char_index: SupportsIndex, char_index: SupportsIndex | None = None, sequence_index: int = 0
    ) -> int | None:
        row, index = self._row(batch_or_char_index, char_index)
        return row.char_to_word(index, sequence_index)

    def _row(self, batch_or_index: SupportsIndex, index: SupportsIndex | None) -> tuple[PlacedRow, SupportsIndex]:
        return (self._rows()[0], batch_or_index) if index is None else (self._rows()[batch_or_index], index)

    def _rows(self) -> list[PlacedRow]:
        """
        Raises:
            InvalidArgumentError: this is not what a call gave
        """
        if self._found is None:
            if self._places is None:
                raise InvalidArgumentError(
                    "the places of tokens are known of what a call of the tokenizer gives, not of what pad(), preprocess() "
                    "or a pickle gives: call the tokenizer with the texts"
                )
            self._found = self._places()
        return self._found


def pad(batch: Mapping[str, Any], padding: Padding, fill: Mapping[str, Any]) -> dict[str, Any]:
    """Rows of one length. `fill` has what they are filled with, by key; what it does not name stays as it is."""
    width = padding.width_of([len(row) for row in batch[IDS]])

    def padded(row: Sequence[Any], value: Any) -> list[Any]:
        filling = [value] * (width - len(row))
        return [*row, *filling] if padding.side == "right" else [*filling, *row]

    return {key: [padded(row, fill[key]) for row in rows] if key in fill else rows for key, rows in batch.items()}


def as_batch(encoded: Any) -> tuple[dict[str, Any], bool, str | None]:
    """What Tokenizer.pad() was given: as rows by key, whether it was a single row, and "np" or "pt" for arrays or
    tensors."""
    if not isinstance(encoded, Mapping):
        items = as_list(encoded, "encoded_inputs", "a mapping, or a list of mappings")
        if not all(isinstance(item, Mapping) for item in items):
            raise TypeError("encoded_inputs should be a mapping such as {'input_ids': ids}, or a list of them")
        encoded = {key: [item[key] for item in items] for key in items[0]} if items else {IDS: []}
    if IDS not in encoded:
        raise InvalidArgumentError(f"encoded_inputs should have 'input_ids', found {listed(list(encoded))}")
    ids = encoded[IDS]
    kind = _kind(ids if hasattr(ids, "dtype") else next(iter(ids), None))
    batch = {key: _as_rows(value) for key, value in encoded.items()}
    single = bool(batch[IDS]) and not isinstance(batch[IDS][0], list)
    return ({key: [value] for key, value in batch.items()} if single else batch), single, kind


def to_tensor(rows: list[Any], kind: str | None) -> Any:
    """int64, "np" or "pt"; the rows themselves for None."""
    if kind is None:
        return rows
    if kind not in ("np", "pt"):
        raise InvalidArgumentError(f"return_tensors should be 'pt', 'np' or None, found {listed([kind])}")
    if len({len(row) for row in rows if isinstance(row, list)}) > 1:
        raise InvalidArgumentError("texts of different lengths make no tensor: pass padding=True")
    array = np.asarray(rows)
    array = array if array.size else array.astype(np.int64)
    if kind == "np":
        return array
    import torch

    return torch.from_numpy(array)


def _kind(value: Any) -> str | None:
    if isinstance(value, np.ndarray):
        return "np"
    return "pt" if hasattr(value, "dtype") and hasattr(value, "detach") else None


def _as_rows(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return [item.tolist() if hasattr(item, "tolist") else item for item in value]
