"""Texts of wanted lengths, which every benchmark in Python is made of."""

import json
import pathlib
import random

BENCH = pathlib.Path(__file__).resolve().parent
GOLDEN = BENCH.parent / "tests" / "data" / "tokenizer_golden.jsonl"
# Tokens of the texts of "24 mixed", drawn from a log-normal distribution cut at 6 and 1024; workloads.h reads the same file.
MIXED = [int(tokens) for tokens in (BENCH / "mixed_lengths.inc").read_text().split(",")]


def pieces() -> list[str]:
    """In many languages. Not those that spell special tokens: CTranslate2 counts the positions after a written-out <pad>
    otherwise."""
    with GOLDEN.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    return [text for text in texts if 10 < len(text) < 500 and "<" not in text]


def text_of(tokens: int, pieces: list[str], tokenizer, rng: random.Random) -> str:
    """A text of exactly `tokens` tokens, unless cutting changes how its end is tokenised."""
    text = ""
    while len(tokenizer(text)["input_ids"]) < tokens:
        text += " " + rng.choice(pieces)
    return tokenizer.decode(tokenizer(text)["input_ids"][1 : tokens - 1])
