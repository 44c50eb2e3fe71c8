"""WordPiece, BertNormalizer and BertPreTokenizer as tokenizers runs them, with a vocabulary that hides nothing.

Ids tell each character that normalisation leaves.
The long runs are marked slow; BGEM3_FUZZ_SEED and BGEM3_FUZZ_COUNT choose other texts than theirs.
"""

import itertools
import json
import os
import pathlib
from collections.abc import Callable, Iterator

import pytest
import tokenizer_texts as texts
from every_character import Options, description, name_of, options_of, vocabulary
from token_ids import MODELS, check, check_all, golden_texts, ours, theirs, unlimited
from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer
from transformers import AutoTokenizer

MINILM = MODELS / "minilm"
AS_WRITTEN = "tokenizer-json"
ALL = [options_of(*each) for each in itertools.product((True, False), (None, True, False), (True, False))]
AS_IT_COMES = options_of(lowercase=False, strip_accents=False, chinese=False, clean=False)
ALL.append(AS_IT_COMES)
# Each step is on in one and off in another.
SOME = [
    options_of(lowercase=True, strip_accents=None, chinese=True),
    options_of(lowercase=False, strip_accents=True, chinese=False, clean=False),
    AS_IT_COMES,
]


@pytest.fixture(scope="module")
def content() -> dict:
    return description()


@pytest.fixture(scope="module")
def backend(content: dict) -> Tokenizer:
    return unlimited(Tokenizer.from_str(json.dumps(content)))


@pytest.fixture
def compare(content: dict, backend: Tokenizer, tmp_path: pathlib.Path) -> Callable[[Options, Iterator[str]], int]:
    """compare(options, texts) compares all and tells how many they were."""

    def run(options: Options, every: Iterator[str]) -> int:
        normalizer = {"type": "BertNormalizer", **options}
        (tmp_path / "tokenizer.json").write_text(json.dumps(content | {"normalizer": normalizer}), "utf-8")
        backend.normalizer = BertNormalizer(**options)
        return check_all(tmp_path, AS_WRITTEN, backend, every)

    return run


def in_all_contexts(code_points: list[int]) -> Iterator[str]:
    return itertools.chain(texts.in_contexts(code_points), texts.among_marks(code_points))


@pytest.mark.parametrize("options", SOME, ids=name_of)
def test_some_texts(options: Options, compare, figure) -> None:
    """One in 37 code points, small and capital letters among them, and some fuzz; all of them in the slow tests."""
    code_points = texts.TELLING_CODE_POINTS[::37]
    fuzz = texts.bert_fuzz(1_500, golden_texts(), seed=31)
    every = itertools.chain(golden_texts()[::5], fuzz, in_all_contexts(code_points))
    figure(texts=compare(options, every))


@pytest.mark.slow
@pytest.mark.parametrize("options", ALL, ids=name_of)
def test_every_code_point(options: Options, compare, figure) -> None:
    """Of the planes without characters some, and all with BGEM3_ALL_TEXTS=1."""
    code_points = texts.CODE_POINTS if "BGEM3_ALL_TEXTS" in os.environ else texts.TELLING_CODE_POINTS
    figure(texts=compare(options, in_all_contexts(code_points)))


@pytest.mark.slow
@pytest.mark.parametrize("number, options", list(enumerate(ALL)), ids=map(name_of, ALL))
def test_fuzz(number: int, options: Options, compare, figure) -> None:
    """200,000 texts in all."""
    count = int(os.environ.get("BGEM3_FUZZ_COUNT", "200000")) // len(ALL) + 1
    seed = int(os.environ.get("BGEM3_FUZZ_SEED", "32")) + number
    figure(texts=compare(options, texts.bert_fuzz(count, golden_texts(), seed)), seed=seed)


def test_long_texts(compare) -> None:
    compare(SOME[0], iter(texts.long_texts(golden_texts(), seed=33)))


@pytest.mark.parametrize("max_length", [2, 3, 8, 64])
@pytest.mark.parametrize("side", ["right", "left"])
def test_truncation(side: str, max_length: int, tmp_path: pathlib.Path) -> None:
    for file in MINILM.glob("*token*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | {"truncation_side": side}), "utf-8")
    batch = [*golden_texts()[::10], "word " * 1_000, "a" * 1_000, "[MASK]" * 100]
    expected = AutoTokenizer.from_pretrained(tmp_path)(batch, truncation=True, max_length=max_length)["input_ids"]
    check(ours(tmp_path, "auto", batch, "--max-length", str(max_length)), expected, batch)


def test_every_character_is_known(backend: Tokenizer) -> None:
    """Were much of a text unknown, the tests above would compare little."""
    backend.normalizer = BertNormalizer(**AS_IT_COMES)
    characters = [piece for piece in vocabulary() if len(piece) == 1]
    batch = ["".join(characters[i : i + 50]) for i in range(0, len(characters), 50)]
    assert len(characters) > 140_000
    assert not any(1 in ids for ids in theirs(backend, batch))
