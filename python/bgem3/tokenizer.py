"""The tokenizer of a model, for the ways in which people use `model.tokenizer`."""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from . import _core
from .hub import resolve_model

_SPACE = "\u2581"  # how the vocabulary writes a space


class Encoding(dict):
    """Token ids and attention mask; as transformers' BatchEncoding, keys are attributes as well."""

    def __getattr__(self, name: str):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def to(self, device, **options) -> "Encoding":
        """A copy with all tensors on `device`."""
        return Encoding({k: v.to(device, **options) if hasattr(v, "to") else v for k, v in self.items()})


class Tokenizer:
    """Text to token ids, equal to Hugging Face's XLM-RoBERTa tokenizer, and back. Safe to use from many threads."""

    is_fast = True
    padding_side = "right"
    model_input_names = ("input_ids", "attention_mask")
    cls_token = bos_token = "<s>"
    sep_token = eos_token = "</s>"
    pad_token, unk_token, mask_token = "<pad>", "<unk>", "<mask>"

    def __init__(self, core: "_core.Tokenizer", model_max_length: int = 8192, name_or_path: str = ""):
        self._core = core
        self.model_max_length = model_max_length
        self.name_or_path = name_or_path
        self._special_ids: dict[str, int] = core.special_ids

    @classmethod
    def from_pretrained(cls, name_or_path: str | os.PathLike, *, pipeline: str = "auto", **hub_options) -> "Tokenizer":
        """Loads the tokenizer of a directory or of a repository on the Hub (see bgem3.resolve_model)."""
        directory = resolve_model(name_or_path, **hub_options)
        return cls(_core.Tokenizer.load(directory, pipeline), name_or_path=os.fsdecode(name_or_path))

    def __len__(self) -> int:
        return len(self._core)

    def __repr__(self) -> str:
        return f"Tokenizer(name_or_path={self.name_or_path!r}, vocab_size={len(self)})"

    @property
    def vocab_size(self) -> int:
        return len(self)

    @property
    def special_tokens_map(self) -> dict[str, str]:
        names = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
        return {name: getattr(self, name) for name in names}

    @property
    def all_special_tokens(self) -> list[str]:
        return list(dict.fromkeys(self.special_tokens_map.values()))

    @property
    def all_special_ids(self) -> list[int]:
        return [self._special_ids[token] for token in self.all_special_tokens]

    def __getattr__(self, name: str):
        # cls_token_id and its like
        if name.endswith("_token_id") and not name.startswith("_"):
            return self._special_ids[getattr(self, name.removesuffix("_id"))]
        raise AttributeError(f"'Tokenizer' has no attribute '{name}'")

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        return 4 if pair else 2

    # Text to ids

    def __call__(
        self,
        text: str | Sequence[str],
        text_pair: str | Sequence[str] | None = None,
        *,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str = False,
        max_length: int | None = None,
        return_tensors: str | None = None,
        return_attention_mask: bool = True,
        return_token_type_ids: bool = False,
    ) -> Encoding:
        """Token ids of a text or of many.

        Args:
            text: a str, or a sequence of B str
            text_pair: as many second texts; gives `<s> text </s></s> pair </s>`
            padding: True or "longest", "max_length", or False
            truncation: True cuts to `max_length` (pairs: the longer one first), "only_first" and "only_second" that one
            return_tensors: "pt", "np" or None for lists
        """
        single = isinstance(text, str)
        ids = self._content_ids(_as_list(text))
        limit = (self.model_max_length if max_length is None else max_length) if truncation else None
        if text_pair is None:
            rows = [self._finish(row, limit, add_special_tokens) for row in ids]
        else:
            pairs = self._content_ids(_as_list(text_pair))
            rows = [
                self._finish_pair(first, second, limit, truncation, add_special_tokens)
                for first, second in zip(ids, pairs, strict=True)
            ]
        encoding = {"input_ids": rows}
        if return_token_type_ids:
            encoding["token_type_ids"] = [[0] * len(row) for row in rows]
        if return_attention_mask:
            encoding["attention_mask"] = [[1] * len(row) for row in rows]
        if single and return_tensors is None and not padding:
            return Encoding({key: value[0] for key, value in encoding.items()})
        padded = self.pad(encoding, padding=padding, max_length=max_length, return_tensors=return_tensors)
        if single and return_tensors is None:
            return Encoding({key: value[0] for key, value in padded.items()})
        return padded

    def encode(self, text: str, text_pair: str | None = None, **options) -> list[int]:
        return self(text, text_pair, **options)["input_ids"]

    def tokenize(self, text: str, **_options) -> list[str]:
        """The pieces of a text, without special tokens."""
        return [self._core.piece(i) for i in self.encode(text, add_special_tokens=False)]

    def pad(
        self,
        encoding: dict,
        padding: bool | str = True,
        max_length: int | None = None,
        return_tensors: str | None = None,
    ) -> Encoding:
        """Rows of equal length, filled with `<pad>` and attention mask 0 at the end."""
        fill = {"input_ids": self._special_ids["<pad>"], "attention_mask": 0, "token_type_ids": 0}
        padded = {key: [list(row) for row in rows] for key, rows in encoding.items()}
        if padding:
            longest = max((len(row) for row in padded["input_ids"]), default=0)
            width = (max_length or self.model_max_length) if padding == "max_length" else longest
            for key, rows in padded.items():
                for row in rows:
                    row.extend([fill[key]] * (width - len(row)))
        return Encoding({key: _to_tensor(rows, return_tensors) for key, rows in padded.items()})

    def _content_ids(self, texts: list[str]) -> list[list[int]]:
        return [ids[1:-1] for ids in self._core.tokenize(texts)]

    def _finish(self, ids: list[int], limit: int | None, special: bool) -> list[int]:
        ids = ids if limit is None else ids[: max(limit - (2 if special else 0), 0)]
        return [self.cls_token_id, *ids, self.eos_token_id] if special else ids

    def _finish_pair(self, first, second, limit: int | None, truncation: bool | str, special: bool) -> list[int]:
        if limit is not None:
            room = max(limit - (4 if special else 0), 0)
            first, second = truncate_pair(first, second, room, truncation)
        if not special:
            return first + second
        end = self.eos_token_id
        return [self.cls_token_id, *first, end, end, *second, end]

    # Ids to text

    def decode(
        self,
        token_ids: int | Sequence[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = True,
    ) -> str:
        """Text of token ids (a sequence, array or tensor)."""
        ids = _as_ids(token_ids)
        special = set(self._special_ids.values()) if skip_special_tokens else ()
        pieces = [self._core.piece(i) for i in ids if i not in special and 0 <= i < len(self)]
        text = "".join(pieces).replace(_SPACE, " ")
        if pieces and pieces[0].startswith(_SPACE):
            text = text[1:]
        return _clean_up(text) if clean_up_tokenization_spaces else text

    def batch_decode(self, sequences: Sequence[Sequence[int]], **options) -> list[str]:
        return [self.decode(ids, **options) for ids in sequences]

    def convert_ids_to_tokens(self, ids: int | Sequence[int], skip_special_tokens: bool = False) -> str | list[str]:
        if np.ndim(ids) == 0:
            return self._core.piece(_as_ids(ids)[0])
        special = set(self._special_ids.values()) if skip_special_tokens else ()
        return [self._core.piece(i) for i in _as_ids(ids) if i not in special]

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> int | list[int]:
        unknown = self._special_ids["<unk>"]
        if isinstance(tokens, str):
            return self._vocabulary.get(tokens, unknown)
        return [self._vocabulary.get(token, unknown) for token in tokens]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        return "".join(tokens).replace(_SPACE, " ").removeprefix(" ")

    def get_vocab(self) -> dict[str, int]:
        return dict(self._vocabulary)

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        return {self._core.piece(i): i for i in range(len(self))}


def truncate_pair(
    first: list[int], second: list[int], room: int, truncation: bool | str
) -> tuple[list[int], list[int]]:
    """Cuts two texts to `room` ids in all: "only_first", "only_second", or (True) one by one from the longer."""
    excess = len(first) + len(second) - room
    if excess <= 0:
        return first, second
    if truncation in ("only_first", "only_second"):
        shorter = first if truncation == "only_first" else second
        if excess >= len(shorter):
            raise ValueError(f"{truncation}: the other text alone leaves no room within {room} tokens")
        kept = shorter[: len(shorter) - excess]
        return (kept, second) if truncation == "only_first" else (first, kept)
    small = min(len(first), len(second))
    large = max(small, room - small)
    if small + large > room:
        small = room // 2
        large = room - small
    room_first, room_second = (small, large) if len(first) <= len(second) else (large, small)
    return first[:room_first], second[:room_second]


def _as_list(texts: str | Sequence[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)


def _as_ids(ids: Any) -> list[int]:
    """Of an integer or a sequence, an array or a tensor of them."""
    return [int(ids)] if np.ndim(ids) == 0 else [int(i) for i in ids]


def _to_tensor(rows: list[list[int]], kind: str | None):
    if kind is None:
        return rows
    if len({len(row) for row in rows}) > 1:
        raise ValueError("texts of different lengths make no tensor: pass padding=True")
    array = np.array(rows, np.int64)
    if kind == "np":
        return array
    if kind == "pt":
        import torch

        return torch.from_numpy(array)
    raise ValueError(f"return_tensors should be 'pt', 'np' or None, found {kind!r}")


def _clean_up(text: str) -> str:
    for loose, joined in ((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't")):
        text = text.replace(loose, joined)
    for loose in (" 'm", " 's", " 've", " 're"):
        text = text.replace(loose, loose[1:])
    return text
