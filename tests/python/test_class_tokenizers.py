"""Tokenizers of BERT, RoBERTa and CamemBERT: calls, names and decoding against those of transformers for the same files."""

import prepared
import pytest
from transformers import AutoTokenizer

import bgem3

TEXTS = ["Hello World, naïve tokenization don't", "", "[MASK]<mask> a", "long " * 30, "中文  x ", "👩‍👩‍👧 "]
OPTIONS = [
    {},
    {"padding": True},
    {"padding": True, "padding_side": "left"},
    {"truncation": True, "max_length": 8},
    {"add_special_tokens": False},
    {"return_special_tokens_mask": True, "padding": "max_length", "max_length": 40, "truncation": True},
    {"return_token_type_ids": False},
    {"return_offsets_mapping": True},
]
NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
PLACES = ("ids", "type_ids", "offsets", "word_ids", "sequence_ids", "special_tokens_mask", "attention_mask")


@pytest.fixture(scope="module", params=["minilm", "roberta-tokenizer", "nano-camembert"])
def both(request):
    directory = prepared.model_directory(request.param)
    return bgem3.Tokenizer.from_pretrained(directory), AutoTokenizer.from_pretrained(directory)


@pytest.mark.parametrize("seconds", [None, TEXTS[::-1]], ids=["single", "pairs"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_calls(both, seconds, options) -> None:
    found, expected = (tokenizer(TEXTS, seconds, **options) for tokenizer in both)
    assert dict(found) == dict(expected)
    for row in range(len(TEXTS)):
        for name in PLACES:
            assert list(getattr(found[row], name)) == list(getattr(expected[row], name)), (row, name)


def test_names(both) -> None:
    ours, theirs = both
    for name in NAMES:
        assert getattr(ours, name) == getattr(theirs, name)
        assert getattr(ours, f"{name}_id") == getattr(theirs, f"{name}_id")
    for name in ("special_tokens_map", "all_special_tokens", "all_special_ids", "extra_special_tokens", "vocab_size"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert list(ours.model_input_names) == list(theirs.model_input_names)
    for pair in (False, True):
        assert ours.num_special_tokens_to_add(pair) == theirs.num_special_tokens_to_add(pair)
    assert ours.convert_tokens_to_ids("no piece") == theirs.convert_tokens_to_ids("no piece")


@pytest.mark.parametrize("text", [*TEXTS, "Don't do not . a ' b , I'm ! you've ?"])
def test_decoding(both, text) -> None:
    ours, theirs = both
    ids = theirs(text)["input_ids"]
    for flag in (False, True):
        assert ours.decode(ids, skip_special_tokens=flag) == theirs.decode(ids, skip_special_tokens=flag)
        assert ours.decode(ids, clean_up_tokenization_spaces=flag) == theirs.decode(
            ids, clean_up_tokenization_spaces=flag
        )
    pieces = theirs.convert_ids_to_tokens(ids)
    assert ours.convert_ids_to_tokens(ids) == pieces
    assert ours.convert_tokens_to_string(pieces) == theirs.convert_tokens_to_string(pieces)
