"""The files of a BERT tokenizer, changed in one way each, as AutoTokenizer reads them."""

import json
import pathlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import tokenizer_texts as texts
from token_ids import MODELS, check, golden_texts, ours, theirs, unlimited
from transformers import AutoTokenizer

MINILM = MODELS / "minilm"
JSON, CONFIG, MAP, LIST = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"
NEW = "<new>"
NUMBER = 30_522  # the first id behind the vocabulary
AS_WRITTEN = {"tokenizer_class": "TokenizersBackend"}
BERT_PROCESSING = {"type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 101]}
ROBERTA_PROCESSING = BERT_PROCESSING | {"type": "RobertaProcessing", "trim_offsets": True, "add_prefix_space": False}


@dataclass(frozen=True)
class Change:
    """Files that are left out, keys that others have more, and files that are new."""

    without: tuple[str, ...] = ()
    config: dict = field(default_factory=dict)
    model: dict = field(default_factory=dict)
    files: dict[str, dict] = field(default_factory=dict)
    edit: Callable[[dict], object] = lambda content: None


def normalizer(**options) -> Callable[[dict], object]:
    return lambda content: content["normalizer"].update(options)


def model(**options) -> Callable[[dict], object]:
    return lambda content: content["model"].update(options)


def padding(**options) -> Callable[[dict], object]:
    return lambda content: content["padding"].update(options)


def top(**members) -> Callable[[dict], object]:
    return lambda content: content.update(members)


def one_token_more(**flags: bool) -> Callable[[dict], object]:
    token = {"id": NUMBER, "content": NEW, "single_word": False, "lstrip": False, "rstrip": False, "normalized": True}
    return lambda content: content["added_tokens"].append(token | {"special": False} | flags)


def as_sequence(content: dict) -> None:
    content["normalizer"] = {"type": "Sequence", "normalizers": [content["normalizer"]]}


def decoder(**tokens: dict) -> dict:
    """added_tokens_decoder by id, which Python's keywords cannot be."""
    return {"added_tokens_decoder": {number.removeprefix("_"): token for number, token in tokens.items()}}


CHANGES = {
    "none": Change(),
    "vocab.txt": Change(without=(JSON,)),
    "vocab.txt alone": Change(without=(JSON, CONFIG, MAP)),
    "tokenizer.json alone": Change(without=(LIST, CONFIG, MAP)),
    "cased": Change(config={"do_lower_case": False}),
    "cased, vocab.txt": Change(without=(JSON,), config={"do_lower_case": False}),
    "Chinese as it is": Change(config={"tokenize_chinese_chars": False}),
    "accents stay": Change(config={"strip_accents": False}),
    "cased without accents": Change(config={"do_lower_case": False, "strip_accents": True}),
    "two answers about case": Change(edit=normalizer(lowercase=False)),
    "as written": Change(config={"tokenizer_class": "PreTrainedTokenizerFast"}, edit=normalizer(lowercase=False)),
    "a token more": Change(edit=one_token_more()),
    "a token more, as written": Change(config=AS_WRITTEN, edit=one_token_more(lstrip=True)),
    "added_tokens.json": Change(files={"added_tokens.json": {NEW: NUMBER, "Müller": NUMBER + 1}}),
    "additional tokens": Change(config={"additional_special_tokens": [NEW, "The"]}),
    "other names": Change(without=(MAP,), config={"cls_token": NEW, "mask_token": "<m>"}),
    "names that are no pieces": Change(
        without=(MAP, JSON), config={"cls_token": NEW, "sep_token": "<sep>", "mask_token": "<m>", "pad_token": "<p>"}
    ),
    "null": Change(without=(MAP,), config={"mask_token": None, "pad_token": None}),
    "null, vocab.txt": Change(without=(MAP, JSON), config={"mask_token": None, "pad_token": None}),
    "BertProcessing": Change(config=AS_WRITTEN, edit=top(post_processor=BERT_PROCESSING)),
    "words of 5 characters": Change(config=AS_WRITTEN, edit=model(max_input_chars_per_word=5)),
    "words of none": Change(config=AS_WRITTEN, edit=model(max_input_chars_per_word=0)),
    "no prefix": Change(config=AS_WRITTEN, edit=model(continuing_subword_prefix="")),
    "a prefix that no piece has": Change(config=AS_WRITTEN, edit=model(continuing_subword_prefix="@@")),
    "another unknown token": Change(config=AS_WRITTEN, edit=model(unk_token="[PAD]")),
    "two padding tokens": Change(config=AS_WRITTEN | {"pad_token": "[PAD]"}, edit=padding(pad_token=NEW)),
    "padding alone": Change(without=(MAP, CONFIG), edit=padding(pad_token=NEW)),
    "DistilBERT": Change(config={"tokenizer_class": "DistilBertTokenizer"}),
    "by model_type": Change(without=(CONFIG, MAP, JSON), model={"model_type": "bert"}),
    "decoder": Change(
        config=decoder(
            _0={"content": "[PAD]", "special": True},
            _101={"content": "[CLS]", "special": True, "normalized": False},
            _30522={"content": NEW, "special": False, "normalized": True, "single_word": True},
        )
    ),
    "a token that is normalised": Change(
        config=decoder(_30522={"content": "Ünï Code", "special": False, "normalized": True})
    ),
    "RobertaProcessing, which the class has not": Change(edit=top(post_processor=ROBERTA_PROCESSING)),
    "a sequence of one": Change(config=AS_WRITTEN, edit=as_sequence),
    "no type": Change(edit=lambda content: content["model"].pop("type")),
}


def update(file: pathlib.Path, keys: dict) -> None:
    if keys:
        content = json.loads(file.read_text("utf-8")) if file.exists() else {}
        file.write_text(json.dumps(content | keys), "utf-8")


def write(change: Change, out: pathlib.Path) -> None:
    for name in {JSON, CONFIG, MAP, LIST, "config.json"} - {*change.without}:
        shutil.copy(MINILM / name, out)
    update(out / CONFIG, change.config)
    update(out / "config.json", change.model)
    if JSON not in change.without:
        content = json.loads((out / JSON).read_text("utf-8"))
        change.edit(content)
        (out / JSON).write_text(json.dumps(content), "utf-8")
    for name, content in change.files.items():
        (out / name).write_text(json.dumps(content), "utf-8")


def compare(directory: pathlib.Path, batch: list[str]) -> None:
    reference = unlimited(AutoTokenizer.from_pretrained(directory).backend_tokenizer)
    check(ours(directory, "auto", batch), theirs(reference, batch), batch)


def fuzz(count: int, seed: int) -> list[str]:
    """With the tokens of the changes in it, and words that these change."""
    return list(texts.bert_fuzz(count, golden_texts(), seed, NEW, "<m>", "<sep>", "Müller", "The", "ünï code"))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_directory(change: Change, tmp_path: pathlib.Path) -> None:
    write(change, tmp_path)
    compare(tmp_path, [*golden_texts()[::20], *fuzz(500, seed=41)])


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_directory_and_many_texts(change: Change, tmp_path: pathlib.Path) -> None:
    write(change, tmp_path)
    compare(tmp_path, [*golden_texts(), *fuzz(10_000, seed=42)])


def test_all_golden_texts() -> None:
    compare(MINILM, golden_texts())
