"""What tokenizer_config.json says beyond what the C++ tokenizer reads of it."""

import pathlib
from dataclasses import dataclass
from typing import Any

from ..hub import UNUSABLE, read_json

_UNSTATED_LENGTH = int(1e30)  # transformers' number for it


@dataclass(frozen=True)
class TokenizerSettings:
    """As transformers takes them where the file, or an entry of it, is missing."""

    max_length: int = _UNSTATED_LENGTH
    cleans_up: bool = False
    padding_side: str = "right"
    special_tokens: tuple[str, ...] = ()  # of added_tokens_decoder, the named ones among them
    extra_tokens: tuple[str, ...] = ()


def read_settings(directory: str | None) -> TokenizerSettings:
    """Of a directory whose tokenizer was read; None: those of no directory."""
    try:
        config = read_json(pathlib.Path(directory or "") / "tokenizer_config.json") if directory is not None else {}
        return TokenizerSettings(
            max_length=_max_length(config.get("model_max_length")),
            cleans_up=bool(config.get("clean_up_tokenization_spaces", False)),
            padding_side="left" if config.get("padding_side") == "left" else "right",
            special_tokens=tuple(_special_tokens(config)),
            extra_tokens=tuple(_extra_tokens(config)),
        )
    except UNUSABLE:
        return TokenizerSettings()


def _max_length(stated: Any) -> int:
    known = isinstance(stated, (int, float)) and 1 <= stated < _UNSTATED_LENGTH
    return int(stated) if known else _UNSTATED_LENGTH


def _special_tokens(config: dict[str, Any]) -> list[str]:
    added = config.get("added_tokens_decoder") or {}
    return [_content(token) for token in added.values() if token.get("special")]


def _extra_tokens(config: dict[str, Any]) -> list[str]:
    """Of the name of transformers 5, or else of 4."""
    stated = config.get("extra_special_tokens") or config.get("additional_special_tokens") or []
    return [_content(token) for token in (stated.values() if isinstance(stated, dict) else stated)]


def _content(token: Any) -> str:
    return str(token["content"]) if isinstance(token, dict) else str(token)
