"""Makes the seed inputs of fuzz_bert_tokenizer: a small vocabulary as vocab.txt and as tokenizer.json, settings, and texts.

    python tests/fuzz/make_bert_corpus.py

The first byte of an input says which of these it is, and what options it goes with; see fuzz_bert_tokenizer.cpp.
"""

import json
import pathlib

CORPUS = pathlib.Path(__file__).parent / "corpus" / "bert_tokenizer"
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [*SPECIALS, "a", "b", "ab", "##a", "##b", "e", "##\u302e", "中", "##,", ","]
TEXTS = [
    "ab ba aab",
    " A\tb\u00a0 ",
    "É\u0301é e\u0301",
    "[CLS]a [MASK]b[SEP] [mask]",
    "a\0b\u200bc\ufffd",
    "中a中" * 20,
    "a\u302e\u0301\U0001d165\u1b44 \u302e",
    "\uac00\u1100\u1161 \u0130\u03a3",
    "a" * 101 + ",b",
]
NOT_UTF8 = [b"\xff\xfea\xe2\x82[SEP]", b"\xf0\x9f\x98\xed\xa0\x80"]
CONFIG = {
    "tokenizer_class": "BertTokenizer",
    "do_lower_case": False,
    "strip_accents": True,
    "tokenize_chinese_chars": False,
    "truncation_side": "left",
    "unk_token": "[UNK]",
    "mask_token": {"content": "[MASK]", "lstrip": True, "normalized": True, "__type": "AddedToken"},
    "added_tokens_decoder": {"24": {"content": "<new>", "rstrip": True, "special": True}},
    "extra_special_tokens": ["ab"],
}


def special(token: str, kind: int) -> dict:
    return {"SpecialToken": {"id": token, "type_id": kind}}


def text(name: str, kind: int) -> dict:
    return {"Sequence": {"id": name, "type_id": kind}}


def tokenizer_json(post_processor: dict) -> bytes:
    return json.dumps(
        {
            "added_tokens": [{"id": i, "content": name, "special": True} for i, name in enumerate(SPECIALS)],
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": None,
                "lowercase": True,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": post_processor,
            "padding": {"pad_token": "[PAD]"},
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": {piece: i for i, piece in enumerate(PIECES)},
            },
        }
    ).encode()


def main() -> None:
    first, last = special("[CLS]", 0), special("[SEP]", 0)
    template = {
        "type": "TemplateProcessing",
        "single": [first, text("A", 0), last],
        "pair": [first, text("A", 0), last, text("B", 1), special("[SEP]", 1)],
        "special_tokens": {name: {"id": name, "ids": [i]} for name, i in (("[CLS]", 2), ("[SEP]", 3))},
    }
    separators = {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]}
    seeds = {
        "lines": b"\0" + "\n".join(PIECES).encode(),
        "lines_crlf": b"\0" + "\r\n".join([*PIECES, "", "a"]).encode(),
        "json": b"\1" + tokenizer_json(template),
        "json_as_written": b"\x09" + tokenizer_json(template),
        "json_separators": b"\x09" + tokenizer_json(separators),
        "config": b"\2" + json.dumps(CONFIG).encode(),
        "config_distilbert": b"\2" + json.dumps({"tokenizer_class": "DistilBertTokenizerFast"}).encode(),
    }
    for number, content in enumerate([each.encode() for each in TEXTS] + NOT_UTF8):
        seeds[f"text_{number}"] = bytes([8 * (7 + 5 * number) % 256 | 3]) + content
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (CORPUS / name).write_bytes(data)


if __name__ == "__main__":
    main()
