"""The tokenizer of a model, for the ways in which people use `model.tokenizer`."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

from . import _core
from ._model.core_tokenizers import read_tokenizer
from ._model.texts import as_list
from ._tokens.encoding import IDS, MASK, Encoding, as_batch, pad, to_tensor
from ._tokens.places import BEGIN, END, PAD, PlacedRow, PlacedText
from ._tokens.refusals import refuse_options
from ._tokens.rows import Around, Row, RowMaker
from ._tokens.strategies import Padding, Truncation, padding_of, truncation_of
from ._tokens.vocabulary import Vocabulary
from .errors import InvalidArgumentError
from .hub import resolve_model

Texts = str | Sequence[str] | Sequence[Sequence[str]]
Pairs = list[tuple[str, str | None]]
"""Texts, each with its second text if it has one."""

_SPECIAL = "special_tokens_mask"
_TYPES = "token_type_ids"


class Tokenizer(Vocabulary):
    """Text to token ids, equal to those of transformers' tokenizer, and back. Safe to use from many threads.

    Calls, arguments and results are those of transformers' tokenizers, its older encode_plus() and batch_encode_plus()
    included, but for overflowing tokens and texts in words, which are refused. So is a `max_length` that has no room for the special
    tokens, which transformers passes over.

    Attributes:
        model_max_length: where truncation is on and no `max_length` is given
        padding_side, truncation_side: "right" or "left"; the latter cannot be set for the tokenizer of a model
        is_fast: True, which programs take for "knows the places of tokens in the text"
    """

    is_fast = True
    pad_token_type_id = 0

    def __init__(
        self,
        core: "_core.Tokenizer",
        model_max_length: int | None = None,
        name_or_path: str = "",
        is_of_model: bool = False,
    ):
        super().__init__(core, name_or_path)
        self.model_max_length = self._settings.max_length if model_max_length is None else model_max_length
        self.padding_side: str = self._settings.padding_side
        self._truncation_side = self._core_side = _truncation_side(core)
        self._is_of_model = is_of_model
        self._around = Around(*core.special_template)
        self.model_input_names = (IDS, _TYPES, MASK) if self._around.has_types else (IDS, MASK)

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | os.PathLike[str], *, pipeline: str = "auto", **hub_options: Any
    ) -> "Tokenizer":
        """Loads the tokenizer of a directory or of a repository on the Hub (see bgem3.resolve_model)."""
        directory = resolve_model(name_or_path, **hub_options)
        return cls(read_tokenizer(directory, pipeline), name_or_path=os.fsdecode(name_or_path))

    @property
    def truncation_side(self) -> str:
        return self._truncation_side

    @truncation_side.setter
    def truncation_side(self, side: str) -> None:
        if self._is_of_model and side != self._core_side:
            raise InvalidArgumentError(
                f"truncation_side of a model's tokenizer is {self._core_side!r}, as its directory says, found {side!r:.200}: "
                "the model would not follow it. Set it in tokenizer_config.json, or take Tokenizer.from_pretrained()"
            )
        self._truncation_side = side

    def __repr__(self) -> str:
        return f"Tokenizer(name_or_path={self.name_or_path!r}, vocab_size={len(self)})"

    def __call__(
        self,
        text: Texts,
        text_pair: str | Sequence[str] | None = None,
        *,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        **others: Any,
    ) -> Encoding:
        """Token ids of a text or of many.

        Args:
            text: a str, or a sequence of B str or pairs of str
            text_pair: as many second texts; gives `<s> text </s></s> pair </s>`, of BERT `[CLS] text [SEP] pair [SEP]`
            padding: True or "longest", "max_length", or False
            truncation: True or "longest_first" cuts to `max_length` (pairs: the longer one first), "only_first" and
                "only_second" that one; None cuts where `max_length` is given and `padding` is not
            max_length: tokens of a row, special tokens included; default: `model_max_length`
            pad_to_multiple_of, padding_side: of padded rows
            return_tensors: "pt", "np" or None for lists
            return_token_type_ids, return_attention_mask, return_special_tokens_mask, return_length: put
                "token_type_ids" (by default where the model has types), "attention_mask" (by default),
                "special_tokens_mask" and "length" in as well
            return_offsets_mapping: puts "offset_mapping" in, of each token (begin, end) in characters of its text; (0, 0)
                for special tokens put in, and padding
            others: `verbose` and `stride` have no effect; what transformers has besides is refused

        Returns:
            B rows under each key; of a single str one row, unless it is a tensor. Its methods find the places of tokens,
            also without return_offsets_mapping.

        Raises:
            InvalidArgumentError: an option that is not followed; places of a tokenizer.json that has them trimmed
        """
        refuse_options("Tokenizer()", others, self.name_or_path)
        how = truncation_of(truncation, padding, max_length, self.model_max_length, self.truncation_side)
        side = self.padding_side if padding_side is None else padding_side
        padding_ = padding_of(padding, max_length, self.model_max_length, side, pad_to_multiple_of, how)
        pairs, single = _as_pairs(text, text_pair)
        rows = self._rows(pairs, how, add_special_tokens)

        ids = [row.tokens for row in rows]
        encoding: dict[str, Any] = {IDS: ids}
        if self._around.has_types if return_token_type_ids is None else return_token_type_ids:
            encoding[_TYPES] = [row.types for row in rows]
        if return_attention_mask is not False:
            encoding[MASK] = _ones(rows)
        if return_special_tokens_mask:
            encoding[_SPECIAL] = [row.special for row in rows]
        encoding = pad(encoding, padding_, self._fill)
        placed = partial(self._placed_rows, pairs, how, add_special_tokens, padding_)
        if return_offsets_mapping:
            found = placed()
            placed = partial(list, found)
            encoding["offset_mapping"] = [row.offsets for row in found]
        if return_length:
            encoding["length"] = [len(row) for row in encoding[IDS]]
        if single and return_tensors is None:
            return Encoding({key: value[0] if key != "length" else value for key, value in encoding.items()}, placed)
        return Encoding({key: to_tensor(value, return_tensors) for key, value in encoding.items()}, placed)

    def encode(
        self,
        text: str,
        text_pair: str | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        **options: Any,
    ) -> Any:
        """The ids alone: a list, or what `return_tensors` says. Other options as of a call."""
        found = self.encode_plus(
            text, text_pair, add_special_tokens, padding, truncation, max_length, stride, **options
        )
        return found[IDS]

    def encode_plus(
        self,
        text: Texts,
        text_pair: str | Sequence[str] | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        **options: Any,
    ) -> Encoding:
        """A call, under the name that transformers 4 had for one text."""
        return self(
            text,
            text_pair,
            add_special_tokens=add_special_tokens,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            stride=stride,
            **options,
        )

    def batch_encode_plus(
        self,
        batch_text_or_text_pairs: Sequence[str] | Sequence[Sequence[str]],
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        **options: Any,
    ) -> Encoding:
        """A call, under the name that transformers 4 had for many texts, or pairs of texts."""
        texts = as_list(batch_text_or_text_pairs, "batch_text_or_text_pairs", "a list of str or of pairs of str")
        return self.encode_plus(texts, None, add_special_tokens, padding, truncation, max_length, stride, **options)

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **options: Any
    ) -> list[str]:
        """The pieces of a text, or of two; "<unk>" for what is unknown. Options as of a call."""
        if not isinstance(text, str):
            raise TypeError(f"text should be a str, found {type(text).__name__}")
        return [self._core.piece(i) for i in self.encode(text, pair, add_special_tokens, **options)]

    def pad(
        self,
        encoded_inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> Encoding:
        """Rows of equal length, filled with `<pad>` and attention mask 0.

        Args:
            encoded_inputs: what a call gave; or a list of such, one for each row. Arrays and tensors stay what they are
            verbose: has no effect
            others: as of a call
        """
        batch, single, kind = as_batch(encoded_inputs)
        if return_attention_mask is not False and MASK not in batch:
            batch[MASK] = [[1] * len(row) for row in batch[IDS]]
        side = self.padding_side if padding_side is None else padding_side
        padding_ = padding_of(padding, max_length, self.model_max_length, side, pad_to_multiple_of)
        padded = pad(batch, padding_, self._fill)
        rows = {key: value[0] for key, value in padded.items()} if single else padded
        return Encoding(rows).convert_to_tensors(kind if return_tensors is None else return_tensors)

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        return self._around.count(pair)

    @property
    def _fill(self) -> dict[str, int]:
        return {IDS: self.pad_token_id, MASK: 0, _TYPES: 0, _SPECIAL: 1}

    def _rows(self, pairs: Pairs, how: Truncation, special: bool) -> list[Row]:
        maker = RowMaker(how, self._around if special else self._around.without_tokens())
        limit = self._core_limit(pairs, how)
        firsts = self._core.tokenize([first for first, _ in pairs], limit)
        seconds = iter(self._core.tokenize([second for _, second in pairs if second is not None], limit))
        return [
            maker.row(self._bare(first), None if second is None else self._bare(next(seconds)))
            for first, (_, second) in zip(firsts, pairs)
        ]

    def _placed_rows(self, pairs: Pairs, how: Truncation, special: bool, padding: Padding) -> list[PlacedRow]:
        """The same rows, padded, with the places of their tokens."""
        maker = RowMaker(how, self._around.marked(BEGIN, END) if special else self._around.without_tokens())
        limit = self._core_limit(pairs, how)
        firsts = self._core.tokenize_with_offsets([first for first, _ in pairs], limit)
        seconds = iter(self._core.tokenize_with_offsets([second for _, second in pairs if second is not None], limit))
        texts = [
            [self._placed(each) for each in ((first,) if second is None else (first, next(seconds)))]
            for first, (_, second) in zip(firsts, pairs)
        ]
        made = [_row_of(placed, maker) for placed in texts]
        columns = {IDS: [row.tokens for row in made], _TYPES: [row.types for row in made]}
        padded = pad(columns, padding, {IDS: PAD, _TYPES: 0})
        special_ids = self.pad_token_id, self._around.before[0], self._around.after[-1]
        return [
            PlacedRow(placed, row, special_ids, self._core.piece, types)
            for placed, row, types in zip(texts, padded[IDS], padded[_TYPES])
        ]

    def _bare(self, tokens: list[Any]) -> list[Any]:
        """Without the special tokens around a text."""
        return tokens[len(self._around.before) : len(tokens) - len(self._around.after)]

    def _placed(self, text: tuple[list[int], list[tuple[int, int]], list[int]]) -> PlacedText:
        ids, offsets, words = text
        return PlacedText(self._bare(ids), self._bare(offsets), self._bare(words))

    def _core_limit(self, pairs: Pairs, how: Truncation) -> int:
        """A max_length for C++, which spares it most of what is cut off; 0: none. Of a pair it matters which is longer."""
        if how.limit is None or how.side != "right" or self._core_side != "right":
            return 0
        spare = self._around.count(pair=False) + 1  # with special tokens, and a token too many
        return 0 if any(second is not None for _, second in pairs) else how.limit + spare


def _row_of(texts: list[PlacedText], maker: RowMaker) -> Row:
    """Indices for PlacedRow."""
    ends = list(accumulate(len(text.ids) for text in texts))
    second = list(range(ends[0], ends[1])) if len(ends) == 2 else None
    return maker.row(list(range(ends[0])), second)


def _ones(rows: Sequence[Row]) -> list[list[int]]:
    return [[1] * len(row.tokens) for row in rows]


def _as_pairs(text: Any, text_pair: Any) -> tuple[Pairs, bool]:
    """Texts with their second text, or None; and whether a single text was given. As transformers, an empty second text
    of a single one is none."""
    if isinstance(text, str):
        if text_pair is not None and not isinstance(text_pair, str):
            raise TypeError(f"text_pair should be a str as text is, found {type(text_pair).__name__}")
        return [(text, text_pair or None)], True
    texts = as_list(text, "text", "a str, or a list of str or of pairs of str")
    if text_pair is None:
        return [(each, None) if isinstance(each, str) else _as_pair(i, each) for i, each in enumerate(texts)], False
    seconds = as_list(text_pair, "text_pair", "a list, as text is")
    if len(texts) != len(seconds):
        raise InvalidArgumentError(f"text_pair should have as many texts as text, {len(texts)}, found {len(seconds)}")
    return [_as_pair(i, pair) for i, pair in enumerate(zip(texts, seconds))], False


def _as_pair(index: int, value: Any) -> tuple[str, str]:
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(isinstance(each, str) for each in value):
        return value[0], value[1]
    raise TypeError(f"text {index} should be a str, or a pair of two, found {value!r:.200}")


def _truncation_side(core: "_core.Tokenizer") -> str:
    """Which end the C++ tokenizer cuts off: several files of a directory can say it."""
    before, _, after, _ = core.special_template
    text = f"{core.piece(before[0])}{core.piece(after[-1])}"
    whole, cut = core.tokenize([text])[0], core.tokenize([text], len(before) + len(after) + 1)[0]
    return "right" if cut[len(before)] == whole[len(before)] else "left"
