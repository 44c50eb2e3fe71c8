"""Makes the seed inputs of fuzz_byte_level: a small vocabulary with its merges, as files of both kinds, settings, and texts.

    python tests/fuzz/make_byte_level_corpus.py

The first byte of an input says which of these it is, and what options it goes with; see fuzz_byte_level.cpp.
"""

import json
import pathlib

from tokenizers import pre_tokenizers

CORPUS = pathlib.Path(__file__).parent / "corpus" / "byte_level"
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
MERGES = [("Ġ", "a"), ("b", "c"), ("a", "b"), ("ab", "c"), ("Ã", "©")]
TEXTS = [
    "abc ab  bc",
    "it's we've 'd'll",
    " \n a\t\u3000 b  ",
    "<s>a <mask>b</s> <MASK>",
    "a\0b\u200bé12٣",
    "中a中" * 20,
    "ab" * 200,
]
NOT_UTF8 = [b"\xff\xfea\xe2\x82</s>", b"\xf0\x9f\x98\xed\xa0\x80"]
CONFIG = {
    "tokenizer_class": "RobertaTokenizer",
    "add_prefix_space": True,
    "trim_offsets": False,
    "truncation_side": "left",
    "errors": "replace",
    "mask_token": {"content": "<mask>", "lstrip": True, "normalized": True, "__type": "AddedToken"},
    "extra_special_tokens": ["ab"],
}


def vocabulary() -> dict[str, int]:
    pieces = [*SPECIALS, *sorted(pre_tokenizers.ByteLevel.alphabet()), *(left + right for left, right in MERGES)]
    return {piece: i for i, piece in enumerate(pieces)}


def tokenizer_json(merges: list) -> bytes:
    return json.dumps(
        {
            "added_tokens": [{"id": i, "content": name, "special": True} for i, name in enumerate(SPECIALS)],
            "normalizer": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
            "post_processor": {
                "type": "RobertaProcessing",
                "cls": ["<s>", 0],
                "sep": ["</s>", 2],
                "trim_offsets": True,
                "add_prefix_space": False,
            },
            "decoder": {"type": "ByteLevel"},
            "model": {"type": "BPE", "unk_token": "<unk>", "vocab": vocabulary(), "merges": merges},
        },
        ensure_ascii=False,
    ).encode()


def main() -> None:
    as_texts = [" ".join(merge) for merge in MERGES]
    seeds = {
        "vocabulary": b"\0" + json.dumps(vocabulary(), ensure_ascii=False).encode(),
        "merges": b"\1" + "\n".join(["#version: 0.2", *as_texts]).encode(),
        "merges_crlf": b"\1" + "\r\n".join([*as_texts, ""]).encode(),
        "config": b"\2" + json.dumps(CONFIG).encode(),
        "json": b"\3" + tokenizer_json([list(merge) for merge in MERGES]),
        "json_as_written": b"\x0b" + tokenizer_json(as_texts),
        "letters": b"\4" + bytes(range(0, 256, 9)),
    }
    for number, content in enumerate([each.encode() for each in TEXTS] + NOT_UTF8):
        seeds[f"text_{number}"] = bytes([8 * (3 + 5 * number) % 256 | 5]) + content
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (CORPUS / name).write_bytes(data)


if __name__ == "__main__":
    main()
