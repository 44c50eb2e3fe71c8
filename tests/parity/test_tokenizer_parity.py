"""Token ids equal Hugging Face's, on every text: the reference runs in the test, ours through `bgem3 tokenize`.

transformers-5 is what transformers builds for the directory, tokenizer-json the tokenizer.json of BGE-M3 as it is. The long
runs are marked slow. BGEM3_FUZZ_SEED and BGEM3_FUZZ_COUNT choose other texts than the 25,000 of the slow run.
"""

import functools
import itertools
import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator

import pytest
import tokenizer_texts as texts
from prepared import program
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "tokenizer_golden.jsonl"
MODELS = pathlib.Path(os.environ.get("BGEM3_TEST_MODELS", ROOT / "models"))
XLMR = MODELS / "xlm-r-tokenizer"
BGE_M3 = XLMR / "hub" / "bge-m3" / "tokenizer.json"
PIPELINES = {"transformers-5": XLMR, "tokenizer-json": BGE_M3}  # each with what it is run on
GOLDEN_NAMES = {"transformers-5": "classic", "tokenizer-json": "replace"}  # in the file
CHUNK = 20_000  # texts compared at a time, so that millions need little memory
Ids = list[list[int]]


def ours(model: pathlib.Path, pipeline: str, batch: list[str], *options: str) -> Ids:
    """Ids of `batch` by `bgem3 tokenize`."""
    command = program("BGEM3_CLI")
    done = subprocess.run(
        [
            command,
            "tokenize",
            "--model",
            str(model),
            "--format",
            "ids",
            "--input-format",
            "jsonl",
            "--pipeline",
            pipeline,
            *options,
        ],
        input="".join(json.dumps({"text": text}) + "\n" for text in batch),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [[int(id_) for id_ in line.split()] for line in done.stdout.splitlines()]


@functools.cache
def backend(pipeline: str, file: pathlib.Path | None = None) -> Tokenizer:
    """The reference for a pipeline, without truncation and padding."""
    if pipeline == "transformers-5":
        tokenizer = AutoTokenizer.from_pretrained(file.parent if file else XLMR).backend_tokenizer
    else:
        tokenizer = Tokenizer.from_file(str(file or BGE_M3))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@functools.cache
def truncating() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(XLMR)


def theirs(tokenizer: Tokenizer, batch: list[str]) -> Ids:
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(batch)]


def golden() -> list[dict]:
    with GOLDEN.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def golden_texts() -> list[str]:
    return [row["text"] for row in golden()]


def chunks(every: Iterable[str]) -> Iterator[list[str]]:
    every = iter(every)
    while chunk := list(itertools.islice(every, CHUNK)):
        yield chunk


def check(found: Ids, expected: Ids, batch: list[str]) -> None:
    assert len(found) == len(expected) == len(batch)
    wrong = [(t, f, e) for t, f, e in zip(batch, found, expected, strict=True) if f != e]
    shown = "\n".join(f"{ascii(t)[:200]}\n  ours   {f[:40]}\n  theirs {e[:40]}" for t, f, e in wrong[:10])
    assert not wrong, f"{len(wrong)} of {len(batch)} texts differ:\n{shown}"


def check_all(model: pathlib.Path, pipeline: str, reference: Tokenizer, every: Iterable[str]) -> int:
    """Compares all texts and returns how many they were."""
    count = 0
    for batch in chunks(every):
        check(ours(model, pipeline, batch), theirs(reference, batch), batch)
        count += len(batch)
    return count


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
