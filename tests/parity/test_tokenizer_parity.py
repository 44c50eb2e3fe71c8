"""Token ids equal Hugging Face's, on every text: the reference runs in the test, ours through `bgem3 tokenize`.

transformers-5 is what transformers builds for the directory, tokenizer-json the tokenizer.json of BGE-M3 as it is. The long
runs are marked slow. BGEM3_FUZZ_SEED and BGEM3_FUZZ_COUNT choose other texts than the 25,000 of the slow run.
"""

import functools
import json
import os
import pathlib
import shutil
from collections.abc import Callable

import pytest
import tokenizer_texts as texts
from token_ids import GOLDEN, MODELS, check, check_all, golden, golden_texts, ours, theirs, unlimited
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase

XLMR = MODELS / "xlm-r-tokenizer"
BGE_M3 = XLMR / "hub" / "bge-m3" / "tokenizer.json"
PIPELINES = {"transformers-5": XLMR, "tokenizer-json": BGE_M3}  # each with what it is run on
GOLDEN_NAMES = {"transformers-5": "classic", "tokenizer-json": "replace"}  # in the file


@functools.cache
def backend(pipeline: str, file: pathlib.Path | None = None) -> Tokenizer:
    """The reference for a pipeline, without truncation and padding."""
    if pipeline == "transformers-5":
        tokenizer = AutoTokenizer.from_pretrained(file.parent if file else XLMR).backend_tokenizer
    else:
        tokenizer = Tokenizer.from_file(str(file or BGE_M3))
    return unlimited(tokenizer)


@functools.cache
def truncating() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(XLMR)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_golden(pipeline: str) -> None:
    check(
        ours(PIPELINES[pipeline], pipeline, golden_texts()),
        [row[GOLDEN_NAMES[pipeline]] for row in golden()],
        golden_texts(),
    )


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_golden_file_is_what_the_reference_gives(pipeline: str) -> None:
    rows = golden()
    live = theirs(backend(pipeline), [row["text"] for row in rows])
    if os.environ.get("BGEM3_WRITE_GOLDEN"):
        new = [{**row, GOLDEN_NAMES[pipeline]: ids} for row, ids in zip(rows, live, strict=True)]
        GOLDEN.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in new), encoding="utf-8")
    check([row[GOLDEN_NAMES[pipeline]] for row in golden()], live, [row["text"] for row in rows])


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_tokenizer_json_alone(pipeline: str, tmp_path: pathlib.Path) -> None:
    shutil.copy(BGE_M3, tmp_path)
    batch = golden_texts() + list(texts.fuzz(2_000, golden_texts(), seed=1))
    check(ours(tmp_path, pipeline, batch), theirs(backend(pipeline), batch), batch)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_file_with_inexact_scores(pipeline: str) -> None:
    """multilingual-e5-small's tokenizer.json has other scores in the last bit, and a <mask> that keeps the space."""
    file = XLMR / "hub" / "multilingual-e5-small" / "tokenizer.json"
    batch = ["a <mask>", "onu-----", *golden_texts(), *texts.fuzz(5_000, golden_texts(), seed=2)]
    check(ours(file, pipeline, batch), theirs(backend(pipeline, file), batch), batch)


@pytest.mark.parametrize("max_length", [2, 3, 8, 64])
def test_truncation(max_length: int) -> None:
    batch = golden_texts()
    expected = truncating()(batch, truncation=True, max_length=max_length)["input_ids"]
    check(ours(XLMR, "transformers-5", batch, "--max-length", str(max_length)), expected, batch)


def test_truncation_of_long_texts() -> None:
    batch = [text + " <mask> end" for text in texts.long_texts(golden_texts(), seed=3)]
    expected = truncating()(batch, truncation=True, max_length=8192)["input_ids"]
    check(ours(XLMR, "transformers-5", batch, "--max-length", "8192"), expected, batch)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_long_texts(pipeline: str) -> None:
    batch = texts.long_texts(golden_texts(), seed=4)
    check(ours(PIPELINES[pipeline], pipeline, batch), theirs(backend(pipeline), batch), batch)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_some_code_points(pipeline: str) -> None:
    """One in 40 code points; all of them in the slow test."""
    check_all(PIPELINES[pipeline], pipeline, backend(pipeline), texts.in_contexts(texts.CODE_POINTS[::40]))


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_code_point(pipeline: str, figure: Callable[..., None]) -> None:
    """Of the planes without characters some, and all with BGEM3_ALL_TEXTS=1."""
    code_points = texts.CODE_POINTS if "BGEM3_ALL_TEXTS" in os.environ else texts.TELLING_CODE_POINTS
    figure(texts=check_all(PIPELINES[pipeline], pipeline, backend(pipeline), texts.in_contexts(code_points)))


def fuzz_of_the_slow_run() -> tuple[int, int]:
    return int(os.environ.get("BGEM3_FUZZ_COUNT", "25000")), int(os.environ.get("BGEM3_FUZZ_SEED", "20"))


@pytest.mark.parametrize(
    "count, seed", [(5_000, 21), pytest.param(*fuzz_of_the_slow_run(), marks=pytest.mark.slow)], ids=["some", "many"]
)
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_fuzz(pipeline: str, count: int, seed: int, figure: Callable[..., None]) -> None:
    every = texts.fuzz(count, golden_texts(), seed)
    figure(texts=check_all(PIPELINES[pipeline], pipeline, backend(pipeline), every), seed=seed)
