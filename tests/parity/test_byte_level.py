"""ByteLevel and BPE as tokenizers runs them, with merges that tell where texts are split into words.

The long runs are marked slow; BGEM3_FUZZ_SEED and BGEM3_FUZZ_COUNT choose other texts than theirs.
"""

import itertools
import json
import os
import pathlib
from collections.abc import Callable, Iterator

import pytest
import tokenizer_texts as texts
from every_split import byte_level, description, pairs_of_kinds, split, written
from token_ids import check, check_all, golden_texts, ours, theirs
from tokenizers import Tokenizer

AS_WRITTEN = "tokenizer-json"
STEPS = {
    "plain": byte_level(prefix=False),
    "prefix": byte_level(prefix=True),
    "one word": byte_level(prefix=False, regex=False),
    "one word, prefix": byte_level(prefix=True, regex=False),
    "cl100k": split("cl100k"),
    "qwen": split("qwen"),
}
each_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
Compare = Callable[[dict, Iterator[str]], int]


@pytest.fixture
def compare(tmp_path: pathlib.Path) -> Compare:
    """compare(step, texts) compares all and tells how many they were."""

    def run(step: dict, every: Iterator[str]) -> int:
        text, backend = written(step)
        (tmp_path / "tokenizer.json").write_text(text, "utf-8")
        return check_all(tmp_path, AS_WRITTEN, backend, every)

    return run


def in_all_contexts(code_points: list[int]) -> Iterator[str]:
    return itertools.chain(texts.in_contexts(code_points), texts.among_kinds(code_points))


@each_step
def test_some_texts(step: dict, compare: Compare, figure) -> None:
    """One in 37 code points and some fuzz; all of them in the slow tests."""
    fuzz = texts.fuzz(1_500, golden_texts(), seed=61)
    every = itertools.chain(golden_texts()[::5], fuzz, in_all_contexts(texts.TELLING_CODE_POINTS[::37]))
    figure(texts=compare(step, every))


@each_step
def test_all_orders_of_kinds(step: dict, compare: Compare) -> None:
    compare(step, iter(pairs_of_kinds()))


@pytest.mark.slow
@each_step
def test_every_code_point(step: dict, compare: Compare, figure) -> None:
    """Of the planes without characters some, and all with BGEM3_ALL_TEXTS=1."""
    code_points = texts.CODE_POINTS if "BGEM3_ALL_TEXTS" in os.environ else texts.TELLING_CODE_POINTS
    figure(texts=compare(step, in_all_contexts(code_points)))


@pytest.mark.slow
@pytest.mark.parametrize("number, step", list(enumerate(STEPS.values())), ids=STEPS.keys())
def test_fuzz(number: int, step: dict, compare: Compare, figure) -> None:
    """200,000 texts in all."""
    count = int(os.environ.get("BGEM3_FUZZ_COUNT", "200000")) // len(STEPS) + 1
    seed = int(os.environ.get("BGEM3_FUZZ_SEED", "62")) + number
    figure(texts=compare(step, texts.fuzz(count, golden_texts(), seed)), seed=seed)


def test_long_texts(compare: Compare) -> None:
    compare(STEPS["plain"], iter(texts.long_texts(golden_texts(), seed=63)))


def test_splits_are_seen() -> None:
    """Were ids the same however a text is split, the tests above would compare little."""
    cut, whole = (written(byte_level(prefix=False, regex=regex))[1] for regex in (True, False))
    batch = [text for text in pairs_of_kinds() if len(cut.pre_tokenizer.pre_tokenize_str(text)) > 1]
    hidden = [text for text, a, b in zip(batch, theirs(cut, batch), theirs(whole, batch), strict=True) if a == b]
    assert len(hidden) < len(batch) / 20, hidden[:20]


@pytest.mark.parametrize("merges", ["texts", "lists"])
def test_merges_that_contradict_each_other(merges: str, tmp_path: pathlib.Path) -> None:
    """Pairs that overlap, stand there twice, or make a piece that another pair makes as well."""
    rules = [("a", "b"), ("b", "c"), ("ab", "c"), ("a", "bc"), ("c", "a"), ("abc", "a"), ("a", "b"), ("b", "c")]
    content = json.loads(json.dumps(description()))
    vocabulary = {piece: i for piece, i in content["model"]["vocab"].items() if len(piece) == 1 or piece[0] == "<"}
    pieces = [*vocabulary, *dict.fromkeys(left + right for left, right in rules)]
    content["model"] |= {
        "vocab": {piece: i for i, piece in enumerate(dict.fromkeys(pieces))},
        "merges": [" ".join(rule) for rule in rules] if merges == "texts" else [list(rule) for rule in rules],
    }
    for token in content["added_tokens"]:
        token["id"] = content["model"]["vocab"][token["content"]]
    for name in ("cls", "sep"):
        token = content["post_processor"][name][0]
        content["post_processor"][name] = [token, content["model"]["vocab"][token]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), "utf-8")
    batch = ["".join(letters) for length in range(1, 8) for letters in itertools.product("abc", repeat=length)]
    batch += [text * 30 for text in batch[:200]]  # words long enough for a heap
    backend = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    check(ours(tmp_path, AS_WRITTEN, batch), theirs(backend, batch), batch)
