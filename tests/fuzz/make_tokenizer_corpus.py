"""Makes the seed inputs of fuzz_tokenizer: a small model, the same as JSON, its rules, and texts.

    python tests/fuzz/make_tokenizer_corpus.py

The first byte of an input says which of these it is, and its lowest bit the pipeline; see fuzz_tokenizer.cpp.
"""

import base64
import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus" / "tokenizer"
PIECES = {"▁": -2.0, "a": -3.0, "b": -3.0, "ab": -4.0, "▁a": -3.0, "é": -5.0, "中": -6.0}
RULES = {b"\t": b" ", "Ａ".encode(): b"a", "e\u0301".encode(): "é".encode()}
TEXTS = [
    "ab ba",
    " a  b ",
    "Ａ\u0301é e\u0301",
    "<s>a <mask>b</s>",
    "a\0b",
    "中" * 40,
    "\u1100\u1161 \u0915\u094d\u0937",
    "👩\u200d👧🇩🇪",
]
CONFIG = {
    "tokenizer_class": "XLMRobertaTokenizer",
    "truncation_side": "left",
    "mask_token": {"content": "<mask>", "lstrip": True, "normalized": True, "__type": "AddedToken"},
    "added_tokens_decoder": {"12": {"content": "<new>", "rstrip": True, "special": True}},
    "extra_special_tokens": ["ab"],
}
SPECIAL_TOKENS_MAP = {"unk_token": "<unk>", "additional_special_tokens": ["<new>", "b"]}
NOT_UTF8 = [b"\xff\xfea\xe2\x82<s>", b"\xf0\x9f\x98\xed\xa0\x80"]


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def charsmap() -> bytes:
    """The rules as a trie of darts-clone; every node has the next 256 units to itself."""
    units, unit_of, replacements = [256 << 10] + [0] * 511, {b"": 0}, b""
    for key, replacement in RULES.items():
        for size in range(1, len(key) + 1):
            if (prefix := key[:size]) not in unit_of:
                parent = unit_of[key[: size - 1]]
                unit = parent ^ units[parent] >> 10 ^ key[size - 1]
                units[unit] = (unit ^ len(units)) << 10 | key[size - 1]
                unit_of[prefix] = unit
                units += [0] * 256
        unit = unit_of[key]
        units[unit ^ units[unit] >> 10] = 1 << 31 | len(replacements)
        units[unit] |= 1 << 8
        replacements += replacement + b"\0"
    trie = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(trie)) + trie + replacements


def model(rules: bytes) -> bytes:
    def piece(text: str, score: float, kind: int) -> bytes:
        return field(1, field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind]))

    special = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3)
    ordinary = b"".join(piece(text, score, 1) for text, score in PIECES.items())
    return special + ordinary + field(2, b"\x18\x01") + field(3, field(2, rules))


def tokenizer_json(rules: bytes) -> bytes:
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = [[name, 0.0] for name in specials] + [[*piece] for piece in PIECES.items()] + [["<mask>", 0.0]]
    return json.dumps(
        {
            "added_tokens": [{"content": name, "lstrip": name == "<mask>"} for name in [*specials, "<mask>"]],
            "normalizer": {
                "type": "Sequence",
                "normalizers": [{"type": "Precompiled", "precompiled_charsmap": base64.b64encode(rules).decode()}],
            },
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [
                    {"type": "WhitespaceSplit"},
                    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
                ],
            },
            "post_processor": {
                "type": "RobertaProcessing",
                "cls": ["<s>", 0],
                "sep": ["</s>", 2],
                "trim_offsets": False,
                "add_prefix_space": True,
            },
            "truncation": {"direction": "Left"},
            "model": {"type": "Unigram", "unk_id": 3, "vocab": vocabulary},
        }
    ).encode()


def main() -> None:
    rules = charsmap()
    seeds = {
        "model_rules": b"\0" + model(rules),
        "model": b"\1" + model(b""),
        "json": b"\2" + tokenizer_json(b""),
        "json_rules": b"\3" + tokenizer_json(rules),
        "config": b"\6" + json.dumps(CONFIG).encode(),
        "special_tokens_map": b"\x08" + json.dumps(SPECIAL_TOKENS_MAP).encode(),
        "added_tokens": b"\x09" + json.dumps({"<new>": 12, "b a": 13}).encode(),
        "rules": b"\4" + rules,
        "camembert": b"\x0a" + model(rules),
        "camembert_json": b"\x0b" + tokenizer_json(rules),
    }
    for number, text in enumerate([text.encode() for text in TEXTS] + NOT_UTF8):
        seeds[f"text_{number}"] = bytes([12 + number % 2]) + text
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (CORPUS / name).write_bytes(data)


if __name__ == "__main__":
    main()
