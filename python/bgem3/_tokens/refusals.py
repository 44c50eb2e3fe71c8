"""What transformers' tokenizers have and bgem3's has not, and what to do instead."""

from typing import Any

from .._model.arguments import Harmless, refuse
from ..errors import InvalidArgumentError

# Arguments of transformers' __call__, encode() and tokenize() that would change the result where they are true.
_OPTIONS = {
    "return_overflowing_tokens": "{}, or split long texts before the call",
    "is_split_into_words": "{}, or join the words with spaces",
    "split_special_tokens": "{}, or take the special tokens out of the texts before the call",
    "text_target": "a second call, for the targets",
    "text_pair_target": "a second call, for the targets",
    "tokenizer_kwargs": "arguments of their own",
}
# `stride` is of overflowing tokens alone.
_WITHOUT_EFFECT: Harmless = {"verbose": None, "stride": None, **{name: (False,) for name in _OPTIONS}}
_OF_DECODING: Harmless = {"use_source_tokenizer": None, "spaces_between_special_tokens": None}

_MEMBERS = {
    **dict.fromkeys(("backend_tokenizer", "_tokenizer", "decoder", "set_truncation_and_padding"), "{}, which has it"),
    **dict.fromkeys(("add_tokens", "add_special_tokens"), "tokenizer.json or tokenizer_config.json of the directory"),
    **dict.fromkeys(
        ("save_pretrained", "save_vocabulary", "push_to_hub"),
        "copies of the directory's tokenizer.json, tokenizer_config.json and special_tokens_map.json",
    ),
    **dict.fromkeys(("apply_chat_template", "chat_template", "train_new_from_iterator"), "{}"),
    **dict.fromkeys(("prepare_for_model", "build_inputs_with_special_tokens"), "a call with the texts themselves"),
    **dict.fromkeys(("sp_model", "vocab_file"), "get_vocab(), or the sentencepiece.bpe.model of the directory"),
}


def refuse_options(where: str, options: dict[str, Any], name_or_path: str) -> None:
    """
    Raises:
        InvalidArgumentError: one that bgem3 does not follow
        TypeError: one that nobody knows
    """
    for name, instead in _OPTIONS.items():
        if options.get(name):
            raise InvalidArgumentError(f"{name} is not supported; use {instead.format(_transformers(name_or_path))}")
    refuse(where, options, _WITHOUT_EFFECT)


def refuse_decoding_options(options: dict[str, Any]) -> None:
    """
    Raises:
        TypeError: one that nobody knows
    """
    refuse("decode()", options, _OF_DECODING)


def missing_member(name: str, name_or_path: str) -> AttributeError:
    """The exception for an attribute that bgem3's tokenizer has not, so that hasattr() is False."""
    if name in _MEMBERS:
        instead = _MEMBERS[name].format(_transformers(name_or_path))
        return AttributeError(f"'Tokenizer' has no '{name}', for it is written in C++; use {instead}")
    return AttributeError(f"'Tokenizer' has no attribute '{name}'")


def _transformers(name_or_path: str) -> str:
    return f"transformers.AutoTokenizer.from_pretrained({name_or_path!r:.200})"
