"""What a tokenizer gives: rows of ids and what belongs to them, padded and made into tensors."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._model.texts import as_list
from ..errors import InvalidArgumentError, listed
from .strategies import Padding

IDS = "input_ids"
MASK = "attention_mask"

# Of transformers' BatchEncoding: what needs the places of tokens in their text.
_PLACES = (
    "encodings",
    "tokens",
    "words",
    "word_ids",
    "sequence_ids",
    "token_to_sequence",
    "token_to_word",
    "token_to_chars",
    "char_to_token",
    "char_to_word",
    "word_to_tokens",
    "word_to_chars",
)


class Encoding(dict[str, Any]):
    """Token ids and attention mask; as in transformers' BatchEncoding, keys are attributes as well."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            pass
        if name in _PLACES:
            raise AttributeError(
                f"'Encoding' has no '{name}': bgem3's tokenizer does not keep the place of a token in its text; take "
                "transformers' AutoTokenizer for that, and Tokenizer.convert_ids_to_tokens() for the tokens"
            )
        raise AttributeError(f"'Encoding' has no attribute '{name}'")

    def to(self, device: Any, *, non_blocking: bool = False) -> "Encoding":
        """Puts all tensors on `device`, and returns this object."""
        for key, value in self.items():
            if hasattr(value, "to"):
                self[key] = value.to(device, non_blocking=non_blocking)
        return self

    def convert_to_tensors(self, tensor_type: str | None = None) -> "Encoding":
        """Makes arrays ("np") or tensors ("pt") of the rows, and returns this object."""
        self.update({key: to_tensor(rows, tensor_type) for key, rows in self.items()})
        return self


def pad(batch: Mapping[str, Any], padding: Padding, fill: Mapping[str, int]) -> dict[str, Any]:
    """Rows of one length. `fill` has what they are filled with, by key; what it does not name stays as it is."""
    width = padding.width_of([len(row) for row in batch[IDS]])

    def padded(row: Sequence[int], value: int) -> list[int]:
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
