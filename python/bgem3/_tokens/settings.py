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
    special_tokens: tuple[str, ...] = ()


def read_settings(directory: str | None) -> TokenizerSettings:
    """Of a directory whose tokenizer was read; None: those of no directory."""
    try:
        config = read_json(pathlib.Path(directory or "") / "tokenizer_config.json") if directory is not None else {}
        return TokenizerSettings(
            max_length=_max_length(config.get("model_max_length")),
            cleans_up=bool(config.get("clean_up_tokenization_spaces", False)),
            padding_side="left" if config.get("padding_side") == "left" else "right",
            special_tokens=tuple(_special_tokens(config)),
        )
    except UNUSABLE:
        return TokenizerSettings()


def _max_length(stated: Any) -> int:
    known = isinstance(stated, (int, float)) and 1 <= stated < _UNSTATED_LENGTH
    return int(stated) if known else _UNSTATED_LENGTH


def _special_tokens(config: dict[str, Any]) -> list[str]:
    """Under the names of transformers 4 and 5."""
    added = config.get("added_tokens_decoder") or {}
    extra = config.get("additional_special_tokens") or []
    named = config.get("extra_special_tokens") or []
    special = [token for token in added.values() if token.get("special")]
    return [_content(token) for token in (*special, *extra, *(named.values() if isinstance(named, dict) else named))]


def _content(token: Any) -> str:
    return str(token["content"]) if isinstance(token, dict) else str(token)
