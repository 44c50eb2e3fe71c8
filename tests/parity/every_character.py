"""A tokenizer of BERT that hides nothing: every assigned character is a piece, alone and within a word."""

import itertools
import json
import unicodedata

import tokenizer_texts as texts
from token_ids import MODELS

Options = dict[str, bool | None]


def options_of(lowercase: bool, strip_accents: bool | None, chinese: bool, clean: bool = True) -> Options:
    """Those of BertNormalizer."""
    return {
        "clean_text": clean,
        "handle_chinese_chars": chinese,
        "strip_accents": strip_accents,
        "lowercase": lowercase,
    }


def name_of(options: Options) -> str:
    return ",".join(f"{key}={value}" for key, value in options.items())


def vocabulary() -> dict[str, int]:
    characters = (chr(c) for c in texts.CODE_POINTS if c and unicodedata.category(chr(c)) not in ("Cn", "Co"))
    pieces = itertools.chain(texts.BERT_SPECIALS, *((c, "##" + c) for c in characters))
    return {piece: number for number, piece in enumerate(pieces)}


def description() -> dict:
    """tokenizer.json, as all-MiniLM-L6-v2 has it but for the vocabulary."""
    content = json.loads((MODELS / "minilm" / "tokenizer.json").read_text("utf-8"))
    pieces = vocabulary()
    for token in content["added_tokens"]:
        token["id"] = pieces[token["content"]]
    for token in content["post_processor"]["special_tokens"].values():
        token["ids"] = [pieces[token["id"]]]
    # Longer words than usual, so that more of a text is compared. The limit itself is in unit.word_piece and
    # test_bert_directories.py.
    content["model"] |= {"vocab": pieces, "max_input_chars_per_word": 1_000}
    return content | {"truncation": None, "padding": None}
