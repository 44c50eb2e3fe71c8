"""Added tokens with all their flags are found where Hugging Face finds them: random tokens in random texts, live."""

import itertools
import json
import pathlib
import random

import pytest
from token_ids import MODELS, check, ours, theirs
from tokenizers import Tokenizer
from transformers import AutoTokenizer

SOURCE = MODELS / "nano"
PIPELINES = ["transformers-5", "tokenizer-json", "converted"]
FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
# Letters, and what is none; white space; what normalisation changes; marks and joiners, which belong to words.
PARTS = [
    "a",
    "b",
    "é",
    "1",
    "_",
    "-",
    "<",
    ">",
    " ",
    "  ",
    "\t",
    "\u3000",
    "Ａ",
    "ﬁ",
    "\u0301",
    "\u200d",
    "🙂",
    "字",
    "٣",
]


def random_text(chosen: random.Random, most: int) -> str:
    return "".join(chosen.choices(PARTS, k=chosen.randint(1, most)))


def convert(content: dict) -> None:
    """The normalizer becomes what transformers 4.40 and later make of a sentencepiece model."""
    rules = next(step for step in content["normalizer"]["normalizers"] if step["type"] == "Precompiled")
    strip = {"type": "Strip", "strip_left": False, "strip_right": True}
    replace = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}
    content["normalizer"]["normalizers"] = [rules, strip, replace]


def write_tokens(directory: pathlib.Path, chosen: random.Random, pipeline: str) -> list[str]:
    """A tokenizer.json with some tokens more; their contents."""
    content = json.loads((SOURCE / "tokenizer.json").read_text("utf-8"))
    if pipeline == "converted":
        convert(content)
    known = {token["content"] for token in content["added_tokens"]}
    normalizer = Tokenizer.from_str(json.dumps(content)).normalizer
    forms = set()
    pieces = {piece: number for number, (piece, _) in enumerate(content["model"]["vocab"])}
    ids = itertools.count(len(pieces))
    for _ in range(chosen.randint(1, 8)):
        text = random_text(chosen, 3)
        flags = {flag: chosen.random() < 0.4 for flag in FLAGS}
        form = normalizer.normalize_str(text)
        # Of two with the same form tokenizers finds one by chance; with an empty form it panics or never ends.
        if text in known or (flags["normalized"] and (not form or form in forms)):
            continue
        forms |= {form} if flags["normalized"] else set()
        known.add(text)
        number = pieces[text] if text in pieces else next(ids)
        content["added_tokens"].append({"id": number, "content": text, **flags})
    (directory / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    name = "XLMRobertaTokenizer" if pipeline == "transformers-5" else "PreTrainedTokenizerFast"
    (directory / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name}), "utf-8")
    return sorted(known)


def is_cut_well(reference: Tokenizer, text: str) -> bool:
    """tokenizers ends in a panic for some texts, as where a token of white space begins behind its end, since others have
    taken it."""
    try:
        reference.encode(text)
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        return False
    return True


def compare(directory: pathlib.Path, pipeline: str, seed: int) -> None:
    chosen = random.Random(seed)
    directory.mkdir()
    contents = write_tokens(directory, chosen, pipeline)
    batch = [
        "".join(random_text(chosen, 3) if chosen.random() < 0.5 else chosen.choice(contents) for _ in range(length))
        for length in range(1, 9)
        for _ in range(25)
    ]
    if pipeline == "transformers-5":
        reference = AutoTokenizer.from_pretrained(directory).backend_tokenizer
    else:
        reference = Tokenizer.from_file(str(directory / "tokenizer.json"))
    sound = [text for text in batch if is_cut_well(reference, text)]
    check(ours(directory, "auto", sound), theirs(reference, sound), sound)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_random_tokens(pipeline: str, tmp_path: pathlib.Path) -> None:
    for seed in range(25):
        compare(tmp_path / str(seed), pipeline, seed)


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_many_random_tokens(pipeline: str, tmp_path: pathlib.Path) -> None:
    for seed in range(1_000, 1_500):
        compare(tmp_path / str(seed), pipeline, seed)
