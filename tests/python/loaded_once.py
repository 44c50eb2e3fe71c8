"""Transformers takes four seconds for a tokenizer of XLM-R, and the tests load hundreds."""

import copy
import os
import pathlib
from typing import Any
from unittest import mock

import layouts
from transformers import AutoTokenizer

_LARGE = 1 << 20


def tokenizers_loaded_once() -> Any:
    """Within this, equal tokenizer files are read once; every caller gets a copy with attributes of its own."""
    load, loaded = AutoTokenizer.from_pretrained, {}

    def from_pretrained(name: str | os.PathLike, *arguments: Any, **options: Any) -> Any:
        directory = pathlib.Path(name)
        if arguments or not directory.is_dir():
            return load(name, *arguments, **options)
        key = _tokenizer_files(directory), repr(sorted(options.items()))
        if key not in loaded:
            loaded[key] = load(name, **options)
        return copy.copy(loaded[key])

    return mock.patch.object(AutoTokenizer, "from_pretrained", from_pretrained)


def _tokenizer_files(directory: pathlib.Path) -> frozenset[tuple[str, str | bytes]]:
    """Small files by what is in them, the vocabularies by where they are."""
    files = [directory / name for name in ("config.json", *layouts.TOKENIZER)]
    return frozenset(
        (file.name, str(file.resolve()) if file.stat().st_size > _LARGE else file.read_bytes())
        for file in files
        if file.is_file()
    )
