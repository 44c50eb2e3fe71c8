"""Token ids of both sides: ours through `bgem3 tokenize`, theirs of the tokenizers package; and how they are compared."""

import itertools
import json
import os
import pathlib
import subprocess
from collections.abc import Iterable, Iterator

from prepared import program
from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "tokenizer_golden.jsonl"
MODELS = pathlib.Path(os.environ.get("BGEM3_TEST_MODELS", ROOT / "models"))
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


def unlimited(tokenizer: Tokenizer) -> Tokenizer:
    """The same, without truncation and padding."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


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
