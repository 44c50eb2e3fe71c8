"""The files of the tokenizers of RoBERTa and CamemBERT, changed in one way each, as AutoTokenizer reads them."""

import pathlib

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
from every_split import byte_level
from token_ids import MODELS, golden_texts

ROBERTA, CAMEMBERT = MODELS / "roberta-tokenizer", MODELS / "nano-camembert"
VOCABULARY, MERGES, PIECES = "vocab.json", "merges.txt", "sentencepiece.bpe.model"
ROBERTA_FILES = {JSON, CONFIG, VOCABULARY, MERGES}
CAMEMBERT_FILES = {JSON, CONFIG, PIECES}
NUMBER = 8_000  # the first id behind the vocabulary of RoBERTa
CAMEMBERT_NUMBER = 936


def template(content: dict) -> None:
    """What RobertaProcessing says, as TemplateProcessing."""
    cls, sep = ({"SpecialToken": {"id": name, "type_id": 0}} for name in ("<s>", "</s>"))
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [cls, first, sep],
        "pair": [cls, first, sep, sep, second, sep],
        "special_tokens": {n: {"id": n, "ids": [i], "tokens": [n]} for n, i in (("<s>", 0), ("</s>", 2))},
    }


def merges_as_texts(content: dict) -> None:
    content["model"]["merges"] = [" ".join(merge) for merge in content["model"]["merges"]]


MASK_TAKES_SPACE = {
    "mask_token": {
        "__type": "AddedToken",
        "content": "<mask>",
        "lstrip": True,
        "rstrip": False,
        "normalized": False,
        "single_word": False,
    }
}


def without_types(content: dict) -> None:
    """As files of old tokenizers are."""
    merges_as_texts(content)
    for key in ("type", "byte_fallback", "ignore_merges"):
        content["model"].pop(key)


ROBERTA_CHANGES = {
    "none": Change(),
    "vocab.json": Change(without=(JSON,)),
    "vocab.json, by model_type": Change(without=(JSON, CONFIG), files={MODEL: {"model_type": "roberta"}}),
    "prefix": Change(config={"add_prefix_space": True}),
    "vocab.json, prefix": Change(without=(JSON,), config={"add_prefix_space": True}),
    "prefix of tokenizer.json, which the class has not": Change(edit=top(pre_tokenizer=byte_level(True))),
    "prefix, as written": Change(config=AS_WRITTEN, edit=top(pre_tokenizer=byte_level(True))),
    "one word, as written": Change(config=AS_WRITTEN, edit=top(pre_tokenizer=byte_level(False, regex=False))),
    "tokenizer.json alone": Change(without=(CONFIG, VOCABULARY, MERGES)),
    "mask takes space": Change(config=MASK_TAKES_SPACE),
    "special_tokens_map.json": Change(files={MAP: MASK_TAKES_SPACE}),
    "template, as written": Change(config=AS_WRITTEN, edit=template),
    "template, which the class has not": Change(edit=template),
    "merges as texts": Change(edit=merges_as_texts),
    "no type": Change(edit=without_types),
    "an unknown token, as written": Change(config=AS_WRITTEN, edit=model(unk_token="<unk>", fuse_unk=True)),
    "a token more": Change(edit=one_token_more(NUMBER)),
    "a token more, as written": Change(config=AS_WRITTEN, edit=one_token_more(NUMBER, lstrip=True, rstrip=True)),
    "a token that begins with a space": Change(
        config=decoder(_8000={"content": " the", "special": False, "normalized": True, "rstrip": True})
    ),
    "other names": Change(config={"cls_token": NEW, "sep_token": "the", "mask_token": "<m>"}),
    "no unknown token in the vocabulary": Change(config={"unk_token": "<none>"}),
    "additional tokens": Change(config={"additional_special_tokens": [NEW, "The"]}),
}
CAMEMBERT_CHANGES = {
    "none": Change(),
    "sentencepiece.bpe.model": Change(without=(JSON,)),
    "sentencepiece.bpe.model, by model_type": Change(
        without=(JSON, CONFIG), files={MODEL: {"model_type": "camembert"}}
    ),
    "a token more": Change(edit=one_token_more(CAMEMBERT_NUMBER)),
    "tokens of the class": Change(edit=lambda content: content["added_tokens"].clear()),
    "no tokens of the class": Change(config={"extra_special_tokens": []}),
    "as written": Change(config=AS_WRITTEN),
}


def fuzz(count: int, seed: int) -> list[str]:
    """With the tokens of the changes in it."""
    more = (NEW, "<m>", " the", "the", "The", "<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED")
    return list(texts.fuzz(count, golden_texts(), seed, *more))


ROWS = {f"RoBERTa: {name}": (ROBERTA, ROBERTA_FILES, change) for name, change in ROBERTA_CHANGES.items()}
ROWS |= {f"CamemBERT: {name}": (CAMEMBERT, CAMEMBERT_FILES, change) for name, change in CAMEMBERT_CHANGES.items()}
each_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
Row = tuple[pathlib.Path, set[str], Change]


@each_row
def test_directory(row: Row, tmp_path: pathlib.Path) -> None:
    source, files, change = row
    write(change, source, files, tmp_path)
    compare(tmp_path, [*golden_texts()[::20], *fuzz(500, seed=71)])


@pytest.mark.slow
@each_row
def test_directory_and_many_texts(row: Row, tmp_path: pathlib.Path) -> None:
    source, files, change = row
    write(change, source, files, tmp_path)
    compare(tmp_path, [*golden_texts(), *fuzz(10_000, seed=72)])
