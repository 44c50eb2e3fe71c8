"""What is asked: texts in many languages, dealt out to requests, and the vectors that are right."""

import importlib.util
import json
import pathlib
import random
from dataclasses import dataclass

import numpy as np
from protocol import body_of

TEXTS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "tokenizer_golden.jsonl"
LENGTHS = {"short": (10, 0.4, 4, 40), "mixed": (100, 1.2, 6, 1024)}  # of a lognormal: median, sigma; least, most
SEED = 11


@dataclass(frozen=True)
class Workload:
    """Different texts, whose vectors differ; request i is made of texts[i * size : (i + 1) * size]."""

    texts: list[str]
    tokens: list[int]
    size: int

    def __len__(self) -> int:
        return len(self.texts) // self.size

    def bodies(self, route: str) -> list[bytes]:
        """Of all requests."""
        return [body_of(route, self.texts[i * self.size : (i + 1) * self.size]) for i in range(len(self))]

    def by_request(self, vectors: np.ndarray) -> np.ndarray:
        """[B, D] → [requests, size, D]."""
        return vectors.reshape(len(self), self.size, -1)


def make_workload(model: pathlib.Path, length: str, count: int, size: int) -> Workload:
    """`count` texts and at least one request: `length` is one of LENGTHS or a number of tokens."""
    tokenizer, rng = load_tokenizer(model), random.Random(SEED)
    ids_of = lambda text: tokenizer(text)["input_ids"]
    pieces = [ids_of(text)[1:-1] for text in read_pieces()]
    texts: dict[tuple[int, ...], str] = {}  # by ids: what is the same for the model cannot be told apart
    wanted = max(1, count // size) * size
    while len(texts) < wanted:
        for tokens in draw_lengths(length, wanted - len(texts), seed=len(texts)):
            text = tokenizer.decode(draw_ids(pieces, tokens - 2, rng)).strip()
            if text:
                texts.setdefault(tuple(ids_of(text)), text)
    return Workload(list(texts.values()), [len(ids) for ids in texts], size)


def load_tokenizer(model: pathlib.Path):
    """bgem3's, or that of transformers where bgem3's package is not installed: ids are the same."""
    if importlib.util.find_spec("bgem3"):
        from bgem3 import Tokenizer

        return Tokenizer.from_pretrained(model)
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


def read_pieces() -> list[str]:
    """Not those that spell special tokens, which not all tokenizers read alike."""
    with TEXTS.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    return [text for text in texts if 10 < len(text) < 500 and "<" not in text]


def draw_lengths(length: str, count: int, seed: int) -> np.ndarray:
    if length not in LENGTHS:
        return np.full(count, int(length))
    median, sigma, least, most = LENGTHS[length]
    lengths = np.random.default_rng(SEED + seed).lognormal(np.log(median), sigma, count)
    return np.clip(lengths, least, most).astype(int)


def draw_ids(pieces: list[list[int]], count: int, rng: random.Random) -> list[int]:
    ids: list[int] = []
    while len(ids) < count:
        ids += rng.choice(pieces)
    return ids[:count]


def expect_distinct(vectors: np.ndarray, tolerance: float) -> None:
    """Refuses vectors [B, D] among which one taken for another would not be noticed."""
    wide = vectors.astype(np.float64)
    closest = np.inf
    for i in range(1, len(wide)):
        closest = min(closest, np.sqrt(np.square(wide[:i] - wide[i]).mean(axis=1).min()))
    if closest < 2 * tolerance:
        raise SystemExit(
            f"error: the vectors of two texts differ by {closest:.1e} only: with a tolerance of {tolerance:.1e} an answer "
            "to another request would pass for right; lower --tolerance, or take a model that tells texts apart"
        )
