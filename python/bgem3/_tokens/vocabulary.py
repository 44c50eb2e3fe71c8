"""Token ids to pieces and to text, and back: what a tokenizer does without looking at white space."""

import operator
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from .. import _core
from .._model.core_tokenizers import directory_of
from .._model.texts import as_list
from ..errors import InvalidArgumentError
from .refusals import missing_member, refuse_decoding_options
from .settings import read_settings

_NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class Vocabulary:
    """The half of Tokenizer that goes from ids to text."""

    bos_token: str | None
    eos_token: str | None
    unk_token: str | None
    sep_token: str | None
    pad_token: str | None
    cls_token: str | None
    mask_token: str | None

    def __init__(self, core: "_core.Tokenizer", name_or_path: str):
        self._core = core
        named = _named_tokens(core)
        for name in _NAMES:
            setattr(self, name, named.get(name))
        self._settings = read_settings(directory_of(core))
        self._special_ids = {core.piece(i): i for i in core.special_ids}
        self.name_or_path = name_or_path
        self.clean_up_tokenization_spaces = self._settings.cleans_up

    def __len__(self) -> int:
        return len(self._core)

    def __getattr__(self, name: str) -> Any:
        # cls_token_id and its like
        if name.endswith("_token_id") and not name.startswith("_"):
            token = getattr(self, name.removesuffix("_id"))
            return None if token is None else self.convert_tokens_to_ids(token)
        raise missing_member(name, vars(self).get("name_or_path", ""))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_vocabulary"}

    @property
    def vocab_size(self) -> int:
        return len(self)

    @property
    def special_tokens_map(self) -> dict[str, str]:
        return {name: token for name in _NAMES if (token := getattr(self, name)) is not None}

    @property
    def extra_special_tokens(self) -> list[str]:
        """Those that the directory states beside the named ones."""
        named = set(self.special_tokens_map.values())
        added = [token for token in self._settings.special_tokens if token not in named]
        return list(dict.fromkeys([*added, *self._settings.extra_tokens]))

    @property
    def all_special_tokens(self) -> list[str]:
        return list(dict.fromkeys([*self.special_tokens_map.values(), *self.extra_special_tokens]))

    @property
    def all_special_ids(self) -> list[int]:
        return self.convert_tokens_to_ids(self.all_special_tokens)

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **others: Any,
    ) -> Any:
        """Text of token ids: an integer, a sequence, an array or a tensor; a list of texts for a sequence of sequences.

        Args:
            skip_special_tokens: leave special tokens out
            clean_up_tokenization_spaces: join what English writes without a space, such as " ." and " n't"; None: as the
                directory's tokenizer_config.json says. Of byte-level BPE, whose text has its own spaces, nothing is
                joined, as in transformers, and a warning says so.
            others: what transformers takes without effect
        """
        refuse_decoding_options(others)
        ids = _plain(token_ids["input_ids"] if isinstance(token_ids, Mapping) else token_ids)
        clean = (
            self.clean_up_tokenization_spaces if clean_up_tokenization_spaces is None else clean_up_tokenization_spaces
        )
        skipped = frozenset(self.all_special_ids if skip_special_tokens else ())
        if isinstance(ids, list) and ids and isinstance(ids[0], (list, tuple)):
            return [self._text(row, skipped, clean) for row in ids]
        return self._text(ids, skipped, clean)

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **others: Any,
    ) -> list[str]:
        """decode() of many, in a list also for a single sequence."""
        found = self.decode(sequences, skip_special_tokens, clean_up_tokenization_spaces, **others)
        return [found] if isinstance(found, str) else found

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The piece of an id, or the pieces of several; None for an id beyond the vocabulary."""
        plain = _plain(ids)
        if not isinstance(plain, list):
            return self._piece(_as_id(plain))
        skipped = frozenset(self.all_special_ids if skip_special_tokens else ())
        return [self._piece(i) for i in map(_as_id, plain) if i not in skipped]

    def convert_tokens_to_ids(self, tokens: str | Iterable[str]) -> Any:
        """The id of a piece, or the ids of several; that of the unknown token for what is no piece."""
        if isinstance(tokens, str):
            return self._id_of(tokens)
        return [self._id_of(token) for token in as_list(tokens, "tokens", "a str or a list of str")]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        return self._core.decode_pieces(as_list(tokens, "tokens"))

    def get_vocab(self) -> dict[str, int]:
        return dict(self._vocabulary)

    @property
    def vocab(self) -> dict[str, int]:
        return self.get_vocab()

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        return {self._core.piece(i): i for i in range(len(self))}

    def _id_of(self, token: str) -> int | None:
        if not isinstance(token, str):
            raise TypeError(f"a token should be a str, found {token!r:.200}")
        known = self._special_ids.get(token)  # without making the whole vocabulary
        return self._vocabulary.get(token, self._unknown_id) if known is None else known

    @property
    def _unknown_id(self) -> int | None:
        return self._core.unknown_id if self._core.unknown_id >= 0 else None

    def _piece(self, token_id: int) -> str | None:
        return self._core.piece(token_id) if token_id < len(self) else None

    def _text(self, ids: Any, skipped: frozenset[int], clean: bool) -> str:
        wanted = (i for i in map(_as_id, ids if isinstance(ids, (list, tuple)) else [ids]) if i not in skipped)
        text = self._core.decode_pieces([self._core.piece(i) for i in wanted if i < len(self)])
        if clean and self._core.model_type == "BPE":
            warnings.warn(f"{self.name_or_path}: clean_up_tokenization_spaces has no effect on BPE", stacklevel=4)
            return text
        return _clean_up(text) if clean else text


def _named_tokens(core: "_core.Tokenizer") -> dict[str, str]:
    """Those of the files; of a tokenizer.json as written they may name none, and those around a text are taken."""
    before, _, after, _ = core.special_template
    first, last = core.piece(before[0]), core.piece(after[-1])
    around = {"cls_token": first, "bos_token": first, "sep_token": last, "eos_token": last}
    named = core.named_tokens
    unknown = {"unk_token": core.piece(core.unknown_id)} if core.unknown_id >= 0 else {}
    return named if "cls_token" in named else {**around, **unknown, **named}


def _plain(ids: Any) -> Any:
    """Integers and lists of them: of an array or a tensor, what it holds."""
    if hasattr(ids, "tolist"):
        return ids.tolist()
    if hasattr(ids, "__index__"):
        return operator.index(ids)
    rows = as_list(ids, "token ids", "an integer, or a list of integers")
    return [row.tolist() if hasattr(row, "tolist") else row for row in rows]


def _as_id(value: Any) -> int:
    try:
        token_id = operator.index(value)
    except TypeError:
        raise TypeError(f"a token id should be an integer, found {value!r:.200}") from None
    if token_id < 0:
        raise InvalidArgumentError(f"token ids are not negative, found {token_id}; leave such out before the call")
    return token_id


def _clean_up(text: str) -> str:
    for loose, joined in ((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't")):
        text = text.replace(loose, joined)
    for loose in (" 'm", " 's", " 've", " 're"):
        text = text.replace(loose, loose[1:])
    return text
