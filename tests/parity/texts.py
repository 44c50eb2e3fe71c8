"""Texts for the parity tests: multilingual, of 1 to 8192 tokens, the same in every run."""

import json
import pathlib
import random
from collections.abc import Callable

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "data" / "tokenizer_golden.jsonl"
TRANSLATIONS = pathlib.Path(__file__).resolve().parents[1] / "data" / "translations.json"

# Tokens of the 200 texts, <s> and </s> included; the rest are short. One text is beyond the limit and gets truncated.
LONG = [9000, 4096, 1024, 1000, 513, 512, 511, 300, 280, 260, 257, 256, 255, 220, 180, 150, 129, 128, 127]
SPECIAL = ["", " ", "a", "<s>", "</s> <mask> <pad>", "\u200d", "the the the the the", "中" * 40, "\0", "e\u0301 ﾊﾟ"]
COUNT = 200


def golden_texts() -> list[str]:
    """The texts of the tokenizer's golden file: names, sentences, scripts, and what breaks tokenizers."""
    with GOLDEN.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def text_of(tokens: int, pieces: list[str], count_tokens: Callable[[str], int], rng: random.Random) -> str:
    """Random pieces joined by spaces until there are at least `tokens` tokens."""
    chosen, counted = [], 2
    while counted < tokens:
        piece = rng.choice(pieces)
        chosen.append(piece)
        counted += count_tokens(piece) - 2
    return " ".join(chosen)


def multilingual_texts(count_tokens: Callable[[str], int], seed: int = 7) -> list[str]:
    """The 200 texts in random order; `count_tokens` is the reference tokenizer's."""
    rng = random.Random(seed)
    pieces = golden_texts()
    short = [rng.randint(3, 70) for _ in range(COUNT - len(LONG) - len(SPECIAL))]
    texts = [text_of(tokens, pieces, count_tokens, rng) for tokens in LONG + short] + SPECIAL
    rng.shuffle(texts)
    return texts


def translations() -> dict[str, list[str]]:
    """A dozen sentences by language code, in the same order in each."""
    return json.loads(TRANSLATIONS.read_text(encoding="utf-8"))
