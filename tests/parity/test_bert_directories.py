"""The files of a BERT tokenizer, changed in one way each, as AutoTokenizer reads them."""

import pathlib
from collections.abc import Callable

import pytest
import tokenizer_texts as texts
from changed_tokenizer import (
    AS_WRITTEN,
    CONFIG,
    JSON,
    MAP,
    MODEL,
    NEW,
    Change,
    compare,
    decoder,
    model,
    one_token_more,
    top,
    write,
)
from token_ids import MODELS, golden_texts

MINILM = MODELS / "minilm"
LIST = "vocab.txt"
FILES = {JSON, CONFIG, MAP, LIST, MODEL}
NUMBER = 30_522  # the first id behind the vocabulary
BERT_PROCESSING = {"type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 101]}
ROBERTA_PROCESSING = BERT_PROCESSING | {"type": "RobertaProcessing", "trim_offsets": True, "add_prefix_space": False}


def normalizer(**options) -> Callable[[dict], object]:
    return lambda content: content["normalizer"].update(options)


def padding(**options) -> Callable[[dict], object]:
    return lambda content: content["padding"].update(options)


def as_sequence(content: dict) -> None:
    content["normalizer"] = {"type": "Sequence", "normalizers": [content["normalizer"]]}


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
    "a token more": Change(edit=one_token_more(NUMBER)),
    "a token more, as written": Change(config=AS_WRITTEN, edit=one_token_more(NUMBER, lstrip=True)),
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


def fuzz(count: int, seed: int) -> list[str]:
    """With the tokens of the changes in it, and words that these change."""
    return list(texts.bert_fuzz(count, golden_texts(), seed, NEW, "<m>", "<sep>", "Müller", "The", "ünï code"))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_directory(change: Change, tmp_path: pathlib.Path) -> None:
    write(change, MINILM, FILES, tmp_path)
    compare(tmp_path, [*golden_texts()[::20], *fuzz(500, seed=41)])


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_directory_and_many_texts(change: Change, tmp_path: pathlib.Path) -> None:
    write(change, MINILM, FILES, tmp_path)
    compare(tmp_path, [*golden_texts(), *fuzz(10_000, seed=42)])


def test_all_golden_texts() -> None:
    compare(MINILM, golden_texts())
